/** DATA_DIR: created once, refused if it is not safe to use; keys and status files in it. */
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KeyId } from '../../../../src/core/crypto/ports.js'
import { openStore } from '../../../../src/core/store/commit/file-store.js'
import { initDataDir } from '../../../../src/core/store/directory/init-data-dir.js'
import { readIfExists } from '../../../../src/core/store/disk/fs.js'
import { onFileOperation } from '../../../../src/core/store/disk/io-error.js'
import { add, fastest, T0, wordsOf } from '../../../support/store/store.js'

let base: string
let dir: string
const ID = { id: 'a1', createdAt: T0 }
const SKI = 'AB'.repeat(20) as KeyId

beforeEach(() => {
  base = mkdtempSync(join(fastest(), 'brine-dir-'))
  dir = join(base, 'data')
})

afterEach(() => {
  onFileOperation(undefined)
  rmSync(base, { recursive: true, force: true })
})

function refuses(run: () => unknown, match: object): void {
  expect(run).toThrow(expect.objectContaining(match))
}

describe('init', () => {
  it('creates a directory with a marker and the given files', () => {
    const files = [
      { path: 'brine.toml', bytes: new TextEncoder().encode('# x\n') },
      { path: 'ssl/key.pem', bytes: new Uint8Array([1]) },
    ]
    expect(initDataDir(join(dir, 'deep/er'), { ...ID, files })).toEqual({
      format: 2,
      id: 'a1',
      generation: 1,
      createdAt: T0,
    })
    const made = join(dir, 'deep/er')
    expect(readFileSync(join(made, 'brine.toml'), 'utf8')).toBe('# x\n')
    expect(statSync(join(made, 'ssl/key.pem')).mode & 0o777).toBe(0o600)
    expect(readdirSync(made).sort()).toEqual([
      'brine.json',
      'brine.toml',
      'cas',
      'commits',
      'est',
      'ha',
      'keys',
      'objects',
      'pubd',
      'ssl',
      'status',
      'ta',
      'tmp',
    ])
    expect(openStore(made).role()).toEqual({ role: 'primary' })
  })

  it('accepts an empty directory and a new file system, and nothing else', () => {
    mkdirSync(join(dir, 'lost+found'), { recursive: true })
    initDataDir(dir, ID)
    refuses(() => initDataDir(dir, ID), { kind: 'rejected', code: 'init-not-empty' })
    const other = join(base, 'other')
    mkdirSync(other)
    writeFileSync(join(other, 'precious'), 'x')
    refuses(() => initDataDir(other, ID), { code: 'init-not-empty' })
    expect(readdirSync(other)).toEqual(['precious'])
    refuses(() => initDataDir('', ID), { kind: 'usage' })
  })

  it('never takes a non-empty directory for an unfinished one, whatever an init that died left in it', async () => {
    for (const name of ['commits/1.json', 'keys/pool/K', 'keys/K', 'cas/x', 'notes.txt']) {
      rmSync(dir, { recursive: true, force: true })
      initDataDir(dir, ID)
      rmSync(join(dir, 'brine.json'))
      writeFileSync(join(dir, '.init-unfinished'), '')
      writeFileSync(join(dir, name), 'precious')
      refuses(() => initDataDir(dir, ID), { code: 'init-not-empty' })
      expect(readFileSync(join(dir, name), 'utf8')).toBe('precious')
      rmSync(join(dir, name))
      initDataDir(dir, ID)
    }
  })

  it('that is interrupted at any operation leaves no data directory or a complete one, and may be run again', async () => {
    for (let n = 1; ; n++) {
      rmSync(dir, { recursive: true, force: true })
      let seen = 0
      onFileOperation(() => {
        seen += 1
        if (seen >= n) throw Object.assign(new Error('EIO'), { code: 'EIO' })
      })
      let done = true
      try {
        initDataDir(dir, ID)
      } catch (error) {
        done = false
        const isMade = existsSync(join(dir, 'brine.json'))
        expect(error).toMatchObject(isMade ? { kind: 'uncertain', changed: 'unknown' } : { kind: 'io', changed: 'no' })
      }
      onFileOperation(undefined)
      if (!existsSync(join(dir, 'brine.json'))) {
        refuses(() => openStore(dir), { kind: 'no-data-dir' })
        initDataDir(dir, ID)
      }
      await openStore(dir).write(async (w) => add(w, { x: ['1'] }))
      expect(await openStore(dir).read(async (r) => wordsOf(r, 'x'))).toEqual(['1'])
      if (done) break
    }
  })
})

