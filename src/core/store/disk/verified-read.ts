/**
 * Reads a file and verifies its SHA-256.
 * Invariant: a large file with another hash costs one block of memory, however large it is; anything but a regular file counts as missing.
 */
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import { isOnDisk, READ_LIMIT, readIfExists, statIfExists } from './fs.js'
import { attempt } from './io-error.js'
import { packedBytes } from './packed-files.js'

/** Bytes up to which a file is read at once, which covers nearly all files. */
const SMALL = 8 * 1024 * 1024
const BLOCK = 1024 * 1024

/**
 * Returns the bytes of a file if they have this SHA-256; undefined otherwise. `read` is `readOwnedFile` where only this program may have
 * written the file. Throws `io`.
 */
export function readVerified(
  path: string,
  sha256: Sha256,
  read: (path: string) => Uint8Array | undefined = readIfExists,
): Uint8Array | undefined {
  const bytes = readPlace(path, sha256, read)
  if (bytes !== undefined || !isOnDisk(path)) return bytes
  // an intact file may be packed as well
  const packed = attempt('read', path, () => packedBytes(path))
  return packed !== undefined && sha256Hex(packed) === sha256 ? packed : undefined
}

function readPlace(
  path: string,
  sha256: Sha256,
  read: (path: string) => Uint8Array | undefined,
): Uint8Array | undefined {
  const stat = statIfExists(path)
  if (stat?.isFile() !== true || stat.size > READ_LIMIT) return undefined
  // one that is held in memory or packed has no file of its own to hash first
  if (stat.size > SMALL && isOnDisk(path) && hashFile(path) !== sha256) return undefined
  const bytes = read(path)
  return bytes !== undefined && sha256Hex(bytes) === sha256 ? bytes : undefined
}

/** Computes the SHA-256 of a file block by block, in lower-case hex. */
function hashFile(path: string): string {
  return attempt('read', path, () => {
    const hash = createHash('sha256')
    const block = Buffer.allocUnsafe(BLOCK)
    const fd = fs.openSync(path, fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK)
    try {
      for (let n = fs.readSync(fd, block); n > 0; n = fs.readSync(fd, block)) hash.update(block.subarray(0, n))
    } finally {
      fs.closeSync(fd)
    }
    return hash.digest('hex')
  })
}
