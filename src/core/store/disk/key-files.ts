/**
 * Private keys at rest: `keys/<SKI>`, `keys/pool/<SKI>` and the key of messages `keys/pool/messages-<DAY>`, PKCS#8 DER, mode 0600 in folders
 * of mode 0700. Invariants: a file or folder that other users can access is refused; a pool key is removed from disk before a caller gets it.
 */
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { AppError } from '../../base/errors.js'
import { importPkcs8 } from '../../crypto/key-maker.js'
import type { KeyId, KeyStore, PublicKey } from '../../crypto/ports.js'
import { fileDamaged, folderMissing } from './damage.js'
import { listDir, makeDir, readIfExists, removeFile, statIfExists, syncDir } from './fs.js'
import type { Layout } from './paths.js'
import { replaceFile, writeNew } from './write-file.js'

/** Bytes of the largest key file. */
const LIMIT = 65536
const HOUR_MS = 3_600_000n
const MESSAGES = 'messages-'

export interface KeyFiles extends KeyStore {
  has(id: KeyId): boolean
  /** Returns true if the file of a key is there and complete, judged by its length: cheap enough for every key of a directory. */
  isComplete(id: KeyId): boolean
  /**
   * Returns the public key of a stored private key, in a stand-by too; undefined if there is none. Throws `key-exposed`, `key-link`
   * (credentials), `file-damaged` (corrupt).
   */
  publicKeyOf(id: KeyId): PublicKey | undefined
  /** Returns the key of the EE certificates of messages of a day (`2026-12-02`), which the caller clears; undefined if there is none. */
  messageKey(day: string): Uint8Array | undefined
  /** Keeps the key of a day and removes those of other days. */
  putMessageKey(day: string, pkcs8: Uint8Array): void
}

/** Returns the key store of a data directory. `mayUse` throws in a stand-by, which may list its keys but not use them. */
export function keyFiles(layout: Layout, mayUse: () => void): KeyFiles {
  return {
    put(id, pkcs8) {
      mayUse()
      refuseMissing(layout)
      writePrivateKey(layout.key(id), pkcs8)
    },
    get(id) {
      mayUse()
      const bytes = readPrivateKey(layout.key(id))
      if (bytes !== undefined) return bytes
      throw new AppError('corrupt', 'key-missing', `${layout.key(id)}: private key is missing`, {
        hint: 'restore it with: brine recover --from BACKUP; if no backup has it, roll the key',
        details: { path: layout.key(id) },
      })
    },
    remove(id) {
      mayUse()
      if (removeFile(layout.key(id))) syncDir(layout.keys)
    },
    has: (id) => statIfExists(layout.key(id))?.isFile() === true,
    isComplete: (id) => isCompleteKey(layout.key(id)),
    publicKeyOf: (id) => readPublicKey(layout.key(id)),
    list: () => names(layout.keys),
    takePool(count) {
      mayUse()
      return takePool(layout, count)
    },
    putPool(id, pkcs8) {
      mayUse()
      refuseMissing(layout)
      refuseLinkedFolders(layout)
      makeDir(layout.pool)
      writePrivateKey(layout.poolKey(id), pkcs8)
      removeStaleTemps(layout.pool)
    },
    poolSize: () => names(layout.pool).length,
    messageKey(day) {
      mayUse()
      refuseLinkedFolders(layout)
      return readPrivateKey(messageKeyPath(layout, day))
    },
    putMessageKey(day, pkcs8) {
      mayUse()
      refuseMissing(layout)
      refuseLinkedFolders(layout)
      makeDir(layout.pool)
      const path = messageKeyPath(layout, day)
      writePrivateKey(path, pkcs8)
      for (const name of listDir(layout.pool))
        if (name.startsWith(MESSAGES) && name !== basename(path)) removeFile(join(layout.pool, name))
    },
    wipePool() {
      refuseMissing(layout)
      refuseLinkedFolders(layout)
      // a backup excludes the pool, so a restored directory has no folder for it
      makeDir(layout.pool)
      for (const name of listDir(layout.pool)) removeFile(join(layout.pool, name))
      syncDir(layout.pool)
    },
  }
}

/** In the pool, which no backup has and a promotion empties. */
function messageKeyPath(layout: Layout, day: string): string {
  return join(layout.pool, `${MESSAGES}${day}`)
}

function refuseMissing(layout: Layout): void {
  if (statIfExists(layout.keys) === undefined) throw folderMissing(layout.keys)
}

function names(folder: string): readonly KeyId[] {
  return listDir(folder).filter((name): name is KeyId => /^[0-9A-F]{40}$/.test(name))
}

