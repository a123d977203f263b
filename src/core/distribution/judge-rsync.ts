/** Compares what a server lists by rsync with what was published, serial by serial. Pure. */
import type { Sha256 } from '../crypto/ports.js'
import { deltaElements, publishedObjects } from '../pubd/content.js'
import type { ObjectRef, PubdState } from '../pubd/state.js'
import { lagOf } from './judge-rrdp.js'
import type { ListedEntry } from './listing.js'
import type { ServedPart } from './served-part.js'

/** Objects by their path below the rsync base. */
export type Content = ReadonlyMap<string, ObjectRef>

export interface Listed {
  /** Files by path. */
  readonly files: ReadonlyMap<string, ListedEntry>
  /** Hashes of the files that were fetched. */
  readonly hashes: ReadonlyMap<string, Sha256>
}

const MOST_FINDINGS = 5

/** Returns what a server serves: the newest published version that the listing and the fetched files fit. */
export function judgeRsync(listed: Listed, state: PubdState): ServedPart {
  for (const { serial, content } of versions(state))
    if (differences(listed, content).next().done === true) return lagOf(state.sessionId, serial, state)
  const [current] = versions(state)
  const found = current === undefined ? [] : [...differences(listed, current.content)]
  const more = found.length - MOST_FINDINGS
  const findings = [...found.slice(0, MOST_FINDINGS), ...(more > 0 ? [`and ${more} more`] : [])]
  return { state: 'differs', session: null, serial: null, behind: null, since: null, findings }
}

/** Yields the content of each serial that the retained deltas reach, newest first. */
export function* versions(state: PubdState): Generator<{ readonly serial: number; readonly content: Content }> {
  const content = new Map<string, ObjectRef>(publishedObjects(state).map((object) => [object.path, object]))
  yield { serial: state.serial, content }
  for (const delta of state.deltas) {
    for (const { uri, before } of deltaElements(delta)) {
      const path = uri.slice(state.rsyncBase.length)
      if (before === undefined) content.delete(path)
      else content.set(path, before)
    }
    yield { serial: delta.serial - 1, content }
  }
}

/** Yields where a listing differs from a version. */
function* differences({ files, hashes }: Listed, content: Content): Generator<string> {
  for (const [path, { size, sha256 }] of content) {
    const found = files.get(path)
    if (found === undefined) yield `${path} is missing`
    else if (found.size !== size) yield `${path} has ${found.size} octets, published are ${size}`
    else if ((hashes.get(path) ?? sha256) !== sha256) yield `${path} has other content than published`
  }
  for (const path of files.keys()) if (!content.has(path)) yield `${path} is not published`
}

/** Returns the manifest that was published last; undefined without one. */
export function newestManifest(state: PubdState): string | undefined {
  const isManifest = (path: string): boolean => path.endsWith('.mft')
  const current = new Set(
    publishedObjects(state)
      .map(({ path }) => path)
      .filter(isManifest),
  )
  for (const delta of state.deltas)
    for (const { uri, put } of deltaElements(delta)) {
      const path = uri.slice(state.rsyncBase.length)
      if (put !== undefined && current.has(path)) return path
    }
  const [first] = current
  return first
}
