import fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import { nodeDisk } from '../../../src/core/publication/served-files.js'
import { verifyTree } from '../../../src/core/publication/verify.js'
import { isTreeCurrent, servedSerials, writeTree } from '../../../src/core/publication/writer.js'
import { codeOf, h, RRDP } from '../pubd/given.js'
import { digest, failingDisk, type Site, siteWith } from './target.js'

const sites: Site[] = []
const open = async (...publishers: readonly string[]): Promise<Site> => {
  const site = await siteWith(...publishers)
  sites.push(site)
  return site
}
afterEach(() => {
  for (const site of sites.splice(0)) site.remove()
})

/** Follows the notification as a relying party: every file it lists is there with the hash it says. Returns the serial. */
function follow(site: Site): number {
  const notification = site.read('rrdp/notification.xml')
  for (const [, uri, hash] of notification.matchAll(/uri="([^"]+)" hash="([0-9a-f]{64})"/g))
    expect(digest(join(site.repoDir, 'rrdp', uri!.slice(RRDP.length)))).toBe(hash)
  return Number(/serial="(\d+)">/.exec(notification)?.[1])
}

const ta = [{ handle: h('ta'), certificate: utf8('certificate'), tal: 'https://rpki.example.net/ta/ta.cer\n\nMII\n' }]

