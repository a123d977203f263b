/** The bytes of a file that the user names, in pieces, decompressed where it is gzip. Invariant: memory does not grow with the file. */
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { AppError } from '../base/errors.js'
import { type Instant, instantOf } from '../base/time.js'
import { userFileError } from '../store/disk/user-files.js'

/** A table of the whole Internet has 60 MB; what is larger than this is not one, or a compressed file made to fill memory. */
const MAX_BYTES = 2 ** 30
const PIECE = 2 ** 16

/** A file, and the time of its content. */
export interface DataFile {
  readonly path: string
  /** When gzip compressed it, if its header says so (RFC 1952 section 2.3.1), else when the file was last changed. */
  readonly time: Instant
}

/**
 * Passes the bytes of a file to `push`, at most `maxBytes` after decompression. Throws `file-unreadable`, `file-truncated`, `file-too-large`,
 * `file-compression` (usage), and what `push` throws.
 */
export async function readBytes(
  path: string,
  push: (piece: Uint8Array) => void,
  maxBytes = MAX_BYTES,
): Promise<DataFile> {
  const head = readHead(path)
  refuseOtherCompression(path, head.bytes)
  const isGzip = head.bytes[0] === 0x1f && head.bytes[1] === 0x8b
  // the pipeline reports the end of the stream that a refusal causes, not the refusal
  const refused: unknown[] = []
  let size = 0
  const take = async (pieces: AsyncIterable<Buffer>): Promise<void> => {
    for await (const piece of pieces) {
      size += piece.length
      try {
        if (size > maxBytes) throw tooLarge(path, maxBytes)
        push(piece)
      } catch (error) {
        refused.push(error)
        throw error
      }
    }
  }
  const file = createReadStream(path, { highWaterMark: PIECE })
  try {
    if (isGzip) await pipeline(file, createGunzip({ chunkSize: PIECE }), take)
    else await pipeline(file, take)
  } catch (error) {
    throw refused.length > 0 ? refused[0] : readError(path, error)
  }
  const packed = isGzip ? head.bytes.readUInt32LE(4) : 0
  return { path, time: instantOf(packed === 0 ? head.changed : packed) }
}

function readHead(path: string): { readonly bytes: Buffer; readonly changed: number } {
  try {
    const handle = openSync(path, 'r')
    try {
      const bytes = Buffer.alloc(10)
      readSync(handle, bytes, 0, bytes.length, 0)
      return { bytes, changed: Math.floor(statSync(path).mtimeMs / 1000) }
    } finally {
      closeSync(handle)
    }
  } catch (cause) {
    throw userFileError('file-unreadable', `cannot read ${path}`, path, cause)
  }
}

const OTHERS: readonly (readonly [name: string, magic: string, program: string])[] = [
  ['bzip2', '425a68', 'bzip2 -d'],
  ['xz', 'fd377a585a', 'xz -d'],
  ['zstd', '28b52ffd', 'zstd -d'],
]

function refuseOtherCompression(path: string, head: Buffer): void {
  const found = OTHERS.find(([, magic]) => head.toString('hex').startsWith(magic))
  if (found === undefined) return
  const [name, , program] = found
  throw new AppError('usage', 'file-compression', `${path} is compressed with ${name}; only gzip is read`, {
    hint: `decompress it first: ${program} ${path}`,
    details: { path },
  })
}

function tooLarge(path: string, maxBytes: number): AppError {
  return new AppError(
    'usage',
    'file-too-large',
    `${path} has more than ${Math.round(maxBytes / 2 ** 20)} MiB of text`,
    {
      hint: 'a table of all routes has less than 100 MB',
      details: { path },
    },
  )
}

function readError(path: string, error: unknown): unknown {
  const code: unknown = error instanceof Error ? Reflect.get(error, 'code') : undefined
  if (code === 'Z_BUF_ERROR' || code === 'Z_DATA_ERROR')
    return new AppError('usage', 'file-truncated', `${path} is not complete: gzip cannot read it to its end`, {
      hint: 'fetch it again',
      details: { path },
      cause: error,
    })
  if (typeof code === 'string') return userFileError('file-unreadable', `cannot read ${path}`, path, error)
  return error
}
