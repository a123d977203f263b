/** Trees that are ready before a burst: its changes build none, and no tree that a reader may be in is changed. */
import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { DEFAULT_RETENTION } from '../../../src/core/pubd/ports.js'
import { type Disk, nodeDisk } from '../../../src/core/publication/served-files.js'
import { areModesRight } from '../../../src/core/publication/served-modes.js'
import { areTreesReady, type PreparedTrees, prepareTrees } from '../../../src/core/publication/standing-trees.js'
import { syncFileSystem } from '../../../src/core/publication/sync-file-system.js'
import { verifyTree } from '../../../src/core/publication/verify.js'
import { isTreeCurrent, type WriteReport } from '../../../src/core/publication/writer.js'
import { sampled } from '../../support/processes/sample.js'
import { h } from '../pubd/given.js'
import { failingDisk, quickDisk, type Site, siteWith } from './target.js'

const LARGE = 1000
const still = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n % 5}/${n}.roa`, `${n}`]))

let site: Site
let round = 0

beforeEach(async () => {
  site = await siteWith('acme')
  site.server.retention = { ...DEFAULT_RETENTION, maxSeconds: 100_000 }
  round = 0
})
afterEach(() => {
  vi.restoreAllMocks()
  site.remove()
})

/** Publishes so many objects, and a new version of another one. */
async function fill(count = LARGE, disk: Disk = quickDisk): Promise<void> {
  await site.desire('acme', still(count))
  await change(1)
  site.write({ disk })
}

/** A change of one object that is not written. */
async function change(seconds: number): Promise<void> {
  round += 1
  const put = [site.object('f1/a.roa', `a${round}`)]
  await site.server.run({ type: 'publish', changes: [{ publisher: h('acme'), put, drop: [] }] })
  site.later(seconds)
}

async function publish(seconds = 1): Promise<WriteReport> {
  await change(seconds)
  return site.write({ disk: quickDisk })
}

const prepare = (disk = quickDisk) => prepareTrees(site.options({ disk }))
const isReady = (): boolean => areTreesReady(site.repoDir, site.server.now)
const names = (): readonly string[] => fs.readdirSync(join(site.repoDir, 'rsync')).filter((name) => name !== 'current')

const current = (): string => fs.readlinkSync(join(site.repoDir, 'rsync/current'))

/** Prepares until nothing is left to do, five minutes apart. Returns the number of runs. */
function prepareAll(): number {
  for (let runs = 0; ; runs++) {
    site.later(300)
    if (isReady()) return runs
    prepare()
    expect(runs).toBeLessThan(40)
  }
}

/** Prepares as often as it takes for each tree to have its turn. */
function prepareTurns(): PreparedTrees {
  let sum = { built: 0, updated: 0 }
  for (let i = 0; i < 15; i++) {
    site.later(300)
    const { built, updated } = isReady() ? { built: 0, updated: 0 } : prepare()
    sum = { built: sum.built + built, updated: sum.updated + updated }
  }
  return sum
}

/** Paths and hashes of a tree, with the change times of its files and folders. */
function contentOf(name: string): string {
  const lines: string[] = []
  const walk = (path: string): void => {
    const stat = fs.lstatSync(path, { bigint: true })
    lines.push(`${path} ${stat.isDirectory() ? stat.ctimeNs : fs.readFileSync(path, 'utf8')}`)
    if (stat.isDirectory()) for (const inner of fs.readdirSync(path).sort()) walk(join(path, inner))
  }
  walk(join(site.repoDir, 'rsync', name))
  return lines.join('\n')
}

describe('prepareTrees', () => {
  it('makes one tree a run, so that none of fifteen changes in a row builds one or uses one again', async () => {
    await fill()
    expect(isReady()).toBe(false)
    expect(prepare()).toEqual({ built: 1, updated: 0 })
    expect(prepareAll()).toBe(14)
    expect(names()).toHaveLength(16)
    const links = vi.spyOn(fs, 'linkSync')
    const used = new Set<string>()
    for (let i = 0; i < 15; i++) {
      const { rsync } = await publish()
      expect(rsync.whole).toBe(false)
      used.add(rsync.tree)
      expect(site.rsync()).toEqual(site.wanted())
    }
    expect(used.size).toBe(15)
    expect(links.mock.calls.length).toBe(15)
    expect(verifyTree(site.options())).toEqual([])
  })

  it('brings rested trees forward that lack more than twenty changes, and leaves those that may have readers', async () => {
    await fill()
    prepareAll()
    for (let i = 0; i < 8; i++) await publish(600)
    for (let i = 0; i < 21; i++) await change(1)
    const last = (await publish()).rsync.tree
    const trees = JSON.parse(site.read('.state/rsync.json')).trees as { name: string; retiredAt: string | null }[]
    const busy = [last, ...trees.filter((t) => t.retiredAt !== null).map((t) => t.name)]
    expect(busy).toHaveLength(10)
    const before = busy.map(contentOf)
    expect(isReady()).toBe(false)
    expect(prepare()).toEqual({ built: 0, updated: 6 })
    expect(busy.map(contentOf)).toEqual(before)
    expect(isReady()).toBe(true)
    site.later(7200)
    expect(isReady()).toBe(false)
    expect(prepare()).toEqual({ built: 0, updated: 9 })
    expect(isReady()).toBe(true)
    for (let i = 0; i < 15; i++) expect((await publish()).rsync.whole).toBe(false)
    expect(verifyTree(site.options())).toEqual([])
  })

  it('has nothing to do in a small repository, and removes what a large one left', async () => {
    await fill(900)
    expect(isReady()).toBe(true)
    expect(prepare()).toEqual({ built: 0, updated: 0 })
    await fill()
    prepareAll()
    expect(names()).toHaveLength(16)
    await fill(10)
    expect(names()).toHaveLength(3)
    expect(isReady()).toBe(true)
  })

  it('has nothing to do where files are copies, which need space', async () => {
    const copying: Disk = {
      ...quickDisk,
      link: (from) => {
        throw Object.assign(new Error('EXDEV'), { code: 'EXDEV', path: from })
      },
    }
    await fill(LARGE, copying)
    expect(isReady()).toBe(true)
    expect(prepare(copying)).toEqual({ built: 0, updated: 0 })
  })

  it('leaves everything while the published tree is behind, and where the disk is nearly full', async () => {
    await fill()
    const full = vi.spyOn(fs, 'statfsSync').mockReturnValue({ ...fs.statfsSync('/'), bavail: 10 })
    expect(prepare()).toEqual({ built: 0, updated: 0 })
    full.mockRestore()
    await site.desire('acme', still(LARGE))
    expect(prepare()).toEqual({ built: 0, updated: 0 })
    expect(isTreeCurrent(site.options())).toBe(false)
  })

  it('finds, in turn, a folder of a tree that is ready closed, with a file gone or too many, and builds that tree again', async () => {
    await fill()
    prepareAll()
    const folder = (tree: string): string => join(site.repoDir, 'rsync', tree, 'acme', 'f1')
    fs.chmodSync(folder('h'), 0o700)
    fs.rmSync(join(folder('i'), '1.roa'))
    fs.writeFileSync(join(folder('j'), 'mine'), 'x')
    // no fault that a reader could see
    expect(areModesRight(site.repoDir, new Set())).toBe(true)
    expect(prepareTurns()).toEqual({ built: 3, updated: 0 })
    for (let i = 0; i < 15; i++) {
      expect((await publish()).rsync.whole).toBe(false)
      expect(isTreeCurrent(site.options())).toBe(true)
    }
    expect(verifyTree(site.options())).toEqual([])
  })

  it('looks at the modes of trees that have readers', async () => {
    await fill()
    prepareAll()
    const left = current()
    await publish()
    expect(areModesRight(site.repoDir, new Set())).toBe(true)
    fs.chmodSync(join(site.repoDir, 'rsync', left, 'acme'), 0o700)
    expect(areModesRight(site.repoDir, new Set())).toBe(false)
  })

  it.each([
    ['once', false],
    ['for ever', true],
  ])('leaves what is served when an operation fails %s, and trusts no tree that it began', async (_, forEver) => {
    await fill()
    prepareAll()
    for (const n of sampled(
      Array.from({ length: 60 }, (__, i) => i + 1),
      12,
    )) {
      // one is missing, the others lack too much
      fs.rmSync(join(site.repoDir, 'rsync', names().find((name) => name !== current())!), { recursive: true })
      for (let i = 0; i < 21; i++) await change(1)
      await publish(7200)
      site.later(7200)
      const served = site.rsync()
      expect(() => prepareTrees(site.options({ disk: failingDisk(n, forEver).disk }))).toThrow('cannot write')
      expect(site.rsync()).toEqual(served)
      for (let i = 0; i < 3; i++) {
        await publish()
        expect(isTreeCurrent(site.options())).toBe(true)
      }
      expect(site.rsync()).toEqual(site.wanted())
      expect(verifyTree(site.options())).toEqual([])
      site.later(7200)
      prepareAll()
    }
  })
})

describe('syncFileSystem', () => {
  it('syncs where that is known to be enough, and says where it is not', () => {
    expect(syncFileSystem(site.dir, 'true')).toBe(true)
    expect(syncFileSystem(site.dir, 'true', new Set([0x65735546]))).toBe(false)
    expect(syncFileSystem(site.dir, 'false')).toBe(false)
    expect(syncFileSystem(site.dir, 'no-such-program')).toBe(false)
    expect(syncFileSystem(join(site.dir, 'gone'), 'true')).toBe(false)
  })

  it('takes the place of very many syncs only, and they are done where it cannot be', () => {
    const folders = Array.from({ length: 64 }, (_, n) => join(site.dir, `f${n}`))
    for (const folder of folders) fs.mkdirSync(folder)
    const syncs = vi.spyOn(fs, 'fsyncSync')
    nodeDisk.syncAll(site.dir, folders.slice(1))
    expect(syncs).toHaveBeenCalledTimes(63)
    nodeDisk.syncAll(site.dir, folders)
    expect(syncs).toHaveBeenCalledTimes(63)
    vi.spyOn(fs, 'statfsSync').mockReturnValue({ ...fs.statfsSync(site.dir), type: 0x65735546 })
    nodeDisk.syncAll(site.dir, folders)
    expect(syncs).toHaveBeenCalledTimes(63 + 64)
  })
})
