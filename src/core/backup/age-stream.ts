/**
 * The payload of an age file (age-encryption.org/v1, STREAM of ChaCha20-Poly1305), with the cipher of Node: the one of the age library, in
 * JavaScript, takes fifteen times as long. Invariants: memory does not grow with the payload; each chunk is authenticated before it is
 * returned, and a payload without its last chunk is an error.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { concat, utf8 } from '../base/bytes.js'

type Bytes = AsyncIterable<Uint8Array>

/** age encrypts chunks of 64 KiB, each with a tag, after a nonce; no chunk but an only one is empty. */
export const [NONCE, CHUNK, TAG] = [16, 65_536, 16]
/** Bytes in which a header ends: one recipient takes about a hundred. */
const HEADER_LIMIT = 1024 * 1024

/** Returns where the payload begins: after the line with the MAC of the header. */
export function endOfHeader(head: Uint8Array): number | undefined {
  const mac = Buffer.from(head.buffer, head.byteOffset, head.length).indexOf('\n--- ')
  const end = mac === -1 ? -1 : head.indexOf(0x0a, mac + 1)
  return end === -1 ? undefined : end + 1
}

/** Returns the header and the bytes after it; undefined if it does not end. */
export async function splitHeader(bytes: Bytes): Promise<{ header: Uint8Array; payload: Bytes } | undefined> {
  const iterator = bytes[Symbol.asyncIterator]()
  let head: Uint8Array = new Uint8Array()
  while (head.length < HEADER_LIMIT) {
    const next = await iterator.next()
    if (next.done === true) return undefined
    head = concat([head, next.value])
    const end = endOfHeader(head)
    if (end === undefined) continue
    const first = head.subarray(end)
    const payload = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield first
        for (let more = await iterator.next(); more.done !== true; more = await iterator.next()) yield more.value
      } finally {
        await iterator.return?.()
      }
    }
    return { header: head.subarray(0, end), payload: payload() }
  }
  await iterator.return?.()
  return undefined
}

/** Yields the payload that encrypts the bytes. */
export async function* sealed(bytes: Bytes, fileKey: Uint8Array): AsyncGenerator<Uint8Array> {
  const nonce = randomBytes(NONCE)
  const [key, counter] = [streamKey(fileKey, nonce), new Counter()]
  yield nonce
  for await (const { chunk, isLast } of chunksOf(bytes, CHUNK)) {
    const cipher = createCipheriv('chacha20-poly1305', key, counter.next(isLast), { authTagLength: TAG })
    const body = cipher.update(chunk)
    cipher.final()
    yield concat([body, cipher.getAuthTag()])
  }
}

/** Yields the bytes that a payload encrypts. Throws an Error if it is truncated or was changed. */
export async function* opened(payload: Bytes, fileKey: Uint8Array): AsyncGenerator<Uint8Array> {
  let key: Uint8Array | undefined
  const counter = new Counter()
  for await (const { chunk, isLast, isFirst } of chunksOf(withNonce(), CHUNK + TAG)) {
    if (key === undefined || chunk.length < TAG) throw new Error('the payload is too short')
    const decipher = createDecipheriv('chacha20-poly1305', key, counter.next(isLast), { authTagLength: TAG })
    decipher.setAuthTag(chunk.subarray(-TAG))
    const plain = decipher.update(chunk.subarray(0, -TAG))
    decipher.final()
    if (plain.length === 0 && !isFirst) throw new Error('the last chunk is empty')
    yield plain
  }

  /** Yields what follows the nonce, from which the key is derived. */
  async function* withNonce(): AsyncGenerator<Uint8Array> {
    let head: Uint8Array = new Uint8Array()
    for await (const part of payload) {
      if (key !== undefined) {
        yield part
        continue
      }
      head = concat([head, part])
      if (head.length < NONCE) continue
      key = streamKey(fileKey, head.subarray(0, NONCE))
      yield head.subarray(NONCE)
    }
  }
}

function streamKey(fileKey: Uint8Array, nonce: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', fileKey, nonce, utf8('payload'), 32))
}

/** The nonces of the chunks: a number of eleven octets, and one octet that marks the last. */
class Counter {
  readonly #nonce = Buffer.alloc(12)
  #count = 0

  next(isLast: boolean): Uint8Array {
    // 2 ** 48 chunks are more than any disk holds
    this.#nonce.writeUIntBE(this.#count++, 5, 6)
    this.#nonce[11] = isLast ? 1 : 0
    return this.#nonce
  }
}

interface Chunk {
  readonly chunk: Uint8Array
  readonly isFirst: boolean
  readonly isLast: boolean
}

/** Yields chunks of `size` bytes; the last one may be shorter, and is empty only if there are no bytes. */
async function* chunksOf(bytes: Bytes, size: number): AsyncGenerator<Chunk> {
  let rest: Uint8Array = new Uint8Array()
  let isFirst = true
  for await (const part of bytes) {
    const data = rest.length === 0 ? part : concat([rest, part])
    let at = 0
    // a complete chunk waits for more bytes, since it may be the last
    for (; data.length - at > size; at += size) {
      yield { chunk: data.subarray(at, at + size), isFirst, isLast: false }
      isFirst = false
    }
    rest = data.subarray(at)
  }
  yield { chunk: rest, isFirst, isLast: true }
}
