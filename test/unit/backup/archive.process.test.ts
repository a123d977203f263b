/** Archives that are written and read back, and every way in which an attacker or a faulty disk may have changed one. */
import { Readable } from 'node:stream'
import { createGzip, gunzipSync, gzipSync } from 'node:zlib'
import { generateIdentity, identityToRecipient } from 'age-encryption'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Bytes } from '../../../src/core/backup/encryption.js'
import { PART_FILES } from '../../../src/core/backup/format.js'
import { Secret } from '../../../src/core/base/secret.js'
import {
  backupHeader,
  entriesOf,
  packed,
  repacked,
  type TarEntry,
  textFile,
  unpacked,
} from '../../support/store/backups.js'

const HASH = 'ab'.repeat(32)
const FILES = [
  textFile('brine.json', '{}'),
  textFile('commits/1.json', '{"commit":1}'),
  textFile('cas/acme/event-0.json', 'x'.repeat(5000)),
  textFile(`objects/ab/${HASH}`, ''),
]
let plain: Buffer
let entries: readonly TarEntry[]

beforeAll(async () => {
  plain = await packed(FILES)
  entries = await entriesOf(plain)
})

/** Returns kind and code of the error; `accepted` if there was none. */
async function judge(bytes: Uint8Array | Bytes, keys = {}): Promise<string> {
  try {
    await unpacked(bytes, keys)
    return 'accepted'
  } catch (error) {
    const { kind, code } = error as { kind?: string; code?: string }
    return kind === undefined ? `thrown: ${String(error)}` : `${kind} ${code}`
  }
}

/** Returns the message of the error, to prove which check it comes from. */
async function reason(bytes: Uint8Array): Promise<string> {
  return unpacked(bytes).then(
    () => 'accepted',
    (error: Error) => error.message,
  )
}

const DAMAGED = 'corrupt backup-damaged'
const withEntry = (entry: TarEntry, at = 3): Promise<Buffer> =>
  repacked([...entries.slice(0, at), entry, ...entries.slice(at)])

describe('a valid archive is read', () => {
  test('with its paths, bytes and times, and modes by path', async () => {
    const { files, encrypted } = await unpacked(plain)
    expect(files.map((f) => [f.path, f.mode])).toEqual(FILES.map((f, i) => [f.path, i === 3 ? 0o644 : 0o600]))
    expect(files.map((f) => Buffer.from(f.bytes))).toEqual(FILES.map((f) => f.bytes))
    expect([files[0]?.modified, encrypted]).toEqual([1_700_000_000, false])
  })

  test('with many files, in several parts', async () => {
    const many = Array.from({ length: 2 * PART_FILES + 1 }, (_, i) => textFile(`commits/${i + 1}.json`, String(i)))
    const { manifest, files } = await unpacked(await packed(many))
    expect([manifest.parts.length, files.length]).toEqual([3, many.length])
  })

  test('without files', async () => expect((await unpacked(await packed([]))).files).toEqual([]))

  test('after it was decompressed', async () => {
    expect((await unpacked(gunzipSync(plain))).files.length).toBe(FILES.length)
  })
})

