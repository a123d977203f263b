/** The bytes of a file that the user names, in pieces, decompressed where it is gzip. Invariant: memory does not grow with the file. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { AppError } from '../base/errors.js'
import { type Instant, instantOf } from '../base/time.js'
import { readBlocking } from '../store/disk/blocking-read.js'
import { userFileError } from '../store/disk/user-files.js'

/** A table of the whole Internet has 60 MB; what is larger than this is not one, or a compressed file made to fill memory. */
const MAX_BYTES = 2 ** 30
const PIECE = 2 ** 16
/** Octets of the header of gzip up to the time (RFC 1952 section 2.3). */
const HEADER = 10

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
  const { head, rest, changed } = begin(path)
  const isGzip = head[0] === 0x1f && head[1] === 0x8b
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
  const file = Readable.from(joined(head, rest), { objectMode: false, highWaterMark: PIECE })
  try {
    if (isGzip) await pipeline(file, createGunzip({ chunkSize: PIECE }), take)
    else await pipeline(file, take)
  } catch (error) {
    throw refused.length > 0 ? refused[0] : readError(path, error)
  }
  const packed = isGzip && head.length >= HEADER ? head.readUInt32LE(4) : 0
  return { path, time: instantOf(packed === 0 ? changed : packed) }
}

interface Begun {
  /** The first octets; all of a file that has fewer. */
  readonly head: Buffer
  /** Pieces after the head, to be read once. */
  readonly rest: Iterable<Buffer>
  /** Unix time in seconds. */
  readonly changed: number
}

/** Opens a file, or a pipe that another program fills, and reads its first octets. Throws `file-unreadable`, `file-compression` (usage). */
function begin(path: string): Begun {
  let fd: number | undefined
  try {
    const opened = readBlocking(path, () => openSync(path, 'r'))
    fd = opened
    const changed = Math.floor(fstatSync(opened).mtimeMs / 1000)
    let head = Buffer.alloc(0)
    for (let piece = readPiece(path, opened); piece.length > 0; piece = readPiece(path, opened)) {
      head = Buffer.concat([head, piece])
      if (head.length >= HEADER) break
    }
    refuseOtherCompression(path, head)
    return { head, rest: piecesOf(path, opened), changed }
  } catch (cause) {
    if (fd !== undefined) closeSync(fd)
    if (cause instanceof AppError) throw cause
    throw userFileError('file-unreadable', `cannot read ${path}`, path, cause)
  }
}

function* joined(head: Buffer, rest: Iterable<Buffer>): Generator<Buffer> {
  if (head.length > 0) yield head
  yield* rest
}

/** Reads to the end, and closes. */
function* piecesOf(path: string, fd: number): Generator<Buffer> {
  try {
    for (let piece = readPiece(path, fd); piece.length > 0; piece = readPiece(path, fd)) yield piece
  } finally {
    closeSync(fd)
  }
}

function readPiece(path: string, fd: number): Buffer {
  const piece = Buffer.allocUnsafe(PIECE)
  return piece.subarray(
    0,
    readBlocking(path, () => readSync(fd, piece)),
  )
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