describe('writeRepository', () => {
  it('serves the present state through rsync, RRDP and ta, readable by everybody whatever the umask', async () => {
    const site = await open('acme', 'beta')
    await site.desire('acme', { 'a.roa': 'a', 'sub/b.cer': 'b' })
    await site.desire('beta', { 'a.roa': 'c' })
    const old = process.umask(0o077)
    try {
      const report = site.write({ ta })
      expect(report).toMatchObject({
        changed: true,
        serial: 3,
        rsync: { tree: 'a', whole: true, files: 3 },
        ta: { files: 2 },
      })
    } finally {
      process.umask(old)
    }
    expect(site.rsync()).toEqual(site.wanted())
    expect(follow(site)).toBe(3)
    expect(site.read('ta/ta.tal')).toContain('MII')
    expect(verifyTree(site.options({ ta }))).toEqual([])
    for (const line of site.everything().split('\n')) {
      const [path = '', , mode] = line.split(' ')
      if (fs.lstatSync(path).isSymbolicLink()) continue
      expect([path, Number(mode) & 0o777]).toEqual([path, fs.lstatSync(path).isDirectory() ? 0o755 : 0o644])
    }
    expect(fs.statSync(join(site.repoDir, 'rsync/current/acme/a.roa')).mtimeMs).toBe(1_700_000_000_000)
    expect(fs.statSync(join(site.repoDir, 'rsync/current/acme/a.roa')).nlink).toBe(2)
  })

  it('writes nothing when nothing changed', async () => {
    const site = await open('acme')
    await site.desire('acme', { 'a.roa': 'a' })
    expect(isTreeCurrent(site.options({ ta }))).toBe(false)
    site.write({ ta })
    const before = site.everything()
    site.later(10_000)
    const { disk, operations } = failingDisk(1, true)
    expect(site.write({ ta, disk })).toMatchObject({
      changed: false,
      rsync: { changed: false },
      rrdp: { changed: false },
    })
    expect(operations()).toBe(0)
    expect(site.everything()).toBe(before)
    expect(isTreeCurrent(site.options({ ta }))).toBe(true)
    expect(servedSerials(site.repoDir)).toEqual({
      rrdp: { session: site.server.state.sessionId, serial: 2 },
      rsync: { session: site.server.state.sessionId, serial: 2 },
    })
  })

  it.each([
    ['the notification', () => 'rrdp/notification.xml'],
    ['the snapshot', (site: Site) => `rrdp/${listedFiles(site)[0]?.split('/rrdp/')[1]}`],
    ['the symlink', () => 'rsync/current'],
    ['the TAL', () => 'ta/ta.tal'],
  ])('is not current without %s, and mends that', async (_, path) => {
    const site = await open('acme')
    await site.desire('acme', { 'a.roa': 'a' })
    site.write({ ta })
    fs.rmSync(join(site.repoDir, path(site)))
    expect(isTreeCurrent(site.options({ ta }))).toBe(false)
    expect(site.write({ ta }).changed).toBe(true)
    expect(verifyTree(site.options({ ta }))).toEqual([])
  })

  it('before pubserver.init writes only ta', async () => {
    const site = await open()
    site.server.state = { ...site.server.state, serial: 0, rsyncBase: '', rrdpBase: '' }
    expect(site.write({ ta })).toMatchObject({ changed: true, serial: 0, ta: { files: 2 } })
    expect(fs.readdirSync(site.repoDir).sort()).toEqual(['.state', 'ta'])
    expect(site.write({ ta }).changed).toBe(false)
  })

  it('brings the idle tree forward by what changed and takes a third when the idle one was in use just now', async () => {
    const site = await open('acme')
    const trees: string[] = []
    const whole: boolean[] = []
    for (let i = 0; i < 8; i++) {
      await site.desire('acme', {
        'a.roa': `a${i}`,
        'b.roa': 'b'.repeat(5000),
        ...(i % 2 === 0 ? { 'dir/c.roa': `c${i}` } : { dir: 'd' }),
      })
      const { rsync } = site.write({ trees: { quietSeconds: 3600, graceSeconds: 600 } })
      trees.push(rsync.tree)
      whole.push(rsync.whole)
      expect(site.rsync()).toEqual(site.wanted())
      expect(verifyTree(site.options())).toEqual([])
      site.later(301)
    }
    expect(trees).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b'])
    expect(whole.slice(3)).toEqual([false, false, false, false, false])
  })

  it('uses two trees when publications are more than two hours apart', async () => {
    const site = await open('acme')
    const trees: string[] = []
    for (let i = 0; i < 5; i++) {
      await site.desire('acme', { 'big.cer': 'x'.repeat(9000), 'a.roa': `a${i}` })
      trees.push(site.write().rsync.tree)
      site.later(7201)
    }
    expect(trees).toEqual(['a', 'b', 'a', 'b', 'a'])
    expect(fs.readdirSync(join(site.repoDir, 'rsync')).sort()).toEqual(['a', 'b', 'current'])
  })

  it('gives publications within the grace time a tree each, up to the limit, keeps them for a day, and then drops them', async () => {
    const site = await open('acme')
    const trees: string[] = []
    for (let i = 0; i < 7; i++) {
      await site.desire('acme', { 'a.roa': `a${i}` })
      trees.push(site.write({ trees: { max: 5 } }).rsync.tree)
      site.later(1)
    }
    expect(trees).toEqual(['a', 'b', 'c', 'd', 'e', 'a', 'b'])
    site.later(7200)
    await site.desire('acme', { 'a.roa': 'next' })
    site.write()
    expect(fs.readdirSync(join(site.repoDir, 'rsync'))).toHaveLength(6)
    site.later(86_400)
    await site.desire('acme', { 'a.roa': 'last' })
    site.write()
    expect(fs.readdirSync(join(site.repoDir, 'rsync'))).toHaveLength(4)
    expect(site.rsync()).toEqual(site.wanted())
  })

  it('copies with the times of the object where links are refused, and links from the current tree what stands there', async () => {
    const site = await open('acme')
    let links = 0
    const disk = {
      ...nodeDisk,
      link: (from: string, to: string): void => {
        if (from.includes('/objects/')) throw Object.assign(new Error('EXDEV'), { code: 'EXDEV' })
        links += 1
        fs.linkSync(from, to)
      },
    }
    await site.desire('acme', { 'a.roa': 'a', 'b.roa': 'b' })
    const first = site.write({ disk }).rsync
    const records = ['rsync.json', 'tree-a.json'].map((name) => fs.statSync(join(site.repoDir, '.state', name)).size)
    expect([first.bytes, links]).toEqual([2 + records.reduce((sum, size) => sum + size), 0])
    await site.desire('acme', { 'a.roa': 'changed', 'b.roa': 'b' })
    site.write({ disk })
    expect(links).toBe(1)
    const stat = fs.statSync(join(site.repoDir, 'rsync/current/acme/a.roa'))
    expect([stat.mtimeMs, stat.mode & 0o777]).toEqual([1_700_000_000_000, 0o644])
    expect(verifyTree(site.options())).toEqual([])
  })

  it('names a missing and a damaged object, and keeps serving what it served', async () => {
    const site = await open('acme')
    await site.desire('acme', { 'a.roa': 'a' })
    site.write()
    const served = [site.rsync(), site.read('rrdp/notification.xml')]
    await site.desire('acme', { 'a.roa': 'b' })
    const path = site.objectPath(site.object('', 'b').sha256)
    fs.rmSync(path)
    expect(codeOf(caught(() => site.write()))).toBe('object-missing')
    fs.writeFileSync(path, 'x')
    expect(codeOf(caught(() => site.write()))).toBe('object-damaged')
    expect(site.read('rrdp/notification.xml')).toBe(served[1])
    fs.writeFileSync(path, 'b')
    site.write({ rebuild: true })
    expect(verifyTree(site.options())).toEqual([])
  })
})

