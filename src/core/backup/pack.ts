/**
 * Writes a backup as a stream of bytes: header, files, lists of hashes, manifest; as tar, compressed and optionally encrypted with age.
 * Invariant: a few batches, one file and one part of the list are in memory at a time, whatever the size of the backup.
 */
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
  encodePart,
  fileModeOf,
  HEADER_NAME,
  MANIFEST_NAME,
  PART_FILES,
  partName,
} from './format.js'
import { headerRoom, padded, tarEnd, writeTarHeader } from './tar-blocks.js'

export interface BackupFile {
  /** Path relative to the data directory that `isBackupPath` accepts. */
  readonly path: string
  /** Its content. A producer of many files may reuse this memory for the next one. */
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

/** Returns the bytes of the backup. Nothing is read or written until they are consumed. */
export async function packBackup(options: PackOptions): Promise<Bytes> {
  const bytes = compressed(tarBlocks(options), options.compression)
  return options.encryption.type === 'plain' ? bytes : encrypt(bytes, options.encryption)
}

/** Yields headers and contents in the order of the archive, in batches. */
function* tarBlocks({ header, files, onFile, onDone }: PackOptions): Generator<Uint8Array> {
  const batches = new Batches()
  const first = encodeMeta(header)
  const at = epochOf(header.cutAt)
  yield* batches.add(HEADER_NAME, first, at)
  const parts: Sha256[] = []
  let part: BackupEntry[] = []
  let [count, bytes] = [0, 0]
  const closePart = (): Generator<Uint8Array> => {
    const list = encodePart(part)
    parts.push(sha256Hex(list))
    part = []
    return batches.add(partName(parts.length), list, at)
  }
  for (const { path, bytes: content, sha256 = sha256Hex(content), modified } of files) {
    yield* batches.add(path, content, modified)
    part.push({ path, size: content.length, mode: fileModeOf(path), sha256 })
    count += 1
    bytes += content.length
    onFile(content.length)
    if (part.length === PART_FILES) yield* closePart()
  }
  if (part.length > 0) yield* closePart()
  const manifest: BackupManifest = { format: 1, header: sha256Hex(first), files: count, bytes, parts }
  const last = encodeMeta(manifest)
  yield* batches.add(MANIFEST_NAME, last, at)
  yield* batches.rest()
  yield tarEnd()
  onDone(manifest, sha256Hex(last))
}

/** Collects entries of the archive in batches, so that a small file costs neither a chunk nor memory of its own. */
class Batches {
  #at = 0
  #batch = Buffer.alloc(0);

  /** Copies an entry. Yields the batch before it if the entry does not fit. */
  *add(name: string, bytes: Uint8Array, modified: number): Generator<Uint8Array> {
    const needed = headerRoom(name) + padded(bytes.length)
    if (needed > this.#batch.length - this.#at) {
      yield* this.rest()
      // zero-filled, since padding is not written; a new one each time, since the compressor reads the old one on another thread
      this.#batch = Buffer.alloc(Math.max(BATCH, needed))
      this.#at = 0
    }
    const batch = this.#batch
    const start = writeTarHeader(batch, this.#at, { name, size: bytes.length, mode: fileModeOf(name), modified })
    batch.set(bytes, start)
    this.#at = start + padded(bytes.length)
  }

  *rest(): Generator<Uint8Array> {
    if (this.#at > 0) yield this.#batch.subarray(0, this.#at)
  }
}

/** Returns the file name of a backup: `brine-1a2b3c4d-20261121T120000Z.tar.gz.age`. */
export function backupName(id: string, takenAt: Instant, isEncrypted: boolean, compression: Compression): string {
  const suffix = archiveSuffix(compression)
  return `brine-${id.slice(0, 8)}-${takenAt.replace(/[-:]/g, '')}${suffix}${isEncrypted ? '.age' : ''}`
}
