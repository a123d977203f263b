/** Files in segments: read, listed and described at their own paths, after those on disk, and found in damaged segments where intact. */
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../../../src/core/crypto/digest.js'
import {
  exists,
  isOnDisk,
  listDir,
  listDisk,
  moveFile,
  readIfExists,
  readOwnedFile,
  readStart,
  removeFile,
  sizeIfFile,
  statIfExists,
} from '../../../../src/core/store/disk/fs.js'
import { onFileOperation } from '../../../../src/core/store/disk/io-error.js'
import { encodeSegment, type SegmentFile } from '../../../../src/core/store/disk/segment.js'
import { readVerified } from '../../../../src/core/store/disk/verified-read.js'
import { fastest } from '../../../support/store/store.js'

const root = mkdtempSync(join(fastest(), 'brine-packed-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let dir: string
let n = 0
beforeEach(() => {
  dir = join(root, `${n++}`)
  mkdirSync(join(dir, 'commits', 'packed'), { recursive: true })
  mkdirSync(join(dir, 'objects', 'packed'), { recursive: true })
})

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (of: Uint8Array | undefined): string | undefined => of && Buffer.from(of).toString()
const commit = (k: number, content = `commit ${k}`): SegmentFile => ({
  name: `${k}.json`,
  bytes: bytes(content),
  modified: 1_790_000_000 + k,
})
const path = (k: number): string => join(dir, 'commits', `${k}.json`)

function write(folder: string, files: readonly SegmentFile[], change = (b: Uint8Array): Uint8Array => b): string {
  const segment = encodeSegment(files)
  const file = join(dir, folder, 'packed', segment.name)
  writeFileSync(file, change(segment.bytes), { mode: 0o600 })
  return file
}

describe('an intact segment', () => {
  it('is read, listed and described like files on disk', () => {
    write('commits', [commit(1), commit(2)])
    writeFileSync(path(3), 'three')
    expect([text(readIfExists(path(1))), text(readOwnedFile(path(2))), readStart(path(2), 6)]).toEqual([
      'commit 1',
      'commit 2',
      'commit',
    ])
    expect([sizeIfFile(path(1)), exists(path(1)), exists(path(4))]).toEqual([8, true, false])
    expect(listDir(join(dir, 'commits'))).toEqual(['1.json', '2.json', '3.json', 'packed'])
    expect(listDisk(join(dir, 'commits'))).toEqual(['3.json', 'packed'])
    const stat = statIfExists(path(2))
    expect([stat?.isFile(), stat?.isDirectory(), stat?.isSymbolicLink()]).toEqual([true, false, false])
    expect([stat?.size, stat?.mtimeNs, stat?.mode]).toEqual([8n, 1_790_000_002n * 1_000_000_000n, 0o100600n])
    expect(() => readIfExists(path(1), 2)).toThrow('larger than 2 bytes')
    expect(text(readVerified(path(1), sha256Hex('commit 1')))).toBe('commit 1')
    expect(readVerified(path(1), sha256Hex('commit 2'))).toBeUndefined()
  })

  it('objects are in the folder above theirs', () => {
    const content = bytes('signed')
    const name = sha256Hex(content)
    write('objects', [{ name, bytes: content, modified: 1_790_000_000 }])
    const at = join(dir, 'objects', name.slice(0, 2), name)
    expect([text(readIfExists(at)), statIfExists(at)?.mode]).toEqual(['signed', 0o100644n])
    expect(listDir(join(dir, 'objects', name.slice(0, 2)))).toEqual([name])
    expect(listDir(join(dir, 'objects'))).toEqual([name.slice(0, 2), 'packed'].sort())
    expect(exists(join(dir, 'objects', name))).toBe(false)
  })

  it('a file on disk is read instead of a packed one', () => {
    write('commits', [commit(1)])
    writeFileSync(path(1), 'on disk')
    expect([text(readIfExists(path(1))), sizeIfFile(path(1)), listDir(join(dir, 'commits'))]).toEqual([
      'on disk',
      7,
      ['1.json', 'packed'],
    ])
  })

  it('a packed file is neither moved nor removed', () => {
    write('commits', [commit(1)])
    expect([isOnDisk(path(1)), moveFile(path(1), path(9)), removeFile(path(1))]).toEqual([false, false, false])
    expect(text(readIfExists(path(1)))).toBe('commit 1')
  })

  it('a number beyond all segments is answered from their names', () => {
    const file = write('commits', [commit(1), commit(2)])
    symlinkSync('/nonexistent', join(dir, 'commits', 'packed', 'event-1-2_0123456789abcdef.seg'))
    expect(exists(path(3))).toBe(false)
    unlinkSync(file)
    // the index was not read: what is gone now was not known before
    expect(exists(path(1))).toBe(false)
  })
})

describe('two segments at once', () => {
  it('one that is added or removed later is noticed', () => {
    const first = write('commits', [commit(1)])
    expect([exists(path(1)), exists(path(2))]).toEqual([true, false])
    write('commits', [commit(1), commit(2)])
    expect([exists(path(1)), exists(path(2))]).toEqual([true, true])
    unlinkSync(first)
    expect([text(readIfExists(path(1))), text(readIfExists(path(2)))]).toEqual(['commit 1', 'commit 2'])
  })

  it('one that is removed while it is read is looked for in the other', () => {
    const first = write('commits', [commit(1)])
    expect(exists(path(1))).toBe(true)
    write('commits', [commit(1), commit(2)])
    const spare = join(dir, 'spare')
    linkSync(first, spare)
    let isFirst = true
    onFileOperation((operation) => {
      if (operation !== 'read' || !isFirst) return
      isFirst = false
      unlinkSync(first)
    })
    try {
      expect(text(readIfExists(path(1)))).toBe('commit 1')
    } finally {
      onFileOperation(undefined)
    }
  })

  it('a damaged entry is read from the other', () => {
    const spoil = (b: Uint8Array): Uint8Array =>
      Buffer.from(Buffer.from(b).toString('latin1').replace('commit 1', 'commit X'))
    write('commits', [commit(1)], spoil)
    write('commits', [commit(1), commit(2)])
    expect(text(readIfExists(path(1)))).toBe('commit 1')
    rmSync(join(dir, 'commits', 'packed'), { recursive: true })
    mkdirSync(join(dir, 'commits', 'packed'))
    write('commits', [commit(1)])
    write('commits', [commit(1), commit(2)], spoil)
    expect(text(readIfExists(path(1)))).toBe('commit 1')
  })
})

describe('a damaged segment', () => {
  const FILES = [commit(1), commit(2), commit(3)]

  it('a damaged entry is returned as it is, for its hash to be compared; the others are intact', () => {
    const spoil = (b: Uint8Array): Uint8Array =>
      Buffer.from(Buffer.from(b).toString('latin1').replace('commit 2', 'commit X'))
    write('commits', FILES, spoil)
    expect([1, 2, 3].map((k) => text(readIfExists(path(k))))).toEqual(['commit 1', 'commit X', 'commit 3'])
    expect(readVerified(path(2), sha256Hex('commit 2'))).toBeUndefined()
  })

  it.each([
    ['the last line is lost', (b: Uint8Array) => b.slice(0, -10), [1, 2, 3]],
    ['a line of the index is changed', (b: Uint8Array) => flip(b, b.length - 100), [1, 2, 3]],
    ['the end points elsewhere', (b: Uint8Array) => flip(b, b.length - 70), [1, 2, 3]],
    ['it is cut in the third entry', (b: Uint8Array) => b.slice(0, Buffer.from(b).indexOf('commit 3') + 4), [1, 2]],
    ['it is empty', () => new Uint8Array(), []],
    ['it has another content', () => bytes('nothing of this kind\n'.repeat(100)), []],
  ])('%s', (_, change, left) => {
    write('commits', FILES, change)
    const found = [1, 2, 3].filter((k) => text(readIfExists(path(k))) === `commit ${k}`)
    expect(found).toEqual(left)
    expect(listDir(join(dir, 'commits'))).toEqual([...left.map((k) => `${k}.json`), 'packed'])
  })

  it('an entry that its index places elsewhere is damaged and not another one', () => {
    write('commits', FILES, (b) => {
      const whole = Buffer.from(b).toString('latin1')
      const at = whole.indexOf('index\n') + 6
      const lines = whole.slice(at, whole.lastIndexOf('end '))
      const [first = '', second = ''] = [...lines.matchAll(/json (\d+) /g)].map((m) => m[1] ?? '')
      const wrong = lines.replace(`json ${first} `, `json ${second} `)
      return bytes(`${whole.slice(0, at)}${wrong}end ${String(at).padStart(15, '0')} ${sha256Hex(wrong)}\n`)
    })
    expect(text(readIfExists(path(1)))).toBe('commit 2')
    expect(readVerified(path(1), sha256Hex('commit 1'))).toBeUndefined()
    expect(text(readIfExists(path(2)))).toBe('commit 2')
  })

  it('a link is not followed', () => {
    const file = write('commits', FILES)
    const elsewhere = join(dir, 'elsewhere')
    writeFileSync(elsewhere, readFileSync(file))
    unlinkSync(file)
    symlinkSync(elsewhere, file)
    expect(exists(path(1))).toBe(false)
  })

  it('a read error is an error and not damage', () => {
    write('commits', FILES)
    onFileOperation((operation, at) => {
      if (operation === 'read' && at.endsWith('.seg')) throw Object.assign(new Error('failed'), { code: 'EIO' })
    })
    try {
      expect(() => readIfExists(path(1))).toThrow(/EIO/)
    } finally {
      onFileOperation(undefined)
    }
  })
})

function flip(b: Uint8Array, at: number): Uint8Array {
  const out = Uint8Array.from(b)
  out[at] = (out[at] ?? 0) ^ 1
  return out
}
