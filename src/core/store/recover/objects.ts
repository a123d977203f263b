/**
 * Recovery of objects and private keys that states reference, from copies, archives and the published tree.
 * Invariant: an object is verified by its hash, a key by its identifier; damaged files are quarantined and never deleted.
 */
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { fromBase64 } from '../../base/bytes.js'
import { type Instant, instantOf } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import { importPkcs8 } from '../../crypto/key-maker.js'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import { exists, isOnDisk, listDir, makeDir, moveFile, readIfExists, statIfExists, syncDir } from '../disk/fs.js'
import { writePrivateKey } from '../disk/key-files.js'
import type { Layout } from '../disk/paths.js'
import { readVerified } from '../disk/verified-read.js'
import { replaceFile } from '../disk/write-file.js'
import type { RecoverySources } from './evidence.js'

export interface ReferencedPlan {
  readonly objects: {
    /** Paths with other content. */
    readonly damaged: readonly string[]
    readonly replaced: readonly Sha256[]
    readonly missing: readonly Sha256[]
  }
  readonly keys: {
    readonly damaged: readonly string[]
    /** Key and the path of an intact copy. */
    readonly replaced: readonly (readonly [KeyId, string])[]
    readonly missing: readonly KeyId[]
  }
  /** Bytes of the objects to restore. */
  readonly found: ReadonlyMap<Sha256, { readonly bytes: Uint8Array; readonly dated: Instant | undefined }>
}

/** Checks every referenced object and key and plans the repairs. `served` is the published tree. Throws `io`. */
export function planReferenced(
  sources: RecoverySources,
  served: string,
  objects: ReadonlySet<Sha256>,
  keys: ReadonlySet<KeyId>,
): ReferencedPlan {
  const { layout } = sources
  const unverified = [...objects].filter((sha256) =>
    objectPaths(layout, sha256).every((p) => readVerified(p, sha256) === undefined),
  )
  const damagedObjects = unverified.flatMap((sha256) =>
    objectPaths(layout, sha256).filter((p) => isOnDisk(p) && p.startsWith(layout.dir)),
  )
  const found = unverified.length === 0 ? new Map() : findObjects(sources, served, new Set(unverified))
  const lost = [...keys].filter((id) => !isKey(layout.key(id), id))
  const copyOf = (id: KeyId): string | undefined =>
    sources.backups.map((g) => g.key(id)).find((path) => isKey(path, id))
  return {
    objects: {
      damaged: damagedObjects,
      replaced: unverified.filter((sha256) => found.has(sha256)),
      missing: unverified.filter((sha256) => !found.has(sha256)),
    },
    keys: {
      damaged: lost.map((id) => layout.key(id)).filter(exists),
      replaced: lost.flatMap((id) => {
        const path = copyOf(id)
        return path === undefined ? [] : [[id, path] as const]
      }),
      missing: lost.filter((id) => copyOf(id) === undefined),
    },
    found,
  }
}

/** Returns true if the plan repairs something without issuing new objects. */
export function repairsReferenced({ objects, keys }: ReferencedPlan): boolean {
  return objects.damaged.length + objects.replaced.length + keys.replaced.length > 0
}

/** Quarantines damaged files and restores those that were found. The caller holds the lock. Throws `io`. */
export function repairReferenced(layout: Layout, { objects, keys, found }: ReferencedPlan): void {
  makeDir(layout.temp)
  quarantineFiles(layout.objects, objects.damaged)
  for (const sha256 of objects.replaced) {
    const path = layout.object(sha256)
    const object = found.get(sha256)
    if (object === undefined) continue
    makeDir(dirname(path))
    const { bytes, dated } = object
    replaceFile(path, bytes, { mode: 0o644, temp: layout.temp, ...(dated === undefined ? {} : { dated }) })
    syncDir(dirname(path))
  }
  const back = new Set(keys.replaced.map(([id]) => layout.key(id)))
  quarantineFiles(
    layout.keys,
    keys.damaged.filter((path) => back.has(path)),
  )
  for (const [id, from] of keys.replaced) {
    const pkcs8 = readIfExists(from, 65536)
    if (pkcs8 !== undefined) writePrivateKey(layout.key(id), pkcs8)
    pkcs8?.fill(0)
  }
}

function quarantineFiles(folder: string, paths: readonly string[]): void {
  if (paths.length === 0) return
  const corrupt = join(folder, 'corrupt')
  makeDir(corrupt)
  for (const path of paths)
    moveFile(path, join(corrupt, `${path.slice(path.lastIndexOf('/') + 1)}.${randomBytes(6).toString('hex')}`))
  syncDir(corrupt)
  for (const place of new Set(paths.map(dirname))) syncDir(place)
}

function objectPaths(layout: Layout, sha256: Sha256): readonly string[] {
  return [layout.object(sha256), ...layout.archivedObject(sha256)]
}

type FoundObjects = Map<Sha256, { bytes: Uint8Array; dated: Instant | undefined }>

function findObjects(sources: RecoverySources, served: string, wanted: ReadonlySet<Sha256>): FoundObjects {
  const found: FoundObjects = new Map()
  for (const other of sources.backups)
    for (const sha256 of wanted)
      for (const path of objectPaths(other, sha256)) {
        const bytes = readVerified(path, sha256)
        if (bytes !== undefined) found.set(sha256, { bytes, dated: datedAt(path) })
      }
  for (const path of filesBelow(served)) {
    if (found.size === wanted.size) break
    const bytes = readIfExists(path)
    if (bytes === undefined) continue
    for (const [content, dated] of contentsOf(path, bytes)) {
      const sha256 = sha256Hex(content)
      if (wanted.has(sha256) && !found.has(sha256)) found.set(sha256, { bytes: content, dated })
    }
  }
  return found
}

/** Yields the objects in a published file: the file itself, or the base64 elements of an RRDP file (RFC 8182 section 3.5). */
function* contentsOf(path: string, bytes: Uint8Array): Generator<readonly [Uint8Array, Instant | undefined]> {
  if (!path.endsWith('.xml')) yield [bytes, datedAt(path)]
  else
    for (const [, base64 = ''] of Buffer.from(bytes)
      .toString('latin1')
      .matchAll(/<publish [^>]*>([^<]+)<\/publish>/g)) {
      const content = fromBase64(base64.replace(/\s+/g, ''))
      if (content !== undefined) yield [content, undefined]
    }
}

function datedAt(path: string): Instant | undefined {
  const stat = statIfExists(path)
  return stat === undefined ? undefined : instantOf(Number(stat.mtimeMs) / 1000)
}

function* filesBelow(dir: string): Generator<string> {
  if (statIfExists(dir)?.isDirectory() !== true) return
  for (const name of listDir(dir)) {
    const path = join(dir, name)
    const stat = statIfExists(path)
    if (stat?.isFile() === true) yield path
    else if (stat?.isDirectory() === true) yield* filesBelow(path)
  }
}

function isKey(path: string, id: KeyId): boolean {
  const bytes = statIfExists(path)?.isFile() === true ? readIfExists(path, 65536) : undefined
  if (bytes === undefined) return false
  try {
    return importPkcs8(bytes).id === id
  } catch (error) {
    if (error instanceof TypeError) return false
    throw error
  } finally {
    bytes.fill(0)
  }
}
