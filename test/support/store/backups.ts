/** Backups for tests: valid ones of invented files, and manipulated ones, entry by entry. */
import { Readable } from 'node:stream'
import { gunzipSync, gzipSync } from 'node:zlib'
import tar, { type Headers } from 'tar-stream'
import type { Compression } from '../../../src/core/backup/compression.js'
import type { Bytes, DecryptionKeys, Encryption } from '../../../src/core/backup/encryption.js'
import type { BackupHeader } from '../../../src/core/backup/format.js'
import { type BackupFile, packBackup } from '../../../src/core/backup/pack.js'
import { type UnpackedBackup, type UnpackedFile, unpackBackup } from '../../../src/core/backup/unpack.js'
import type { Instant } from '../../../src/core/base/time.js'
import type { Sha256 } from '../../../src/core/crypto/ports.js'

export interface TarEntry {
  readonly header: Headers
  readonly body: Buffer
}

export function backupHeader(files: readonly BackupFile[], over: Partial<BackupHeader> = {}): BackupHeader {
  return {
    format: 1,
    id: 'a'.repeat(32),
    generation: 1,
    commit: 1,
    head: 'b'.repeat(64) as Sha256,
    cutAt: '2026-11-21T12:00:00Z' as Instant,
    aggregates: [],
    digest: 'c'.repeat(64) as Sha256,
    maxFiles: files.length,
    maxBytes: files.reduce((sum, f) => sum + f.bytes.length, 0),
    ...over,
  }
}

export function textFile(path: string, text: string): BackupFile {
  return { path, bytes: Buffer.from(text), modified: 1_700_000_000 }
}

/** Returns all bytes of a backup. */
export async function packed(
  files: readonly BackupFile[],
  encryption: Encryption = { type: 'plain' },
  over: Partial<BackupHeader> = {},
  compression: Compression = 'gzip',
): Promise<Buffer> {
  const header = backupHeader(files, over)
  return all(
    await packBackup({ header, files, encryption, compression, onFile: () => undefined, onDone: () => undefined }),
  )
}

export async function all(bytes: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** Reads a backup and returns its content. Throws as `unpackBackup` does. */
export async function unpacked(
  bytes: Uint8Array | Bytes,
  keys: DecryptionKeys = {},
): Promise<UnpackedBackup & { readonly files: readonly UnpackedFile[] }> {
  const files: UnpackedFile[] = []
  const source = bytes instanceof Uint8Array ? Readable.from([bytes], { objectMode: false }) : bytes
  const onFile = (file: UnpackedFile): void => void files.push(file)
  return { ...(await unpackBackup(source, { name: 'x.tar.gz', keys, onHeader: () => undefined, onFile })), files }
}

export async function entriesOf(backup: Uint8Array): Promise<readonly TarEntry[]> {
  const extract = tar.extract()
  Readable.from([gunzipSync(backup)], { objectMode: false }).pipe(extract)
  const entries: TarEntry[] = []
  for await (const entry of extract) entries.push({ header: entry.header, body: await all(entry) })
  return entries
}

export async function repacked(entries: readonly TarEntry[]): Promise<Buffer> {
  const pack = tar.pack()
  for (const { header, body } of entries) {
    // only files have a body
    if (['file', 'contiguous-file', undefined].includes(header.type ?? undefined)) pack.entry({ ...header }, body)
    else pack.entry({ ...header, size: 0 })
  }
  pack.finalize()
  return gzipSync(await all(pack))
}

/**
 * Returns the same backup with other files, and with lists and a manifest that match them, as an attacker who knows the format could make
 * it.
 */
export async function rewritten(
  entries: readonly TarEntry[],
  changes: Readonly<Record<string, string>>,
): Promise<Buffer> {
  const files = entries
    .filter(({ header }) => !header.name.startsWith('backup/'))
    .map(({ header, body }) => ({ path: header.name, bytes: Buffer.from(changes[header.name] ?? body), modified: 0 }))
  const [first] = entries
  const header = JSON.parse(first?.body.toString() ?? '') as BackupHeader
  return packed(files, { type: 'plain' }, { ...header, maxBytes: header.maxBytes + 10_000 })
}
