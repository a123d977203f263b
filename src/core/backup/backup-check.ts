/**
 * Check that a file is what its name says: a backup of that instance and time.
 * Invariant: a file is opened only if it is regular, nothing is written, and what cannot be read without a key is judged by header and size.
 */
import * as fs from 'node:fs'
import { AppError } from '../base/errors.js'
import { errnoOf } from '../store/disk/io-error.js'
import { CHUNK, endOfHeader, NONCE, TAG } from './age-stream.js'
import type { CatalogEntry } from './catalog.js'
import { compressionNamed, compressionOf } from './compression.js'
import { type DecryptionKeys, isEncrypted } from './encryption.js'
import type { BackupHeader } from './format.js'
import { readSource } from './source.js'
import { unpackBackup } from './unpack.js'

/** Bytes in which the header of an age file ends, for a hundred recipients. */
const HEAD = 65536
/** Bytes of the smallest gzip file with a tar header, and more than any that is cut off after its first block. */
const SMALLEST = 128

/** Returns why a file cannot be a backup, by its first bytes and its size; undefined if it may be one. */
export function quickFault(entry: CatalogEntry): string | undefined {
  if (entry.bytes === 0) return 'is empty'
  const head = firstBytes(entry.file)
  if (typeof head === 'string') return head
  if (!entry.encrypted) {
    const named = compressionNamed(entry.file)
    if (compressionOf(head) !== named)
      return named === 'none' ? 'is not a tar archive' : `is not compressed with ${named}`
    return entry.bytes < SMALLEST ? 'is too short' : undefined
  }
  if (!startsEncrypted(head, entry.file)) return 'is not encrypted with age'
  const end = endOfHeader(head)
  if (end === undefined) return entry.bytes <= HEAD ? 'ends in the header of the encryption' : 'has no header that ends'
  const payload = entry.bytes - end - NONCE
  const last = payload % (CHUNK + TAG)
  return payload <= TAG || (last > 0 && last <= TAG) ? 'is truncated' : undefined
}

function firstBytes(path: string): Uint8Array | string {
  let fd: number | undefined
  try {
    fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
    const head = Buffer.alloc(HEAD)
    return head.subarray(0, fs.readSync(fd, head, 0, HEAD, 0))
  } catch (error) {
    return `cannot be read: ${errnoOf(error) ?? 'EIO'}`
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}

function startsEncrypted(head: Uint8Array, name: string): boolean {
  try {
    return isEncrypted(head, name)
  } catch (error) {
    // the armored form, which restore does not read either
    if (error instanceof AppError) return false
    throw error
  }
}

/** Reads a whole backup against its manifest where that is possible, and returns what is wrong with it; undefined if nothing is. */
export async function completeFault(entry: CatalogEntry, keys: DecryptionKeys): Promise<string | undefined> {
  const canRead = !entry.encrypted || keys.passphrase !== undefined || (keys.identities ?? []).length > 0
  if (!canRead) return undefined
  let header: BackupHeader | undefined
  try {
    await unpackBackup(readSource(entry.file), {
      name: entry.file,
      keys,
      onHeader: (found) => {
        header = found
      },
      onFile: () => undefined,
    })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    // another passphrase says nothing about the file
    if (error.kind === 'credentials' && entry.encrypted) return undefined
    // nor does a Node without zstd
    if (error.code === 'backup-zstd') return undefined
    return error.message.replace(`${entry.file}: `, '')
  }
  if (header === undefined || !header.id.startsWith(entry.instance)) return 'is a backup of another data directory'
  return header.cutAt === entry.cutAt ? undefined : `was taken at ${header.cutAt}, and its name says another time`
}
