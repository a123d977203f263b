/**
 * Reads a backup strictly: every file must be within the limits of the header, listed with its hash, and at a path that a data directory has.
 * Invariants: memory and disk use are bounded by the header, which precedes the first file; without its last entry the backup is invalid.
 */
import { AppError } from '../base/errors.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import { compressionOf, decompressed } from './compression.js'
import { type Bytes, type DecryptionKeys, decrypt, isEncrypted } from './encryption.js'
import {
  type BackupEntry,
  type BackupHeader,
  type BackupManifest,
  backupDamaged,
  FILE_LIMIT,
  fileModeOf,
  HEADER_NAME,
  isBackupPath,
  MANIFEST_NAME,
  META_LIMIT,
  PART_FILES,
  parseHeader,
  parseManifest,
  parsePart,
  partName,
  pathRefused,
} from './format.js'
import { type TarMember, TarReader, type TarSink } from './tar-reader.js'

export interface UnpackedFile extends BackupEntry {
  readonly bytes: Uint8Array
  /** Modification time in epoch seconds. */
  readonly modified: number
}

export interface UnpackOptions {
  /** Name of the backup in messages. */
  readonly name: string
  readonly keys: DecryptionKeys
  /** Called once, before the first file. */
  readonly onHeader: (header: BackupHeader, isEncrypted: boolean) => void
  /** Called for each file in the order of the archive, with bytes that a larger chunk owns. The file is verified only once the whole archive has been read. */
  readonly onFile: (file: UnpackedFile) => void
}

export interface UnpackedBackup {
  readonly header: BackupHeader
  readonly manifest: BackupManifest
  /** SHA-256 of the manifest. */
  readonly sha256: Sha256
  readonly encrypted: boolean
}

/** Reads a complete backup. Throws `backup-damaged` (corrupt), `backup-key-wrong` (credentials), `backup-key-needed` (usage), `format-newer`. */
export async function unpackBackup(source: Bytes, options: UnpackOptions): Promise<UnpackedBackup> {
  const { name } = options
  const parser = new BackupParser(options)
  const opened = await open(source, options)
  parser.encrypted = opened.encrypted
  const reader = new TarReader(parser)
  try {
    for await (const chunk of parser.bounded(opened.bytes)) reader.push(chunk)
    reader.end()
  } catch (error) {
    throw asBackupError(error, name)
  }
  return parser.end()
}

/** Returns `backup-damaged` for an error of a library and for a damaged part of the backup; other errors are returned unchanged. */
function asBackupError(error: unknown, name: string): unknown {
  if (!(error instanceof AppError)) return backupDamaged(name, 'the file is truncated or was changed', error)
  return error.code === 'file-damaged' ? backupDamaged(name, error.message.replace(`${name}: `, ''), error) : error
}

async function open(source: Bytes, { name, keys }: UnpackOptions): Promise<{ bytes: Bytes; encrypted: boolean }> {
  const outer = await peek(source)
  const encrypted = isEncrypted(outer.head, name)
  const inner = encrypted ? await peek(await decrypt(outer.bytes, keys, name)) : outer
  const compression = compressionOf(inner.head)
  if (compression !== undefined)
    return { bytes: decompressed(inner.bytes, compression, { name, encrypted }), encrypted }
  throw backupDamaged(name, inner.head.length === 0 ? 'the file is empty' : 'not a Brine backup')
}

