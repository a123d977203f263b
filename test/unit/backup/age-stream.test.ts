/** The payload of age files: read by the age library, and reading what that wrote, at every border of a chunk. */
import { Readable } from 'node:stream'
import { Decrypter, Encrypter, generateIdentity, identityToRecipient } from 'age-encryption'
import { beforeAll, describe, expect, it, test } from 'vitest'
import { endOfHeader } from '../../../src/core/backup/age-stream.js'
import { type Bytes, decrypt, encrypt } from '../../../src/core/backup/encryption.js'
import { Secret } from '../../../src/core/base/secret.js'
import { all } from '../../support/store/backups.js'

const CHUNK = 65_536
const SIZES = [0, 1, 15, 16, 17, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 100]
let identity: string
let recipient: string

beforeAll(async () => {
  identity = await generateIdentity()
  recipient = await identityToRecipient(identity)
})

const bytesOf = (size: number): Buffer => Buffer.from(Array.from({ length: size }, (_, i) => (i * 31 + (i >> 8)) & 255))

/** Returns the bytes in chunks of this size. */
function inChunks(bytes: Uint8Array, size: number): Bytes {
  const parts = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  )
  return Readable.from(parts, { objectMode: false })
}

const sealed = async (plain: Uint8Array, size = 100_000): Promise<Buffer> =>
  all(await encrypt(inChunks(plain, size), { type: 'recipients', recipients: [recipient] }))

const opened = async (bytes: Uint8Array, size = 100_000): Promise<Buffer> =>
  all(await decrypt(inChunks(bytes, size), { identities: [new Secret(identity)] }, 'x.age'))

test.each(SIZES)('%i bytes go both ways between the library and this', async (size) => {
  const plain = bytesOf(size)
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  const ours = await sealed(plain)
  expect(Buffer.from(await decrypter.decrypt(ours)).equals(plain)).toBe(true)
  const encrypter = new Encrypter()
  encrypter.addRecipient(recipient)
  const theirs = await encrypter.encrypt(plain)
  expect(ours.length).toBe(theirs.length)
  for (const chunk of [7000, CHUNK, CHUNK + 16, 1_000_000]) {
    expect((await opened(theirs, chunk)).equals(plain)).toBe(true)
    expect((await opened(await sealed(plain, chunk), chunk)).equals(plain)).toBe(true)
  }
})

test('a header is found in chunks of any size, even of one octet', async () => {
  const bytes = await sealed(bytesOf(100))
  expect((await opened(bytes, 1)).equals(bytesOf(100))).toBe(true)
})

test('two files have nothing in common after their first line', async () => {
  const [one, other] = [await sealed(bytesOf(1000)), await sealed(bytesOf(1000))]
  const tail = (bytes: Buffer): Buffer => bytes.subarray(endOfHeader(bytes))
  expect(tail(one).subarray(0, 16).equals(tail(other).subarray(0, 16))).toBe(false)
  expect(tail(one).subarray(16, 500).equals(tail(other).subarray(16, 500))).toBe(false)
})

describe('a payload is refused', () => {
  const judge = (bytes: Uint8Array): Promise<string> =>
    opened(bytes).then(
      () => 'accepted',
      (error: { code?: string }) => error.code ?? String(error),
    )
  const size = 2 * CHUNK + 100

  it('if it ends at any border, before or after it', async () => {
    const bytes = await sealed(bytesOf(size))
    const start = endOfHeader(bytes) ?? 0
    const borders = [0, 16, 16 + CHUNK + 16, 16 + 2 * (CHUNK + 16)]
    for (const at of borders.flatMap((border) => [border - 1, border, border + 1, border + 15, border + 16]))
      expect(await judge(bytes.subarray(0, start + at)), `${at} bytes of payload`).toBe('backup-damaged')
    expect(await judge(bytes.subarray(0, -1))).toBe('backup-damaged')
    expect(await judge(bytes)).toBe('accepted')
  })

  it('if something follows it, or its chunks are in another order', async () => {
    const bytes = await sealed(bytesOf(size))
    const start = (endOfHeader(bytes) ?? 0) + 16
    const part = (n: number): Buffer => bytes.subarray(start + n * (CHUNK + 16), start + (n + 1) * (CHUNK + 16))
    const of = (...parts: readonly number[]): Buffer => Buffer.concat([bytes.subarray(0, start), ...parts.map(part)])
    expect(await judge(of(0, 1, 2))).toBe('accepted')
    for (const parts of [[1, 0, 2], [0, 2], [0, 0, 1, 2], [2], [0, 1]])
      expect(await judge(of(...parts))).toBe('backup-damaged')
    expect(await judge(Buffer.concat([bytes, Buffer.alloc(1)]))).toBe('backup-damaged')
    expect(await judge(Buffer.concat([bytes, bytes.subarray(start)]))).toBe('backup-damaged')
  })

  it('if its header does not end within a mebibyte', async () => {
    const endless = Buffer.concat([Buffer.from('age-encryption.org/v1\n'), Buffer.alloc(1024 * 1024, '-> a b\n')])
    expect(await judge(endless)).toBe('backup-damaged')
  })
})
