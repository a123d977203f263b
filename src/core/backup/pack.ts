/**
 * A backup as a stream of bytes: header, files, lists of hashes, manifest; tar, gzip and, where asked for, age.
 * Invariant: one file and one part of the list are in memory at a time, whatever the size of the whole.
 */
import { pipeline, Readable } from 'node:stream'
import { createGzip } from 'node:zlib'
import type { Pack } from 'tar-stream'
import { concat } from '../base/bytes.js'
import { epochOf, type Instant } from '../base/time.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import {
  type BackupEntry,
  type BackupHeader,
  type BackupManifest,
  encodeMeta,
  HEADER_NAME,
  MANIFEST_NAME,
  modeOf,
  PART_FILES,
  partName,
} from './format.js'
import { type Bytes, type Seal, seal } from './seal.js'

export interface BackupFile {
  /** Below the data directory, as `isBackupPath` has it. */
  readonly path: string
  readonly bytes: Uint8Array
  /** Where it is known already. */
  readonly sha256?: Sha256
  /** Epoch seconds; objects are served with it. */
  readonly modified: number
}

export interface PackOptions {
  readonly header: BackupHeader
  readonly files: Iterable<BackupFile>
  readonly seal: Seal
  readonly onFile: (bytes: number) => void
  /** Of the manifest, when all is written. */
  readonly onDone: (manifest: BackupManifest, sha256: Sha256) => void
}

/** Bytes that go through the compressor at a time: a small file alone would cost a switch of threads. */
const BATCH = 256 * 1024
/** Records are JSON and objects are dense: higher levels cost time and gain nothing. */
const LEVEL = 4

/** Begins when it is read. */
export async function packBackup(options: PackOptions): Promise<Bytes> {
  const gzip = createGzip({ level: LEVEL, chunkSize: BATCH })
  pipeline(Readable.from(batched(tarred(options)), { objectMode: false }), gzip, () => undefined)
  return options.seal.type === 'plain' ? gzip : seal(gzip, options.seal)
}

async function* tarred(options: PackOptions): AsyncGenerator<Uint8Array> {
  const { default: tar } = await import('tar-stream')
  const pack = tar.pack()
  const filled = fill(pack, options).catch((error: Error) => pack.destroy(error))
  for await (const chunk of pack) yield chunk
  await filled
}

async function fill(pack: Pack, { header, files, onFile, onDone }: PackOptions): Promise<void> {
  const first = encodeMeta(header)
  const at = epochOf(header.cutAt)
  await add(pack, HEADER_NAME, first, at)
  const parts: Sha256[] = []
  let part: BackupEntry[] = []
  let [count, bytes] = [0, 0]
  const closePart = async (): Promise<void> => {
    const list = encodeMeta({ files: part })
    parts.push(sha256Hex(list))
    part = []
    await add(pack, partName(parts.length), list, at)
  }
  for (const file of files) {
    const { path, bytes: content, sha256 = sha256Hex(content), modified } = file
    await add(pack, path, content, modified)
    part.push({ path, size: content.length, mode: modeOf(path), sha256 })
    count += 1
    bytes += content.length
    onFile(content.length)
    if (part.length === PART_FILES) await closePart()
  }
  if (part.length > 0) await closePart()
  const manifest: BackupManifest = { format: 1, header: sha256Hex(first), files: count, bytes, parts }
  const last = encodeMeta(manifest)
  await add(pack, MANIFEST_NAME, last, at)
  pack.finalize()
  onDone(manifest, sha256Hex(last))
}

/** Returns when the reader has taken enough for more. */
function add(pack: Pack, name: string, bytes: Uint8Array, seconds: number): Promise<void> {
  const header = { name, size: bytes.length, mode: modeOf(name), mtime: new Date(seconds * 1000), uid: 0, gid: 0 }
  return new Promise((resolve, reject) => {
    const content = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    pack.entry(header, content, (error) => (error ? reject(error) : resolve()))
  })
}

async function* batched(source: Bytes): AsyncGenerator<Uint8Array> {
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

/** `brine-1a2b3c4d-20261121T120000Z.tar.gz.age` */
export function backupName(id: string, cutAt: Instant, sealed: boolean): string {
  return `brine-${id.slice(0, 8)}-${cutAt.replace(/[-:]/g, '')}.tar.gz${sealed ? '.age' : ''}`
}
