/** Modes of the published tree: what the server's user cannot read, what another user can write, and how it is corrected. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { canPass } from '../../../src/core/publication/other-users.js'
import { nodeDisk } from '../../../src/core/publication/served-files.js'
import { closedFolders, openFolder, repairModes, wrongModes } from '../../../src/core/publication/served-modes.js'

let place: string
let repo: string
const OLD = 'rrdp/old-session/1/a/snapshot.xml'
const FILES = ['rsync/a/ca/x.roa', 'rsync/b/ca/x.roa', OLD, 'rrdp/notification.xml', 'ta/ta.cer', 'ta/ta.tal']

beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'brine-modes-'))
  chmodSync(place, 0o711)
  repo = join(place, 'repo')
  for (const file of FILES) {
    mkdirSync(join(repo, file, '..'), { recursive: true, mode: 0o755 })
    writeFileSync(join(repo, file), 'x', { mode: 0o644 })
  }
  symlinkSync('a', join(repo, 'rsync/current'))
  mkdirSync(join(repo, '.state'), { mode: 0o700 })
  writeFileSync(join(repo, '.state/rrdp.json'), '', { mode: 0o600 })
})
afterEach(() => rmSync(place, { recursive: true, force: true }))

const wrong = (): readonly string[] => [...wrongModes(repo)].map(({ path, problem }) => `${path} ${problem}`)
const modeOf = (path: string): string => (statSync(join(repo, path)).mode & 0o7777).toString(8)

describe('the modes of the published tree', () => {
  it('are right as the writer makes them; its own records are not served', () => {
    expect(wrong()).toEqual([])
  })

  it.each<[string, number, string]>([
    ['', 0o700, 'cannot be read'],
    ['rsync', 0o751, 'cannot be read'],
    ['rsync/a/ca', 0o750, 'cannot be read'],
    ['rsync/b/ca/x.roa', 0o600, 'cannot be read'],
    [OLD, 0o640, 'cannot be read'],
    ['rrdp/old-session', 0o711, 'cannot be read'],
    ['ta', 0o700, 'cannot be read'],
    ['ta/ta.tal', 0o600, 'cannot be read'],
    ['rrdp', 0o777, 'can be written'],
    ['ta/ta.cer', 0o664, 'can be written'],
  ])('%s of mode %o is found and corrected', (path, mode, problem) => {
    chmodSync(join(repo, path), mode)
    expect(wrong()).toEqual([`${path} ${problem} by other users`])
    expect(repairModes(nodeDisk, repo, join(repo, '.state'))).toBe(1)
    expect(modeOf(path)).toBe(statSync(join(repo, path)).isDirectory() ? '755' : '644')
    expect(wrong()).toEqual([])
  })

  it('are corrected from the top down, and no link is followed', () => {
    const outside = join(place, 'outside')
    writeFileSync(outside, '', { mode: 0o600 })
    symlinkSync(outside, join(repo, 'ta/link.tal'))
    for (const path of ['rsync/a/ca/x.roa', 'rsync/a/ca', 'rsync/a', 'rsync', '']) chmodSync(join(repo, path), 0o700)
    expect(repairModes(nodeDisk, repo, join(repo, '.state'))).toBe(5)
    expect(wrong()).toEqual([])
    expect((statSync(outside).mode & 0o777).toString(8)).toBe('600')
    expect(modeOf('.state')).toBe('700')
  })

  it('a file of another user is replaced by an own copy', () => {
    chmodSync(join(repo, 'ta/ta.cer'), 0o640)
    const chmod = (): never => {
      throw Object.assign(new Error('not permitted'), { code: 'EPERM' })
    }
    const before = statSync(join(repo, 'ta/ta.cer')).ino
    expect(repairModes({ ...nodeDisk, chmod }, repo, join(repo, '.state'))).toBe(1)
    expect(statSync(join(repo, 'ta/ta.cer')).ino).not.toBe(before)
    expect(readFileSync(join(repo, 'ta/ta.cer'), 'utf8')).toBe('x')
    expect(wrong()).toEqual([])
  })
})

describe('the folders above it', () => {
  it('are all of them looked at', () => {
    const inner = join(place, 'closed', 'above')
    mkdirSync(join(inner, 'repo'), { recursive: true, mode: 0o755 })
    expect(closedFolders(join(inner, 'repo'))).toEqual([])
    chmodSync(join(place, 'closed'), 0o700)
    expect(closedFolders(join(inner, 'repo'))).toEqual([{ path: join(place, 'closed'), mode: '700' }])
    openFolder(join(place, 'closed'))
    expect(closedFolders(join(inner, 'repo'))).toEqual([])
    expect((statSync(join(place, 'closed')).mode & 0o777).toString(8)).toBe('711')
  })

  it('may be open to a group that has another member', () => {
    // root is the only user of its group; the group of uid 1 (daemon) has that user, who is not uid 0
    expect(canPass({ mode: 0o40750, uid: 0, gid: 0 })).toBe(false)
    expect(canPass({ mode: 0o40750, uid: 0, gid: 1 })).toBe(true)
    expect(canPass({ mode: 0o40750, uid: 1, gid: 1 })).toBe(false)
    expect(canPass({ mode: 0o40700, uid: 0, gid: 1 })).toBe(false)
    expect(canPass({ mode: 0o40711, uid: 0, gid: 0 })).toBe(true)
  })
})