describe('RRDP', () => {
  it('splices a snapshot that is byte for byte the one written in full', async () => {
    const site = await open('acme', 'beta', 'zeta')
    const filler = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`f${i}.roa`, `filler ${i} `.repeat(40)]))
    await site.desire('beta', filler)
    await site.desire('zeta', filler)
    site.write()
    const steps: Readonly<Record<string, string>>[] = [
      { ...filler, 'f3.roa': 'replaced by something shorter' },
      { ...filler, 'f3.roa': 'replaced again', 'zz.roa': 'last of all', '0.roa': 'first of all' },
      { ...filler, 'dir/x.cer': 'deeper' },
      Object.fromEntries(Object.entries(filler).slice(1, -1)),
      filler,
    ]
    for (const step of steps) {
      await site.desire('beta', step)
      if (step === steps[1]) await site.desire('acme', { 'new.roa': 'a publisher that sorts first' })
      const { rrdp } = site.write()
      expect(rrdp.spliced).toBe(true)
      const spliced = site.read('rrdp/notification.xml')
      expect(follow(site)).toBe(site.server.state.serial)
      site.write({ rebuild: true })
      expect(site.read('rrdp/notification.xml')).toBe(spliced)
    }
    expect(verifyTree(site.options())).toEqual([])
  })

  it.each([
    ['the first', 'acme'],
    ['one between others', 'beta'],
    ['the last', 'zeta'],
  ])('splices away %s publisher, together with several changes of others', async (_, removed) => {
    const site = await open('acme', 'beta', 'mid', 'zeta')
    const texts = Object.fromEntries(Array.from({ length: 9 }, (__, i) => [`f${i}.roa`, `filler ${i} `.repeat(40)]))
    for (const name of ['acme', 'beta', 'mid', 'zeta']) await site.desire(name, texts)
    site.write()
    await site.desire(removed, { ...texts, 'here.roa': 'for a moment' })
    await site.server.run({ type: 'publisher.remove', publisher: h(removed) })
    await site.desire('mid', { ...texts, 'f0.roa': 'other', 'z.roa': 'new' })
    await site.desire('mid', { 'f0.roa': 'other', 'f1.roa': texts['f1.roa'] ?? '' })
    expect(site.write().rrdp.spliced).toBe(true)
    const spliced = site.read('rrdp/notification.xml')
    site.write({ rebuild: true })
    expect(site.read('rrdp/notification.xml')).toBe(spliced)
    expect(verifyTree(site.options())).toEqual([])
  })

  it('falls back to a full snapshot when the last one is not what was written', async () => {
    const site = await open('acme')
    const big = { 'b.cer': 'x'.repeat(3000) }
    await site.desire('acme', big)
    site.write()
    const [last = ''] = /[0-9a-f-]{36}\/2\/[0-9a-f]+\/snapshot.xml/.exec(site.read('rrdp/notification.xml')) ?? []
    const path = join(site.repoDir, 'rrdp', last)
    fs.writeFileSync(path, fs.readFileSync(path, 'utf8').replace('eHh4', 'eHg4'))
    await site.desire('acme', { ...big, 'a.roa': 'a' })
    expect(site.write().rrdp).toMatchObject({ changed: true, spliced: false })
    expect(verifyTree(site.options())).toEqual([])
  })

  it('never changes a delta once published, however often it is rebuilt, and lists deltas newest first', async () => {
    const site = await open('acme')
    const hashes = new Map<string, string>()
    for (let i = 0; i < 6; i++) {
      await site.desire('acme', { 'b.cer': 'x'.repeat(9000), 'a.roa': `a${i}`, [`only-${i}.roa`]: 'once' })
      if (i === 3) fs.rmSync(site.repoDir, { recursive: true })
      if (i === 4) fs.rmSync(join(site.repoDir, '.state'), { recursive: true })
      site.write({ rebuild: i === 5 })
      expect(follow(site)).toBe(site.server.state.serial)
      const serials: number[] = []
      for (const [, serial, uri, hash] of site
        .read('rrdp/notification.xml')
        .matchAll(/<delta serial="(\d+)" uri="(\S+)" hash="(\S+)"/g)) {
        serials.push(Number(serial))
        expect(hashes.get(uri!) ?? hash).toBe(hash)
        hashes.set(uri!, hash!)
      }
      expect(serials).toEqual(site.server.state.deltas.map((d) => d.serial))
    }
    expect(hashes.size).toBeGreaterThan(3)
  })

  it('keeps files that are no longer listed for two hours, an old session too, and then removes them', async () => {
    const site = await open('acme')
    await site.desire('acme', { 'a.roa': 'a' })
    site.write()
    const first = listedFiles(site)
    await site.server.run({ type: 'session.reset' })
    site.later(10)
    site.write()
    site.later(7199)
    await site.desire('acme', { 'a.roa': 'b' })
    site.write()
    expect(first.every((path) => fs.existsSync(path))).toBe(true)
    site.later(1)
    await site.desire('acme', { 'a.roa': 'c' })
    site.write()
    expect(first.some((path) => fs.existsSync(path))).toBe(false)
    expect(fs.readdirSync(join(site.repoDir, 'rrdp')).sort()).toEqual(
      [site.server.state.sessionId, 'notification.xml'].sort(),
    )
    expect(verifyTree(site.options())).toEqual([])
  })
})

