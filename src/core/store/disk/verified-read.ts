/**
 * Bytes that have the hash that somebody vouches for.
 * Invariant: what has another hash costs a block of memory, however large it is; what is no regular file has no bytes.
 */
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { sha256Hex } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import { READ_LIMIT, readIfExists, statIfExists } from './fs.js'
import { attempt } from './io-error.js'

/** Up to here a file is read as a whole at once, which is what nearly all of them are. */
const SMALL = 8 * 1024 * 1024
const BLOCK = 1024 * 1024

/** The bytes at a path when they have this hash; undefined for anything else. `read` is `readOwn` where only this program may have written them. */
export function readVerified(
  path: string,
  sha256: Sha256,
  read: (path: string) => Uint8Array | undefined = readIfExists,
): Uint8Array | undefined {
  const stat = statIfExists(path)
  if (stat?.isFile() !== true || stat.size > READ_LIMIT) return undefined
  if (stat.size > SMALL && hashOf(path) !== sha256) return undefined
  const bytes = read(path)
  return bytes !== undefined && sha256Hex(bytes) === sha256 ? bytes : undefined
}

/** Block by block. */
function hashOf(path: string): string {
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
