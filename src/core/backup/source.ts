/** Reads the bytes of a backup from a file or from standard input. */
import * as fs from 'node:fs'
import { AppError } from '../base/errors.js'
import { errnoOf } from '../store/disk/io-error.js'

/** Bytes read at a time. */
const CHUNK = 256 * 1024

/**
 * Reads the bytes of a file; `-` is standard input. Throws `file-unreadable` (usage), also for a FIFO, a socket and a device: opening a FIFO
 * blocks until there is a writer.
 */
export async function* readSource(path: string): AsyncGenerator<Uint8Array> {
  try {
    if (path !== '-') assertReadable(path)
    const stream = path === '-' ? process.stdin : fs.createReadStream(path, { highWaterMark: CHUNK })
    for await (const chunk of stream) yield chunk as Uint8Array
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const errno = errnoOf(cause) ?? 'EIO'
    throw new AppError('usage', 'file-unreadable', `cannot read ${path}: ${errno}`, { cause, details: { path, errno } })
  }
}

/** File descriptors inherited from the calling process: they are open already, so opening them never blocks. */
const INHERITED = /^\/dev\/(?:stdin|fd\/\d+)$/

/** Checks that a file can be read, before anything is asked about it. Throws `file-unreadable` (usage). */
export function assertReadableSource(path: string): void {
  try {
    assertReadable(path)
    fs.accessSync(path, fs.constants.R_OK)
  } catch (cause) {
    if (cause instanceof AppError) throw cause
    const errno = errnoOf(cause) ?? 'EIO'
    throw new AppError('usage', 'file-unreadable', `cannot read ${path}: ${errno}`, { cause, details: { path, errno } })
  }
}

function assertReadable(path: string): void {
  const stat = fs.statSync(path)
  if (stat.isFile() || stat.isDirectory() || INHERITED.test(path)) return
  const what = stat.isFIFO() ? 'a FIFO' : stat.isSocket() ? 'a socket' : 'a device'
  throw new AppError('usage', 'file-unreadable', `cannot read ${path}: it is ${what}, not a file`, {
    hint: 'to read from a pipe, give - and pass the data on standard input',
    details: { path },
  })
}

/** Returns the name of a source for messages. */
export function sourceName(path: string): string {
  return path === '-' ? 'standard input' : path
}
