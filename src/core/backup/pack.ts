/**
 * Writes a backup as a stream of bytes: header, files, lists of hashes, manifest; as tar, gzip and optionally age.
 * Invariant: one file and one part of the list are in memory at a time, whatever the size of the backup.
 */
import { pipeline, Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import type { Pack } from 'tar-stream'
import { concat } from '../base/bytes.js'
import { epochOf, type Instant } from '../base/time.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import { type Bytes, type Encryption, encrypt } from './encryption.js'
import {
  type BackupEntry,
  type BackupHeader,
  type BackupManifest,
  encodeMeta,
  fileModeOf,
  HEADER_NAME,
  MANIFEST_NAME,
  PART_FILES,
  partName,
} from './format.js'

export interface BackupFile {
  /** Path relative to the data directory that `isBackupPath` accepts. */
  readonly path: string
  readonly bytes: Uint8Array
  /** Hash of the bytes, if it is already known. */
  readonly sha256?: Sha256
  /** Modification time in epoch seconds. Objects are served with it. */
  readonly modified: number
}

export interface PackOptions {
  readonly header: BackupHeader
  readonly files: Iterable<BackupFile>
  readonly encryption: Encryption
  /** Called after each file, with its size. */
  readonly onFile: (bytes: number) => void
  /** Called once all is written, with the manifest and its hash. */
  readonly onDone: (manifest: BackupManifest, sha256: Sha256) => void
}

/** Bytes that are compressed at a time. A batch per small file would cost a thread switch each. */
const BATCH = 256 * 1024
/** Compression level. Records are JSON and objects are nearly incompressible, so higher levels cost time and gain nothing. */
const LEVEL = 4

/** Returns the bytes of the backup. Nothing is read or written until they are consumed. */
export async function packBackup(options: PackOptions): Promise<Bytes> {
  const gzip = createGzip({ level: LEVEL, chunkSize: BATCH })
  pipeline(Readable.from(inBatches(tarStream(options)), { objectMode: false }), gzip, () => undefined)
  return options.encryption.type === 'plain' ? gzip : encrypt(gzip, options.encryption)
}

async function* tarStream(options: PackOptions): AsyncGenerator<Uint8Array> {
  const { default: tar } = await import('tar-stream')
  const pack = tar.pack()
  const filled = packEntries(pack, options).catch((error: Error) => pack.destroy(error))
  for await (const chunk of pack) yield chunk
  await filled
}

async function packEntries(pack: Pack, { header, files, onFile, onDone }: PackOptions): Promise<void> {
  const first = encodeMeta(header)
  const at = epochOf(header.cutAt)
  await addEntry(pack, HEADER_NAME, first, at)
  const parts: Sha256[] = []
  let part: BackupEntry[] = []
  let [count, bytes] = [0, 0]
  const closePart = async (): Promise<void> => {
    const list = encodeMeta({ files: part })
    parts.push(sha256Hex(list))
    part = []
    await addEntry(pack, partName(parts.length), list, at)
  }
  for (const file of files) {
    const { path, bytes: content, sha256 = sha256Hex(content), modified } = file
    await addEntry(pack, path, content, modified)
    part.push({ path, size: content.length, mode: fileModeOf(path), sha256 })
    count += 1
    bytes += content.length
    onFile(content.length)
    if (part.length === PART_FILES) await closePart()
  }
  if (part.length > 0) await closePart()
  const manifest: BackupManifest = { format: 1, header: sha256Hex(first), files: count, bytes, parts }
  const last = encodeMeta(manifest)
  await addEntry(pack, MANIFEST_NAME, last, at)
  pack.finalize()
  onDone(manifest, sha256Hex(last))
}

/** Adds an entry. Resolves when the consumer has read enough to accept more. */
function addEntry(pack: Pack, name: string, bytes: Uint8Array, seconds: number): Promise<void> {
  const header = { name, size: bytes.length, mode: fileModeOf(name), mtime: new Date(seconds * 1000), uid: 0, gid: 0 }
  return new Promise((resolve, reject) => {
    const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    pack.entry(header, content, (error) => (error ? reject(error) : resolve()))
  })
}

async function* inBatches(source: Bytes): AsyncGenerator<Uint8Array> {
  let parts: Uint8Array[] = []
  let length = 0
  for await (const chunk of source) {
    parts.push(chunk)
    length += chunk.length
    if (length < BATCH) continue
    yield concat(parts)
    parts = []
    length = 0
  }
  if (length > 0) yield concat(parts)
}

/** Returns the file name of a backup: `brine-1a2b3c4d-20261121T120000Z.tar.gz.age`. */
export function backupName(id: string, takenAt: Instant, isEncrypted: boolean): string {
  return `brine-${id.slice(0, 8)}-${takenAt.replace(/[-:]/g, '')}.tar.gz${isEncrypted ? '.age' : ''}`
}
