/**
 * Writes a backup as a stream of bytes: header, files, lists of hashes, manifest; as tar, compressed and optionally encrypted with age.
 * Invariant: one file and one part of the list are in memory at a time, whatever the size of the backup.
 */
import { concat } from '../base/bytes.js'
import { epochOf, type Instant } from '../base/time.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import { archiveSuffix, BATCH, type Compression, compressed } from './compression.js'
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
import { padded, tarEnd, tarHeader } from './tar-blocks.js'

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
  readonly compression: Compression
  /** Called after each file, with its size. */
  readonly onFile: (bytes: number) => void
  /** Called once all is written, with the manifest and its hash. */
  readonly onDone: (manifest: BackupManifest, sha256: Sha256) => void
}

const ZEROS = new Uint8Array(512)

/** Returns the bytes of the backup. Nothing is read or written until they are consumed. */
export async function packBackup(options: PackOptions): Promise<Bytes> {
  const bytes = compressed(inBatches(tarBlocks(options)), options.compression)
  return options.encryption.type === 'plain' ? bytes : encrypt(bytes, options.encryption)
}

/** Yields headers and contents in the order of the archive. */
function* tarBlocks({ header, files, onFile, onDone }: PackOptions): Generator<Uint8Array> {
  const first = encodeMeta(header)
  const at = epochOf(header.cutAt)
  yield* entry(HEADER_NAME, first, at)
  const parts: Sha256[] = []
  let part: BackupEntry[] = []
  let [count, bytes] = [0, 0]
  const closePart = (): Generator<Uint8Array> => {
    const list = encodeMeta({ files: part })
    parts.push(sha256Hex(list))
    part = []
    return entry(partName(parts.length), list, at)
  }
  for (const { path, bytes: content, sha256 = sha256Hex(content), modified } of files) {
    yield* entry(path, content, modified)
    part.push({ path, size: content.length, mode: fileModeOf(path), sha256 })
    count += 1
    bytes += content.length
    onFile(content.length)
    if (part.length === PART_FILES) yield* closePart()
  }
  if (part.length > 0) yield* closePart()
  const manifest: BackupManifest = { format: 1, header: sha256Hex(first), files: count, bytes, parts }
  const last = encodeMeta(manifest)
  yield* entry(MANIFEST_NAME, last, at)
  yield tarEnd()
  onDone(manifest, sha256Hex(last))
}

function* entry(name: string, bytes: Uint8Array, modified: number): Generator<Uint8Array> {
  yield tarHeader({ name, size: bytes.length, mode: fileModeOf(name), modified })
  if (bytes.length > 0) yield bytes
  const rest = padded(bytes.length) - bytes.length
  if (rest > 0) yield ZEROS.subarray(0, rest)
}

function* inBatches(source: Iterable<Uint8Array>): Generator<Uint8Array> {
  let parts: Uint8Array[] = []
  let length = 0
  for (const chunk of source) {
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
export function backupName(id: string, takenAt: Instant, isEncrypted: boolean, compression: Compression): string {
  const suffix = archiveSuffix(compression)
  return `brine-${id.slice(0, 8)}-${takenAt.replace(/[-:]/g, '')}${suffix}${isEncrypted ? '.age' : ''}`
}
