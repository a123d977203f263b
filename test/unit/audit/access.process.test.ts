/** Modes and owners inside of a data directory: what others can write, secrets that they can read, files of another user. */
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { accessFindings } from '../../../src/core/audit/access.js'
import { openStore } from '../../../src/core/store/commit/file-store.js'
import { initDataDir } from '../../../src/core/store/directory/init-data-dir.js'
import { acquireLock } from '../../../src/core/store/directory/lock.js'
import { layoutOf } from '../../../src/core/store/disk/paths.js'
import { add, T0 } from '../../support/store/store.js'

let place: string
let dir: string
beforeEach(async () => {
  place = mkdtempSync(join(tmpdir(), 'brine-access-'))
  dir = join(place, 'data')
  const key = { path: 'ssl/key.pem', bytes: new Uint8Array([1]) }
  initDataDir(dir, { id: 'a1', createdAt: T0, test: true, files: [key] })
  await openStore(dir).write(async (w) => add(w, { x: ['1'] }))
})
afterEach(() => rmSync(place, { recursive: true, force: true }))

const found = (depth: 'quick' | 'full' = 'quick'): readonly string[] =>
  accessFindings(dir, depth).map(({ path, problem }) => `${path} ${problem}`)

describe('access to a data directory', () => {
  it('is closed as the program makes it, under any umask', async () => {
    expect(found('full')).toEqual([])
    const umask = process.umask(0)
    const lock = await acquireLock(layoutOf(dir), { timeout: 1, command: 'x', long: false, warn: () => undefined })
    process.umask(umask)
    expect(found('full')).toEqual([])
    await lock.release()
  })

  it.each([
    'cas',
    'commits',
    'objects',
    'keys',
    'keys/pool',
    'ssl',
    'status',
    'tmp',
    'brine.json',
    'brine.toml',
    '.lock',
  ])('%s that others can write is found', (name) => {
    if (name === 'brine.toml') writeFileSync(join(dir, name), '', { mode: 0o600 })
    chmodSync(join(dir, name), 0o777)
    expect(found()).toContain(`${name} can be written by other users (mode 777)`)
  })

  it('a secret that others can read is found', () => {
    chmodSync(join(dir, 'ssl/key.pem'), 0o640)
    expect(found()).toEqual(['ssl/key.pem can be read by other users (mode 640)'])
    chmodSync(join(dir, 'ssl/key.pem'), 0o600)
    chmodSync(join(dir, 'keys'), 0o755)
    expect(found()).toEqual(['keys can be read by other users (mode 755)'])
  })

  it('every file is looked at where asked', () => {
    chmodSync(join(dir, 'commits/1.json'), 0o666)
    expect(found()).toEqual([])
    expect(found('full')).toEqual(['commits/1.json can be written by other users (mode 666)'])
  })

  it.runIf(process.getuid?.() === 0)('what another user owns is found', () => {
    chownSync(join(dir, 'cas'), 65534, 65534)
    expect(found()).toEqual(['cas is owned by uid 65534, not by 0'])
  })
})
