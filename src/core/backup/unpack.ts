/**
 * A backup read back, strictly: nothing is taken that its header did not announce, its lists do not vouch for, or a data directory does not
 * have. Invariants: memory and disk are bounded by what the header says before the first file; without the last entry nothing counts.
 */
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Entry } from 'tar-stream'
import { AppError } from '../base/errors.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import {
  type BackupEntry,
  type BackupHeader,
  type BackupManifest,
  damaged,
  FILE_LIMIT,
  HEADER_NAME,
  isBackupPath,
  MANIFEST_NAME,
  META_LIMIT,
  modeOf,
  PART_FILES,
  parseHeader,
  parseManifest,
  parsePart,
  partName,
  refusedPath,
} from './format.js'
import { type Bytes, isSealed, type Keys, unseal } from './seal.js'

export interface ReadFile extends BackupEntry {
  readonly bytes: Uint8Array
  /** Epoch seconds. */
  readonly modified: number
}

export interface UnpackOptions {
  /** For messages. */
  readonly name: string
  readonly keys: Keys
  /** Called once, before any file. */
  readonly onHeader: (header: BackupHeader, sealed: boolean) => void
  /** In the order of the archive. What it gets is as the archive has it: only the whole archive vouches for it. */
  readonly onFile: (file: ReadFile) => void
}

export interface ReadBackup {
  readonly header: BackupHeader
  readonly manifest: BackupManifest
  /** SHA-256 of the manifest. */
  readonly sha256: Sha256
  readonly sealed: boolean
}

/** Reads all of a backup. Throws `backup-damaged` (corrupt), `backup-key-wrong` (credentials), `backup-key-needed` (usage), `format-newer`. */
export async function unpackBackup(source: Bytes, options: UnpackOptions): Promise<ReadBackup> {
  const { name } = options
  const { default: tar } = await import('tar-stream')
  const reading = new Reading(options)
  const opened = await open(source, options)
  reading.sealed = opened.sealed
  const extract = tar.extract()
  pipeline(Readable.from(reading.bounded(opened.bytes), { objectMode: false }), extract, () => undefined)
  try {
    for await (const entry of extract) await reading.take(entry)
  } catch (error) {
    throw restated(error, name)
  }
  return reading.end()
}

/** What went wrong in a library is a damaged file; the damage of a part of it is the file's. */
function restated(error: unknown, name: string): unknown {
  if (!(error instanceof AppError)) return damaged(name, 'it is cut off or was changed', error)
  return error.code === 'file-damaged' ? damaged(name, error.message.replace(`${name}: `, ''), error) : error
}

async function open(source: Bytes, { name, keys }: UnpackOptions): Promise<{ bytes: Bytes; sealed: boolean }> {
  const outer = await peeked(source)
  const sealed = isSealed(outer.head, name)
  const inner = sealed ? await peeked(await unseal(outer.bytes, keys, name)) : outer
  if (isGzip(inner.head)) return { bytes: gunzipped(inner.bytes), sealed }
  if (isTar(inner.head)) return { bytes: inner.bytes, sealed }
  throw damaged(name, inner.head.length === 0 ? 'the file is empty' : 'not a backup of brine')
}

function isGzip(head: Uint8Array): boolean {
  return head[0] === 0x1f && head[1] === 0x8b
}

/** One that was decompressed by hand. */
function isTar(head: Uint8Array): boolean {
  return Buffer.from(head.subarray(257, 262)).toString('latin1') === 'ustar'
}

function gunzipped(bytes: Bytes): Bytes {
  const gunzip = createGunzip({ chunkSize: 256 * 1024 })
  pipeline(Readable.from(bytes, { objectMode: false }), gunzip, () => undefined)
  return gunzip
}

/** The first 512 bytes, and all of them again. */
async function peeked(source: Bytes): Promise<{ head: Uint8Array; bytes: Bytes }> {
  const iterator = source[Symbol.asyncIterator]()
  const first: Uint8Array[] = []
  for (let length = 0; length < 512; ) {
    const next = await iterator.next()
    if (next.done === true) break
    first.push(next.value)
    length += next.value.length
  }
  const rest = async function* (): AsyncGenerator<Uint8Array> {
    try {
      yield* first
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) yield next.value
    } finally {
      await iterator.return?.()
    }
  }
  return { head: Buffer.concat(first), bytes: rest() }
}