function exposed(path: string, mode: number, want: string): AppError {
  return new AppError(
    'credentials',
    'key-exposed',
    `${path}: accessible to other users (mode ${(mode & 0o777).toString(8)})`,
    {
      hint: `chmod ${want} ${path}; if other users had access, roll the key`,
      details: { path },
    },
  )
}

/** Throws `key-link`: other users may control the target of a link. */
function refuseLink(path: string, isLink: boolean): void {
  if (!isLink) return
  throw new AppError('credentials', 'key-link', `${path}: refusing to follow a symbolic link to private keys`, {
    hint: 'replace the link with the keys themselves: folder 0700, files 0600',
    details: { path },
  })
}

/** Throws `key-link` if `keys/` or `keys/pool/` is a symbolic link: no pool key may be added or removed through one. */
function refuseLinkedFolders({ keys, pool }: Layout): void {
  for (const folder of [keys, pool]) refuseLink(folder, statIfExists(folder)?.isSymbolicLink() === true)
}

function checkFolder(folder: string): void {
  const stat = statIfExists(folder)
  refuseLink(folder, stat?.isSymbolicLink() === true)
  if (stat !== undefined && (Number(stat.mode) & 0o077) !== 0) throw exposed(folder, Number(stat.mode), '0700')
}

/** Writes a private key and syncs its folder. Throws `key-exposed`, `key-link` (credentials), `io`. */
export function writePrivateKey(path: string, pkcs8: Uint8Array): void {
  checkFolder(dirname(path))
  // the name is the hash of the key, so an existing file is this key or a partial file of a command that died; or any key of messages will do
  if (!writeNew(path, pkcs8)) replaceFile(path, pkcs8)
  syncDir(dirname(path))
}

/**
 * Returns the bytes of a private key, which the caller clears; undefined if there is none. Throws `key-exposed`, `key-link` (credentials).
 */
export function readPrivateKey(path: string): Uint8Array | undefined {
  checkFolder(dirname(path))
  const stat = statIfExists(path)
  if (stat === undefined) return undefined
  refuseLink(path, stat.isSymbolicLink())
  const mode = Number(stat.mode)
  if ((mode & 0o077) !== 0) throw exposed(path, mode, '0600')
  return readIfExists(path, LIMIT)
}

/** Compares the length of a file with the one in the header of its DER. A file that this user must not or cannot read is judged elsewhere. */
function isCompleteKey(path: string): boolean {
  const stat = statIfExists(path)
  if (stat?.isFile() !== true) return stat?.isSymbolicLink() === true
  const bytes = readIfExists(path, LIMIT)
  if (bytes === undefined) return false
  try {
    return lengthOfDer(bytes) === bytes.length
  } finally {
    bytes.fill(0)
  }
}

/** Returns the number of bytes of the SEQUENCE at the beginning; undefined if there is none. */
function lengthOfDer(der: Uint8Array): number | undefined {
  const [tag, first] = [der[0], der[1]]
  if (tag !== 0x30 || first === undefined) return undefined
  if (first < 0x80) return 2 + first
  const size = first & 0x7f
  return der.subarray(2, 2 + size).reduce((sum, octet) => sum * 256 + octet, 0) + 2 + size
}

function readPublicKey(path: string): PublicKey | undefined {
  const pkcs8 = readPrivateKey(path)
  if (pkcs8 === undefined) return undefined
  try {
    const { id, spki } = importPkcs8(pkcs8)
    return { id, spki }
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw fileDamaged(path, error.message)
  } finally {
    pkcs8.fill(0)
  }
}

function takePool(layout: Layout, count: number): readonly Uint8Array[] {
  refuseLinkedFolders(layout)
  const out: Uint8Array[] = []
  for (const id of names(layout.pool)) {
    if (out.length >= count) break
    const bytes = readPrivateKey(layout.poolKey(id))
    // the process that removes the file gets the key: of two that read it, only one uses it
    if (bytes !== undefined && removeFile(layout.poolKey(id))) out.push(bytes)
  }
  if (out.length > 0) syncDir(layout.pool)
  return out
}

/** Removes temporary files older than an hour, of commands that died while writing a key. */
function removeStaleTemps(folder: string): void {
  const now = BigInt(Date.now())
  for (const name of readdirSync(folder)) {
    if (!basename(name).startsWith('.tmp-')) continue
    const stat = statIfExists(join(folder, name))
    if (stat !== undefined && now - stat.mtimeMs > HOUR_MS) removeFile(join(folder, name))
  }
}
