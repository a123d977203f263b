import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import { type Disk, FOLDER_TIME, nodeDisk } from '../../../src/core/publication/served-files.js'
import { writeValidatorCache } from '../../../src/core/publication/validator-cache.js'
import { verifyTree } from '../../../src/core/publication/verify.js'
import { codeOf, h } from '../pubd/given.js'
import { quickDisk, type Site, siteWith } from './target.js'

const ta = [
  {
    handle: h('ta'),
    certificate: utf8('certificate'),
    tal: '# note\nhttps://rpki.example.net/ta/root.cer\nrsync://rpki.example.net/ta/root.cer\n\nMII\n',
  },
]
let site: Site

beforeEach(async () => {
  site = await siteWith('acme')
  await site.desire('acme', { 'big.cer': 'x'.repeat(4000) })
  await site.desire('acme', { 'big.cer': 'x'.repeat(4000), 'a.roa': 'a', 'dir/b.roa': 'b' })
  site.write({ ta, disk: quickDisk })
})
afterEach(() => site.remove())

describe('verifyRepository', () => {
  const snapshot = (): string =>
    `rrdp/${/([0-9a-f-]{36}\/3\/[0-9a-f]+\/snapshot.xml)/.exec(site.read('rrdp/notification.xml'))?.[1]}`
  const delta = (): string => snapshot().replace('snapshot', 'delta')
  const replace = (path: string, text: string): void => {
    fs.rmSync(join(site.repoDir, path))
    fs.writeFileSync(join(site.repoDir, path), text)
  }

  it.each<[string, () => string, (path: string) => void, string]>([
    [
      'an object with other content',
      () => 'rsync/a/acme/a.roa',
      (p) => replace(p, 'z'),
      'has other content than published',
    ],
    ['a missing object', () => 'rsync/a/acme/dir/b.roa', (p) => fs.rmSync(join(site.repoDir, p)), 'is missing'],
    [
      'a file that nobody published',
      () => 'rsync/a/acme/more.roa',
      (p) => fs.writeFileSync(join(site.repoDir, p), ''),
      'is not published',
    ],
    [
      'a folder that others cannot read',
      () => 'rsync/a/acme/dir',
      (p) => fs.chmodSync(join(site.repoDir, p), 0o700),
      'cannot be read by other users',
    ],
    [
      'a snapshot that others cannot read',
      snapshot,
      (p) => fs.chmodSync(join(site.repoDir, p), 0o600),
      'cannot be read by other users',
    ],
    [
      'a cut snapshot',
      snapshot,
      (p) => fs.truncateSync(join(site.repoDir, p), 100),
      'has other content than published',
    ],
    [
      'a changed delta',
      delta,
      (p) => replace(p, site.read(p).replace('serial="3"', 'serial="4"')),
      'has other content than published',
    ],
    [
      'a notification of another serial',
      () => 'rrdp/notification.xml',
      (p) => replace(p, site.read(p).replace('serial="3"', 'serial="4"')),
      'has other content than published',
    ],
    ['no current tree', () => 'rsync/current', (p) => fs.rmSync(join(site.repoDir, p)), 'is missing'],
    [
      'another trust anchor certificate',
      () => 'ta/ta.cer',
      (p) => replace(p, 'other'),
      'has other content than published',
    ],
  ])('finds %s', (_, path, damage, problem) => {
    expect(verifyTree(site.options({ ta }))).toEqual([])
    const at = path()
    damage(at)
    expect(verifyTree(site.options({ ta }))).toEqual([{ path: at, problem }])
  })

  it('reports an object that is damaged in the store, everywhere it should be served', () => {
    fs.writeFileSync(site.objectPath(site.object('', 'a').sha256), 'damaged')
    expect(verifyTree(site.options()).map((p) => p.path)).toEqual([delta(), snapshot(), 'rsync/a/acme/a.roa'])
  })
})