describe('a hostile archive is refused', () => {
  const body = Buffer.from('evil')
  const size = body.length
  test.each([
    '../../evil',
    '/etc/cron.d/evil',
    'cas/../../evil',
    'status/origin.json',
    'keys/pool/x',
    './brine.toml',
    'x',
  ])('with a file %s, although its manifest lists it', async (name) => {
    expect(await judge(await packed([...FILES, textFile(name, 'evil')]))).toBe(DAMAGED)
    expect(await reason(await withEntry({ header: { name, size }, body }))).toMatch(
      /is not a path of a data directory$/,
    )
  })

  test.each(['symlink', 'link', 'character-device', 'block-device', 'fifo', 'directory', 'contiguous-file'] as const)(
    'with a %s',
    async (type) => {
      const header = { name: 'cas/acme/event-1.json', type, linkname: '/etc/passwd', size: 0 }
      const bytes = await withEntry({ header, body: Buffer.alloc(0) })
      expect(await reason(bytes)).toMatch(new RegExp(`is a ${type} and not a file$`))
    },
  )

  test('with a long name in an extended header', async () => {
    const name = `cas/${'../'.repeat(60)}evil`
    expect(await judge(await withEntry({ header: { name, size }, body }))).toBe(DAMAGED)
  })

  test('with an unlisted file, a missing file, a file twice, another order', async () => {
    const extra = { header: { name: 'commits/2.json', size }, body }
    expect(await judge(await withEntry(extra))).toBe(DAMAGED)
    expect(await judge(await repacked(entries.filter((_, i) => i !== 2)))).toBe(DAMAGED)
    expect(await judge(await withEntry(entries[2] as TarEntry))).toBe(DAMAGED)
    expect(await judge(await repacked([entries[0], entries[2], entries[1], ...entries.slice(3)] as TarEntry[]))).toBe(
      DAMAGED,
    )
  })

  test('with other content of the same length', async () => {
    const changed = entries.map((e) =>
      e.header.name === 'cas/acme/event-0.json' ? { ...e, body: Buffer.alloc(5000, 'y') } : e,
    )
    expect(await judge(await repacked(changed))).toBe(DAMAGED)
  })

  test('with an entry after the manifest, without a header, without a manifest', async () => {
    const after = await withEntry({ header: { name: 'commits/2.json', size }, body }, entries.length)
    expect(await reason(after)).toMatch(/there are entries after its manifest$/)
    expect(await judge(await repacked(entries.slice(1)))).toBe(DAMAGED)
    expect(await judge(await repacked(entries.slice(0, -1)))).toBe(DAMAGED)
  })

  test('with the header of another backup', async () => {
    const other = await entriesOf(await packed(FILES, { type: 'plain' }, { generation: 7 }))
    expect(await judge(await repacked([other[0] as TarEntry, ...entries.slice(1)]))).toBe(DAMAGED)
  })

  test('with the manifest of another backup of the same sizes', async () => {
    const other = await entriesOf(await packed(FILES.map((f, i) => (i === 1 ? textFile(f.path, '{"commit":2}') : f))))
    expect(other.map((e) => e.body.length)).toEqual(entries.map((e) => e.body.length))
    const mixed = await repacked([...other.slice(0, -1), entries.at(-1) as TarEntry])
    expect(await reason(mixed)).toMatch(/its manifest does not match its content$/)
  })

  test('of a newer format, with `format-newer`', async () => {
    expect(await judge(await packed(FILES, { type: 'plain' }, { format: 2 as 1 }))).toBe('format format-newer')
  })

  test('with more content than its header announces', async () => {
    const { maxBytes } = backupHeader(FILES)
    expect(await judge(await packed(FILES, { type: 'plain' }, { maxBytes: maxBytes - 1 }))).toBe(DAMAGED)
    expect(await judge(await packed(FILES, { type: 'plain' }, { maxFiles: FILES.length - 1 }))).toBe(DAMAGED)
  })

  test('that is not a Brine backup', async () => {
    for (const bytes of [
      Buffer.alloc(0),
      Buffer.from('hello'),
      Buffer.alloc(2000),
      gzipSync('hello'),
      gzipSync(Buffer.alloc(1024)),
    ])
      expect(await judge(bytes)).toBe(DAMAGED)
  })
})

describe('a decompression bomb', () => {
  const zeros = async function* (count: number): AsyncGenerator<Uint8Array> {
    const megabyte = new Uint8Array(1024 * 1024)
    for (let i = 0; i < count; i++) yield megabyte
  }

  test('of zeros is stopped at the limit for a missing header, and not read to its end', async () => {
    let read = 0
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of Readable.from(zeros(10_000)).pipe(createGzip({ level: 1 }))) {
        read += chunk.length
        yield chunk
      }
    }
    expect(await judge(counted())).toBe(DAMAGED)
    // 10 GB of zeros are 44 MB at this level
    expect(read).toBeLessThan(5_000_000)
  })

  test('of zeros after a valid header is stopped at what the header announces', async () => {
    const [first] = entries
    const head = gunzipSync(await repacked([first as TarEntry])).subarray(0, -1024)
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      yield head
      yield* zeros(10_000)
    }
    expect(await judge(Readable.from(bytes()).pipe(createGzip({ level: 1 })))).toBe(DAMAGED)
  })

  test('in one entry is refused by its size', async () => {
    const oversized = { header: { name: 'commits/9.json', size: 4 }, body: Buffer.from('evil') }
    const tarBytes = gunzipSync(await repacked([entries[0] as TarEntry, oversized]))
    // size field of the second entry: 8 GiB less one byte
    const at = 512 + Math.ceil((entries[0]?.body.length ?? 0) / 512) * 512
    tarBytes.write('77777777777', at + 124, 'latin1')
    tarBytes.fill(' ', at + 148, at + 156)
    const sum = tarBytes.subarray(at, at + 512).reduce((a, b) => a + b, 0)
    tarBytes.write(`${sum.toString(8).padStart(6, '0')}\u0000 `, at + 148, 'latin1')
    expect(await judge(gzipSync(tarBytes))).toBe(DAMAGED)
  })
})

