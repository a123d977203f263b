/**
 * Objects and private keys that states name: what is not as it was comes back from copies, archives and the served tree.
 * Invariant: an object counts by its hash, a key by its identifier; what is wrong is moved aside and never destroyed.
 */
import { randomBytes } from 'node:crypto'
import { dirname, join } from 'node:path'
import { fromBase64 } from '../../base/bytes.js'
import { type Instant, instantOf } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import { importPkcs8 } from '../../crypto/key-maker.js'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import { exists, listDir, makeDir, moveFile, readIfExists, statIfExists, syncDir } from '../disk/fs.js'
import { writePrivateKey } from '../disk/key-files.js'
import type { Layout } from '../disk/paths.js'
import { readVerified } from '../disk/verified-read.js'
import { replaceFile } from '../disk/write-file.js'
import type { RecoverySources } from './evidence.js'

export interface ReferencedPlan {
  readonly objects: {
    /** Paths that hold something else. */
    readonly damaged: readonly string[]
    readonly replaced: readonly Sha256[]
    readonly missing: readonly Sha256[]
  }
  readonly keys: {
    readonly damaged: readonly string[]
    /** Key and the file that has it. */
    readonly replaced: readonly (readonly [KeyId, string])[]
    readonly missing: readonly KeyId[]
  }
  /** Bytes of the objects that come back. */
  readonly found: ReadonlyMap<Sha256, { readonly bytes: Uint8Array; readonly dated: Instant | undefined }>
}

/** Looks at everything that is named. `served`: the published tree. Throws `io`. */
export function planReferenced(
  places: RecoverySources,
  served: string,
  objects: ReadonlySet<Sha256>,
  keys: ReadonlySet<KeyId>,
): ReferencedPlan {
  const { layout } = places
  const wrong = [...objects].filter((sha256) =>
    objectPaths(layout, sha256).every((p) => readVerified(p, sha256) === undefined),
  )
  const bad = wrong.flatMap((sha256) =>
    objectPaths(layout, sha256).filter((p) => exists(p) && p.startsWith(layout.dir)),
  )
  const found = wrong.length === 0 ? new Map() : findObjects(places, served, new Set(wrong))
  const lost = [...keys].filter((id) => !isKey(layout.key(id), id))
  const other = (id: KeyId): string | undefined => places.backups.map((g) => g.key(id)).find((path) => isKey(path, id))
  return {
    objects: {
      damaged: bad,
      replaced: wrong.filter((sha256) => found.has(sha256)),
      missing: wrong.filter((sha256) => !found.has(sha256)),
    },
    keys: {
      damaged: lost.map((id) => layout.key(id)).filter(exists),
      replaced: lost.flatMap((id) => {
        const path = other(id)
        return path === undefined ? [] : [[id, path] as const]
      }),
      missing: lost.filter((id) => other(id) === undefined),
    },
    found,
  }
}

/** Is there something that can be done about it without issuing anything? */
export function repairsReferenced({ objects, keys }: ReferencedPlan): boolean {
  return objects.damaged.length + objects.replaced.length + keys.replaced.length > 0
}

/** Moves aside what is wrong and puts back what was found. The caller holds the lock. Throws `io`. */
export function repairReferenced(layout: Layout, { objects, keys, found }: ReferencedPlan): void {
  makeDir(layout.temp)
  moveAside(layout.objects, objects.damaged)
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
  moveAside(
    layout.keys,
    keys.damaged.filter((path) => back.has(path)),
  )
  for (const [id, from] of keys.replaced) {
    const pkcs8 = readIfExists(from, 65536)
    if (pkcs8 !== undefined) writePrivateKey(layout.key(id), pkcs8)
    pkcs8?.fill(0)
  }
}

function moveAside(folder: string, paths: readonly string[]): void {
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

function findObjects(places: RecoverySources, served: string, wanted: ReadonlySet<Sha256>): FoundObjects {
  const found: FoundObjects = new Map()
  for (const other of places.backups)
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

/** The objects in a served file: itself, or what RRDP has as base64 (RFC 8182 section 3.5). */
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