describe('layoutForValidator', () => {
  it('lays out copies by host and module, and the trust anchor under its TAL', () => {
    const into = join(site.dir, 'cache')
    const options = { into, state: site.server.state, objectPath: site.objectPath, ta }
    expect(writeValidatorCache(options)).toMatchObject({ files: 4 })
    expect(fs.readFileSync(join(into, 'rpki.example.net/repo/acme/dir/b.roa'), 'utf8')).toBe('b')
    expect(fs.readFileSync(join(into, 'ta/ta/root.cer'), 'utf8')).toBe('certificate')
    const stat = fs.statSync(join(into, 'rpki.example.net/repo/acme/a.roa'))
    expect([stat.nlink, stat.mode & 0o777, stat.mtimeMs]).toEqual([1, 0o644, 1_700_000_000_000])
    fs.writeFileSync(join(into, 'rpki.example.net/repo/acme/stale.roa'), '')
    expect(writeValidatorCache(options)).toMatchObject({ files: 4 })
    expect(fs.existsSync(join(into, 'rpki.example.net/repo/acme/stale.roa'))).toBe(false)
  })

  it('refuses a directory that holds something else, and leaves it alone', () => {
    const options = { state: site.server.state, objectPath: site.objectPath, ta }
    const error = attempt(() => writeValidatorCache({ ...options, into: site.repoDir }))
    expect(codeOf(error)).toBe('layout-dir-foreign')
    expect(verifyTree(site.options({ ta }))).toEqual([])
    fs.writeFileSync(join(site.dir, 'file'), '')
    expect(codeOf(attempt(() => writeValidatorCache({ ...options, into: join(site.dir, 'file') })))).toBe(
      'layout-dir-foreign',
    )
    expect(codeOf(attempt(() => writeValidatorCache({ ...options, into: join(site.dir, 'file/below') })))).toBe(
      'repository-write',
    )
  })
})

it('every folder of every rsync tree has one constant time, so that rsync transfers none that did not change', async () => {
  const times = new Set<number>()
  for (const version of [1, 2, 3, 4]) {
    site.later(8000)
    await site.desire('acme', { 'a.roa': `new ${version}`, [`new/${version}.roa`]: 'c' })
    site.write()
  }
  const root = join(site.repoDir, 'rsync')
  const folders = fs
    .readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name))
  expect(folders.length).toBeGreaterThan(4)
  for (const folder of folders) times.add(fs.statSync(folder).mtimeMs)
  expect([...times]).toEqual([FOLDER_TIME * 1000])
})

describe('durability', () => {
  it.each([
    ['each folder', false],
    ['the folders of a tree at once', true],
  ])('syncs every file and folder before anything that a reader follows to it, %s', async (_, atOnce) => {
    const log: (readonly [string, string])[] = []
    const opened = new Map<number, string>()
    const disk: Disk = {
      ...nodeDisk,
      create: (path) => {
        const fd = nodeDisk.create(path)
        opened.set(fd, path)
        log.push(['dirty-file', path])
        return fd
      },
      finish: (fd, like) => {
        nodeDisk.finish(fd, like)
        log.push(['file', opened.get(fd) ?? ''])
      },
      sync: (path) => {
        nodeDisk.sync(path)
        log.push(['folder', path])
      },
      syncAll: (root, folders) => {
        nodeDisk.syncAll(root, folders)
        for (const folder of atOnce ? dirtyAt(log.length) : folders) log.push(['folder', folder])
      },
      mkdir: (path) => entered(path, () => nodeDisk.mkdir(path)),
      link: (from, to) => entered(to, () => nodeDisk.link(from, to)),
      // What comes back below rrdp/ after a power cut is listed nowhere and goes with the next run.
      unlink: (path) => (path.includes('/rrdp/') ? nodeDisk.unlink(path) : entered(path, () => nodeDisk.unlink(path))),
      rmdir: (path) => {
        if (path.includes('/rrdp/')) return nodeDisk.rmdir(path)
        entered(path, () => nodeDisk.rmdir(path))
        log.push(['folder', path])
      },
      rename: (from, to) => {
        const pending = dirtyAt(log.length)
        if (/notification\.xml$|current$|\.json$/.test(to)) expect([to, pending]).toEqual([to, []])
        expect(pending).not.toContain(from)
        entered(to, () => nodeDisk.rename(from, to))
      },
    }
    const entered = (path: string, work: () => void): void => {
      work()
      log.push(['dirty-folder', dirname(path)])
    }
    /** What a power cut could still lose. A scratch name is nobody's business. */
    const dirtyAt = (end: number): readonly string[] => {
      const dirty = new Set<string>()
      for (const [what, path] of log.slice(0, end)) what.startsWith('dirty') ? dirty.add(path) : dirty.delete(path)
      return [...dirty].filter((path) => path !== join(site.repoDir, '.state'))
    }
    const whole: boolean[] = []
    for (const version of [1, 2, 3]) {
      site.later(8000)
      const roa = version === 2 ? {} : { [`new/${version}.roa`]: 'c' }
      await site.desire('acme', { 'big.cer': 'x'.repeat(4000), 'a.roa': `new ${version}`, ...roa })
      log.length = 0
      whole.push(site.write({ disk }).rsync.whole)
      expect(log.length).toBeGreaterThan(20)
      expect(dirtyAt(log.length)).toEqual([])
    }
    expect(whole).toEqual([true, false, false])
  })
})

function attempt(work: () => unknown): unknown {
  try {
    work()
    return undefined
  } catch (error) {
    return error
  }
}