describe('a damaged archive is refused', () => {
  test('truncated at any byte', async () => {
    for (let at = 0; at < plain.length; at += Math.ceil(plain.length / 60))
      expect(await judge(plain.subarray(0, at)), `truncated at ${at}`).toBe(DAMAGED)
    expect(await judge(plain.subarray(0, -1))).toBe(DAMAGED)
  })

  test('with any one bit flipped: refused, or of the same content', async () => {
    const intact = gunzipSync(plain)
    for (let at = 0; at < plain.length; at += Math.ceil(plain.length / 200)) {
      const bytes = Buffer.from(plain)
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
      const verdict = await judge(bytes)
      // the gzip header has a time, which is ignored, and inside of a run of one octet all distances mean the same
      if (verdict === 'accepted') expect(gunzipSync(bytes).equals(intact), `bit at ${at}`).toBe(true)
      else expect(verdict, `bit at ${at}`).toMatch(/^corrupt backup-damaged$/)
    }
  })
})

describe('encrypted', () => {
  const passphrase = new Secret('correct horse battery staple')
  let identity: string
  let encrypted: Buffer

  beforeAll(async () => {
    identity = await generateIdentity()
    encrypted = await packed(FILES, { type: 'recipients', recipients: [await identityToRecipient(identity)] })
  })

  const open = (bytes: Uint8Array, key = identity): Promise<string> => judge(bytes, { identities: [new Secret(key)] })

  test('is decrypted with its identity only', async () => {
    expect(encrypted.includes('brine.json')).toBe(false)
    expect(await open(encrypted)).toBe('accepted')
    expect(await open(encrypted, await generateIdentity())).toBe('credentials backup-key-wrong')
    expect(await judge(encrypted)).toBe('usage backup-key-needed')
    expect(await judge(encrypted, { passphrase })).toBe('credentials backup-key-wrong')
  })

  test('is decrypted with its passphrase only', async () => {
    const bytes = await packed(FILES, { type: 'passphrase', passphrase })
    expect(await judge(bytes, { passphrase })).toBe('accepted')
    expect(await judge(bytes, { passphrase: new Secret('wrong') })).toBe('credentials backup-key-wrong')
    expect(await open(bytes)).toBe('credentials backup-key-wrong')
  }, 60_000)

  test('truncated or changed anywhere is refused', async () => {
    for (let at = 0; at < encrypted.length; at += Math.ceil(encrypted.length / 80)) {
      expect(await open(encrypted.subarray(0, at)), `truncated at ${at}`).toBe(DAMAGED)
      const bytes = Buffer.from(encrypted)
      bytes[at] = (bytes[at] ?? 0) ^ 0x10
      expect(await open(bytes), `bit at ${at}`).toMatch(/backup-damaged|backup-key-wrong/)
    }
    expect(await open(Buffer.concat([encrypted, Buffer.from('x')]))).toBe(DAMAGED)
  })

  test('with too high a work factor is refused', async () => {
    const text = `age-encryption.org/v1\n-> scrypt ${'A'.repeat(22)} 30\n${'A'.repeat(43)}\n--- ${'A'.repeat(43)}\n`
    expect(await judge(Buffer.concat([Buffer.from(text), Buffer.alloc(64)]), { passphrase })).toBe(DAMAGED)
  })

  test('a secret is never printed', () => {
    expect([`${passphrase}`, JSON.stringify({ passphrase }), Object.keys(passphrase)]).toEqual([
      '[redacted]',
      '{"passphrase":"[redacted]"}',
      [],
    ])
  })
})
