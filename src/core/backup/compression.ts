/**
 * Compression of backups: gzip, zstd (Node 22.15 or newer), or none. Invariants: the first bytes of a file decide how it is read, never its
 * name; a backup that this Node cannot decompress is an error of its own, not damage.
 */
import { pipeline, Readable, type Transform } from 'node:stream'
import * as zlib from 'node:zlib'
import { AppError } from '../base/errors.js'
import type { Bytes } from './encryption.js'

export const COMPRESSIONS = ['zstd', 'gzip', 'none'] as const
export type Compression = (typeof COMPRESSIONS)[number]

/** Bytes that are compressed at a time. A batch per small file would cost a thread switch each. */
export const BATCH = 1024 * 1024
/** Levels of gzip and zstd. Objects are nearly incompressible, so higher levels cost time and gain little. */
const [GZIP_LEVEL, ZSTD_LEVEL] = [2, 1]
/** `ZSTD_c_compressionLevel` */
const COMPRESSION_LEVEL = 100
/** `ZSTD_c_checksumFlag`: the frame ends with a checksum of its content. */
const CHECKSUM_FLAG = 201

interface ZstdOptions {
  readonly chunkSize: number
  readonly params?: Readonly<Record<number, number>>
}

/** Functions that Node has since 22.15 and 23.8. */
interface Zstd {
  readonly createZstdCompress?: (options: ZstdOptions) => Transform
  readonly createZstdDecompress?: (options: ZstdOptions) => Transform
}

const zstd: Zstd = zlib as Zstd

/** Returns true if this Node reads and writes zstd. */
export function hasZstd(): boolean {
  return zstd.createZstdCompress !== undefined && zstd.createZstdDecompress !== undefined
}

/** Returns the compression of a backup that is written: as asked for, else zstd where there is such. Throws `zstd-missing` (usage). */
export function compressionToUse(asked: Compression | undefined): Compression {
  if (asked === 'zstd' && !hasZstd())
    throw new AppError('usage', 'zstd-missing', `Node ${process.versions.node} has no zstd`, {
      hint: 'give --compress gzip, or run Node 22.15 or newer',
      details: { node: process.versions.node },
    })
  return asked ?? (hasZstd() ? 'zstd' : 'gzip')
}

/** Returns the end of the name of a tar archive: `.tar.zst`, `.tar.gz` or `.tar`. */
export function archiveSuffix(compression: Compression): string {
  return { zstd: '.tar.zst', gzip: '.tar.gz', none: '.tar' }[compression]
}

/** Returns the compression that the name of a backup in a folder says. */
export function compressionNamed(file: string): Compression {
  const suffix = file.replace(/\.age$/, '')
  return COMPRESSIONS.find((compression) => suffix.endsWith(archiveSuffix(compression))) ?? 'none'
}

/** Returns the compressed bytes. Each chunk of `bytes` is compressed as one. */
export function compressed(bytes: Iterable<Uint8Array>, compression: Compression): Bytes {
  const source = Readable.from(bytes, { objectMode: false })
  if (compression === 'none') return source
  const create = compression === 'zstd' ? zstd.createZstdCompress : undefined
  const compressor =
    create?.({ chunkSize: BATCH, params: { [CHECKSUM_FLAG]: 1, [COMPRESSION_LEVEL]: ZSTD_LEVEL } }) ??
    zlib.createGzip({ level: GZIP_LEVEL, chunkSize: BATCH })
  pipeline(source, compressor, () => undefined)
  return compressor
}

/** Returns the compression by the first bytes (at least 512, if there are so many); undefined for a file that is none of these. */
export function compressionOf(head: Uint8Array): Compression | undefined {
  const magic = Buffer.from(head.subarray(0, 4)).toString('hex')
  if (magic === '28b52ffd') return 'zstd'
  if (magic.startsWith('1f8b')) return 'gzip'
  return Buffer.from(head.subarray(257, 262)).toString('latin1') === 'ustar' ? 'none' : undefined
}

/** Returns the decompressed bytes. Throws `backup-zstd` (format) if this Node cannot decompress them. */
export function decompressed(
  bytes: Bytes,
  compression: Compression,
  { name, encrypted }: { readonly name: string; readonly encrypted: boolean },
): Bytes {
  if (compression === 'none') return bytes
  const create = compression === 'zstd' ? zstd.createZstdDecompress : undefined
  if (compression === 'zstd' && create === undefined) throw zstdUnreadable(name, encrypted)
  const stream = create?.({ chunkSize: BATCH }) ?? zlib.createGunzip({ chunkSize: BATCH })
  pipeline(Readable.from(bytes, { objectMode: false }), stream, () => undefined)
  return stream
}

function zstdUnreadable(name: string, encrypted: boolean): AppError {
  const decrypt = encrypted ? `age --decrypt ${name} | zstd -d` : `zstd -dc ${name}`
  return new AppError(
    'format',
    'backup-zstd',
    `${name} is compressed with zstd, which Node ${process.versions.node} cannot read`,
    {
      hint: `run Node 22.15 or newer, or decompress it: ${decrypt} | brine backup verify -`,
      details: { path: name, node: process.versions.node },
    },
  )
}