class Reading {
  sealed = false
  readonly #options: UnpackOptions
  #limit = 2 * META_LIMIT
  #header: BackupHeader | undefined
  #headerHash: Sha256 | undefined
  #list: BackupEntry[] = []
  readonly #parts: Sha256[] = []
  #files = 0
  #bytes = 0
  #end: { readonly manifest: BackupManifest; readonly sha256: Sha256 } | undefined

  constructor(options: UnpackOptions) {
    this.#options = options
  }

  /** What comes out of the compressor, up to what the header announced. */
  async *bounded(bytes: Bytes): AsyncGenerator<Uint8Array> {
    let length = 0
    for await (const chunk of bytes) {
      length += chunk.length
      if (length > this.#limit) throw this.#refuse('it holds more than it announces')
      yield chunk
    }
  }

  async take(entry: Entry): Promise<void> {
    const { name: path, type, size = 0 } = entry.header
    if (type !== 'file') throw refusedPath(this.#options.name, path, `is a ${type ?? 'thing'} and not a file`)
    if (this.#end !== undefined) throw this.#refuse('something follows its manifest')
    const isMeta = path.startsWith('backup/')
    if (!isMeta && !isBackupPath(path)) throw refusedPath(this.#options.name, path, 'is no path of a data directory')
    if (size > (isMeta ? META_LIMIT : FILE_LIMIT)) throw refusedPath(this.#options.name, path, `has ${size} bytes`)
    if (!isMeta) this.#count(path, size)
    const bytes = await contentOf(entry)
    if (isMeta) this.#meta(path, bytes)
    else this.#file(path, bytes, Math.floor((entry.header.mtime?.getTime() ?? 0) / 1000))
  }

  end(): ReadBackup {
    if (this.#header === undefined || this.#end === undefined)
      throw this.#refuse('it is cut off: the manifest is missing')
    return { header: this.#header, ...this.#end, sealed: this.sealed }
  }

  #refuse(why: string): AppError {
    return damaged(this.#options.name, why)
  }

  #count(path: string, size: number): void {
    if (this.#header === undefined) throw refusedPath(this.#options.name, path, 'comes before the header')
    this.#files += 1
    this.#bytes += size
    if (this.#files > this.#header.maxFiles || this.#bytes > this.#header.maxBytes || this.#list.length >= PART_FILES)
      throw this.#refuse('it holds more than it announces')
  }

  #file(path: string, bytes: Uint8Array, modified: number): void {
    const entry = { path, size: bytes.length, mode: modeOf(path), sha256: sha256Hex(bytes) }
    this.#list.push(entry)
    this.#options.onFile({ ...entry, bytes, modified })
  }

  #meta(path: string, bytes: Uint8Array): void {
    const { name } = this.#options
    if (path === HEADER_NAME && this.#header === undefined) {
      this.#header = parseHeader(bytes, name)
      this.#headerHash = sha256Hex(bytes)
      const { maxFiles, maxBytes } = this.#header
      // a tar pads each entry to 512 bytes; the lists have some 250 bytes a file
      this.#limit = bytes.length + maxBytes + maxFiles * 2048 + 1024 * 1024
      this.#options.onHeader(this.#header, this.sealed)
    } else if (path === partName(this.#parts.length + 1)) this.#part(path, bytes)
    else if (path === MANIFEST_NAME) this.#manifest(bytes)
    else throw refusedPath(name, path, 'is out of place')
  }

  #part(path: string, bytes: Uint8Array): void {
    const listed = parsePart(bytes, `${this.#options.name}: ${path}`)
    const wrong = this.#list.find((entry, i) => !same(entry, listed[i]))
    if (wrong !== undefined) throw this.#refuse(`${wrong.path} is not what its manifest lists`)
    if (listed.length !== this.#list.length) throw this.#refuse(`${path} lists files that are not there`)
    this.#parts.push(sha256Hex(bytes))
    this.#list = []
  }

  #manifest(bytes: Uint8Array): void {
    const manifest = parseManifest(bytes, this.#options.name)
    const ok =
      manifest.header === this.#headerHash &&
      manifest.files === this.#files &&
      manifest.bytes === this.#bytes &&
      this.#list.length === 0 &&
      manifest.parts.join() === this.#parts.join()
    if (!ok) throw this.#refuse('its manifest speaks of other files')
    this.#end = { manifest, sha256: sha256Hex(bytes) }
  }
}

function same(a: BackupEntry, b: BackupEntry | undefined): boolean {
  return b !== undefined && a.path === b.path && a.size === b.size && a.mode === b.mode && a.sha256 === b.sha256
}

async function contentOf(entry: Entry): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of entry) chunks.push(chunk)
  const [only] = chunks
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
}