describe('a session reset', () => {
  it('leaves the content of the trees, which are built anew', async () => {
    const site = await open('acme')
    await site.desire('acme', { 'a.roa': 'a' })
    site.write()
    await site.server.run({ type: 'session.reset' })
    expect(site.write()).toMatchObject({
      rsync: { changed: true, whole: true },
      rrdp: { changed: true, spliced: false },
    })
    expect(site.rsync()).toEqual(site.wanted())
    expect(follow(site)).toBe(1)
  })
})

describe('records in repo/.state', () => {
  it.each([
    ['gone', undefined],
    ['empty', ''],
    ['of another format', '{"format":99}'],
    ['cut', '{"format":1,"trees":[{"name":"a"'],
    [
      'with a name that leaves the folder',
      '{"format":1,"trees":[{"name":"..","session":"s","serial":1,"retiredAt":null}]}',
    ],
  ])('%s are replaced by a whole build', async (_, text) => {
    const site = await open('acme')
    await site.desire('acme', { 'a.roa': 'a' })
    site.write()
    for (const name of ['rsync.json', 'rrdp.json']) {
      const path = join(site.repoDir, '.state', name)
      if (text === undefined) fs.rmSync(path)
      else fs.writeFileSync(path, text)
    }
    expect(isTreeCurrent(site.options())).toBe(false)
    expect(site.write()).toMatchObject({ rsync: { whole: true }, rrdp: { spliced: false } })
    expect(verifyTree(site.options())).toEqual([])
    expect(site.write().changed).toBe(false)
  })
})

function listedFiles(site: Site): readonly string[] {
  return [...site.read('rrdp/notification.xml').matchAll(/uri="([^"]+)"/g)].map(([, uri]) =>
    join(site.repoDir, 'rrdp', uri!.slice(RRDP.length)),
  )
}

function caught(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error
  }
  return undefined
}

describe('errors', () => {
  it('name the file and the cause', async () => {
    const site = await open('acme')
    const { disk } = failingDisk(5, true, 'ENOSPC')
    const error = caught(() => writeTree(site.options({ disk })))
    expect(error).toMatchObject({ kind: 'io', code: 'repository-write', message: expect.stringContaining('ENOSPC') })
    expect(String(error)).toContain(site.repoDir)
  })
})

describe('a publication that brings an idle tree forward', () => {
  it('waits for the disk a fixed number of times, however many objects and serials there are', async () => {
    const site = await open('acme')
    const waits = async (text: string): Promise<number> => {
      let count = 0
      const disk = {
        ...nodeDisk,
        sync: (path: string) => {
          count += 1
          nodeDisk.sync(path)
        },
        finish: (fd: number, like?: fs.Stats) => {
          count += 1
          nodeDisk.finish(fd, like)
        },
      }
      const many = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`o${n}.roa`, `o${n}`]))
      await site.desire('acme', { ...many, 'a.roa': text })
      site.write({ disk })
      site.later(4000)
      return count
    }
    for (let n = 0; n < 4; n++) await waits(`warm ${n}`)
    // the tree's folder and its two records, current; delta, snapshot and their folders; the record of RRDP, notification.xml
    const first = await waits('one')
    expect(first).toBeLessThanOrEqual(18)
    for (let n = 0; n < 10; n++) await waits(`more ${n}`)
    expect(await waits('two')).toBe(first)
  })
})