/** Returns at least the first 512 bytes, and a stream of all bytes including those. */
async function peek(source: Bytes): Promise<{ head: Uint8Array; bytes: Bytes }> {
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

class BackupParser implements TarSink {
  encrypted = false
  readonly #options: UnpackOptions
  #limit = 2 * META_LIMIT
  /** The entry whose content is read now. */
  #entry: TarMember | undefined
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

  /** Passes on the decompressed bytes. Throws once there are more than the header announced. */
  async *bounded(bytes: Bytes): AsyncGenerator<Uint8Array> {
    let length = 0
    for await (const chunk of bytes) {
      length += chunk.length
      if (length > this.#limit) throw this.#damaged('it has more content than its header announces')
      yield chunk
    }
  }

  begin(entry: TarMember): void {
    const { name: path, type, size } = entry
    if (type !== 'file') throw pathRefused(this.#options.name, path, `is a ${type} and not a file`)
    if (this.#end !== undefined) throw this.#damaged('there are entries after its manifest')
    const isMeta = path.startsWith('backup/')
    if (!isMeta && !isBackupPath(path)) throw pathRefused(this.#options.name, path, 'is not a path of a data directory')
    if (size > (isMeta ? META_LIMIT : FILE_LIMIT))
      throw pathRefused(this.#options.name, path, `is too large: ${size} bytes`)
    if (!isMeta) this.#count(path, size)
    this.#entry = entry
  }

  content(bytes: Uint8Array): void {
    if (this.#entry === undefined) return
    const { name: path, modified } = this.#entry
    if (path.startsWith('backup/')) this.#meta(path, bytes)
    else this.#file(path, bytes, modified)
  }

  end(): UnpackedBackup {
    if (this.#header === undefined || this.#end === undefined)
      throw this.#damaged('it is truncated: the manifest is missing')
    return { header: this.#header, ...this.#end, encrypted: this.encrypted }
  }

  #damaged(why: string): AppError {
    return backupDamaged(this.#options.name, why)
  }

  #count(path: string, size: number): void {
    if (this.#header === undefined) throw pathRefused(this.#options.name, path, 'precedes the header')
    this.#files += 1
    this.#bytes += size
    if (this.#files > this.#header.maxFiles || this.#bytes > this.#header.maxBytes || this.#list.length >= PART_FILES)
      throw this.#damaged('it has more content than its header announces')
  }

  #file(path: string, bytes: Uint8Array, modified: number): void {
    const entry = { path, size: bytes.length, mode: fileModeOf(path), sha256: sha256Hex(bytes) }
    this.#list.push(entry)
    this.#options.onFile({ ...entry, bytes, modified })
  }

  #meta(path: string, bytes: Uint8Array): void {
    const { name } = this.#options
    if (path === HEADER_NAME && this.#header === undefined) {
      this.#header = parseHeader(bytes, name)
      this.#headerHash = sha256Hex(bytes)
      const { maxFiles, maxBytes } = this.#header
      // tar pads each entry to 512 bytes; the lists have about 250 bytes per file
      this.#limit = bytes.length + maxBytes + maxFiles * 2048 + 1024 * 1024
      this.#options.onHeader(this.#header, this.encrypted)
    } else if (path === partName(this.#parts.length + 1)) this.#part(path, bytes)
    else if (path === MANIFEST_NAME) this.#manifest(bytes)
    else throw pathRefused(name, path, 'is out of place')
  }

  #part(path: string, bytes: Uint8Array): void {
    const listed = parsePart(bytes, `${this.#options.name}: ${path}`)
    const mismatch = this.#list.find((entry, i) => !isSameEntry(entry, listed[i]))
    if (mismatch !== undefined) throw this.#damaged(`${mismatch.path} does not match the list in ${path}`)
    if (listed.length !== this.#list.length) throw this.#damaged(`${path} lists files that are missing`)
    this.#parts.push(sha256Hex(bytes))
    this.#list = []
  }

  #manifest(bytes: Uint8Array): void {
    const manifest = parseManifest(bytes, this.#options.name)
    const isValid =
      manifest.header === this.#headerHash &&
      manifest.files === this.#files &&
      manifest.bytes === this.#bytes &&
      this.#list.length === 0 &&
      manifest.parts.join() === this.#parts.join()
    if (!isValid) throw this.#damaged('its manifest does not match its content')
    this.#end = { manifest, sha256: sha256Hex(bytes) }
  }
}

function isSameEntry(a: BackupEntry, b: BackupEntry | undefined): boolean {
  return b !== undefined && a.path === b.path && a.size === b.size && a.mode === b.mode && a.sha256 === b.sha256
}
