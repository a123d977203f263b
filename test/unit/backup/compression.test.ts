/** Compression of backups: what is written is read back by its first bytes, and a Node without zstd says so. */
import { gzipSync } from 'node:zlib'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { describe, expect, test } from 'vitest'
import { COMPRESSIONS, compressionOf, compressionToUse, hasZstd } from '../../../src/core/backup/compression.js'
import { AppError } from '../../../src/core/base/errors.js'
import { Secret } from '../../../src/core/base/secret.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { packed, textFile, unpacked } from '../../support/store/backups.js'

const FILES = [textFile('brine.json', '{}'), textFile('commits/1.json', 'x'.repeat(3_000_000))]
const here = COMPRESSIONS.filter((one) => one !== 'zstd' || hasZstd())

/** Returns a zstd frame of uncompressed blocks (RFC 8878 section 3.1.1), which needs no zstd to make. */
function zstdStored(bytes: Uint8Array): Buffer {
  // a window of 1 MiB, no size of the content, no checksum
  const parts: Uint8Array[] = [Buffer.from('28b52ffd0050', 'hex')]
  const size = 128 * 1024
  for (let at = 0; at < bytes.length; at += size) {
    const block = bytes.subarray(at, at + size)
    const head = Buffer.alloc(3)
    head.writeUIntLE((block.length << 3) | (at + size >= bytes.length ? 1 : 0), 0, 3)
    parts.push(head, block)
  }
  return Buffer.concat(parts)
}

async function failure(work: () => unknown): Promise<AppError> {
  try {
    await work()
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error('it did not fail')
}

describe.each(here)('%s', (compression) => {
  test('is found by the first bytes and read back', async () => {
    const bytes = await packed(FILES, { type: 'plain' }, {}, compression)
    expect(compressionOf(bytes)).toBe(compression)
    // by hash: comparing megabytes by value takes a test half a minute
    expect((await unpacked(bytes)).files.map((f) => f.sha256)).toEqual(FILES.map((f) => sha256Hex(f.bytes)))
    if (compression !== 'none') expect(bytes.length).toBeLessThan(100_000)
  })

  test('is damage when it is truncated at any tenth, or changed', async () => {
    const bytes = await packed(FILES, { type: 'plain' }, {}, compression)
    for (let tenth = 1; tenth < 10; tenth++) {
      const cut = bytes.subarray(0, Math.floor((bytes.length * tenth) / 10))
      expect(await failure(() => unpacked(cut))).toMatchObject({ kind: 'corrupt', code: 'backup-damaged' })
      const bent = Buffer.from(bytes)
      bent.fill(0x55, cut.length, cut.length + 8)
      expect(await failure(() => unpacked(bent))).toMatchObject({ kind: 'corrupt', code: 'backup-damaged' })
    }
  })
})

test('zstd of another program is read, or refused with the way out where Node has none', async () => {
  const stored = zstdStored(await packed(FILES, { type: 'plain' }, {}, 'none'))
  if (hasZstd()) {
    expect((await unpacked(stored)).files).toHaveLength(2)
    return
  }
  expect(await failure(() => unpacked(stored))).toMatchObject({
    kind: 'format',
    code: 'backup-zstd',
    hint: 'run Node 22.15 or newer, or decompress it: zstd -dc x.tar.gz | brine backup verify -',
  })
})

test('zstd inside of age is found after decryption', async () => {
  const identity = await generateIdentity()
  const { encrypt } = await import('../../../src/core/backup/encryption.js')
  const stored = zstdStored(await packed(FILES, { type: 'plain' }, {}, 'none'))
  const chunks = (async function* () {
    yield stored
  })()
  const sealed = await encrypt(chunks, { type: 'recipients', recipients: [await identityToRecipient(identity)] })
  const read = unpacked(sealed, { identities: [new Secret(identity)] })
  if (hasZstd()) expect((await read).encrypted).toBe(true)
  else expect((await failure(() => read)).hint).toMatch(/age --decrypt x\.tar\.gz \| zstd -d \| brine backup verify -$/)
})

test('zstd is the default where Node has it, and gzip where not', async () => {
  expect(compressionToUse(undefined)).toBe(hasZstd() ? 'zstd' : 'gzip')
  expect([compressionToUse('gzip'), compressionToUse('none')]).toEqual(['gzip', 'none'])
  if (hasZstd()) expect(compressionToUse('zstd')).toBe('zstd')
  else expect(await failure(() => compressionToUse('zstd'))).toMatchObject({ kind: 'usage', code: 'zstd-missing' })
})

test('other bytes are no compression', () => {
  expect(compressionOf(Buffer.alloc(0))).toBeUndefined()
  expect(compressionOf(Buffer.from('hello'.repeat(200)))).toBeUndefined()
  expect(compressionOf(gzipSync('x'))).toBe('gzip')
})