describe('opening', () => {
  it('requires a marker', () => {
    refuses(() => openStore(dir), { kind: 'no-data-dir', code: 'no-data-dir', hint: `brine init --data-dir ${dir}` })
    mkdirSync(dir)
    refuses(() => openStore(dir), { kind: 'no-data-dir' })
    writeFileSync(join(base, 'file'), '')
    refuses(() => openStore(join(base, 'file')), { kind: 'no-data-dir' })
    refuses(() => openStore(''), { kind: 'usage' })
    expect(readdirSync(dir)).toEqual([])
  })

  it('refuses a directory that other users can write or that another user owns', () => {
    initDataDir(dir, ID)
    for (const mode of [0o777, 0o720]) {
      chmodSync(dir, mode)
      refuses(() => openStore(dir), { kind: 'credentials', code: 'data-dir-exposed' })
    }
    chmodSync(dir, 0o711)
    if (process.getuid?.() !== 0) return
    chownSync(dir, 12345, 12345)
    refuses(() => openStore(dir), { kind: 'credentials', code: 'data-dir-foreign' })
  })

  it('follows a link to the directory, but none below it', () => {
    initDataDir(dir, ID)
    symlinkSync(dir, join(base, 'link'))
    expect(openStore(join(base, 'link')).dir).toBe(openStore(dir).dir)
    symlinkSync('/etc/passwd', join(dir, 'trap'))
    refuses(() => readIfExists(join(dir, 'trap')), { kind: 'corrupt', code: 'file-damaged' })
    refuses(() => readIfExists(dir), { kind: 'corrupt', code: 'file-damaged' })
    expect(readIfExists(join(dir, 'absent'))).toBeUndefined()
  })
})

describe('keys', () => {
  const der = new Uint8Array([0x30, 1, 2])

  it('are stored with mode 0600 and returned', () => {
    initDataDir(dir, ID)
    const { keys } = openStore(dir)
    keys.put(SKI, der)
    expect([keys.get(SKI), keys.list(), keys.has(SKI)]).toEqual([der, [SKI], true])
    expect(statSync(join(dir, 'keys', SKI)).mode & 0o777).toBe(0o600)
    keys.remove(SKI)
    keys.remove(SKI)
    refuses(() => keys.get(SKI), { kind: 'corrupt', code: 'key-missing' })
  })

  it('that other users can read are refused, file or folder', () => {
    initDataDir(dir, ID)
    const { keys } = openStore(dir)
    keys.put(SKI, der)
    chmodSync(join(dir, 'keys', SKI), 0o640)
    refuses(() => keys.get(SKI), { kind: 'credentials', code: 'key-exposed' })
    chmodSync(join(dir, 'keys', SKI), 0o600)
    chmodSync(join(dir, 'keys'), 0o755)
    refuses(() => keys.get(SKI), { code: 'key-exposed' })
    refuses(() => keys.put(SKI, der), { code: 'key-exposed' })
  })

  it('of the pool are removed from disk before a caller gets them', () => {
    initDataDir(dir, ID)
    const { keys } = openStore(dir)
    for (let n = 0; n < 5; n++) keys.putPool(`${n}`.repeat(40) as KeyId, new Uint8Array([n]))
    expect([keys.poolSize(), keys.list()]).toEqual([5, []])
    const synced: string[] = []
    onFileOperation((operation, path) => {
      if (operation === 'syncDir') synced.push(path)
    })
    expect(keys.takePool(3)).toHaveLength(3)
    expect(synced).toEqual([join(openStore(dir).dir, 'keys/pool')])
    expect(openStore(dir).keys.takePool(9)).toHaveLength(2)
    expect(keys.takePool(1)).toEqual([])
    keys.putPool(SKI, der)
    keys.wipePool()
    expect(readdirSync(join(dir, 'keys/pool'))).toEqual([])
  })

  it('of the pool get a new folder if a backup excluded it', () => {
    initDataDir(dir, ID)
    const { keys } = openStore(dir)
    rmSync(join(dir, 'keys/pool'), { recursive: true })
    keys.wipePool()
    rmSync(join(dir, 'keys/pool'), { recursive: true })
    expect([keys.poolSize(), keys.takePool(1)]).toEqual([0, []])
    keys.putPool(SKI, der)
    expect(keys.takePool(1)).toHaveLength(1)
    expect(statSync(join(dir, 'keys/pool')).mode & 0o777).toBe(0o700)
  })
})

describe('status files', () => {
  it('are replaced atomically, and a damaged one counts as missing', () => {
    initDataDir(dir, ID)
    const { status } = openStore(dir)
    status.write('tick', { at: T0 })
    status.write('exchanges/acme', [1])
    expect([status.read('tick'), status.read('exchanges/acme'), status.read('none')]).toEqual([
      { at: T0 },
      [1],
      undefined,
    ])
    expect([status.list(), status.list('exchanges')]).toEqual([['origin', 'tick'], ['acme']])
    writeFileSync(join(dir, 'status/tick.json'), '{')
    expect(status.read('tick')).toBeUndefined()
    status.remove('tick')
    unlinkSync(join(dir, 'status/exchanges/acme.json'))
    expect(status.read('exchanges/acme')).toBeUndefined()
    for (const name of ['../brine', 'a/b/c', 'origin', 'head', ''])
      expect(() => status.write(name, 1)).toThrow(TypeError)
  })
})
