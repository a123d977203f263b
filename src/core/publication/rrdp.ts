/**
 * `repo/rrdp/`: snapshot and deltas under unguessable names, then `notification.xml` in one rename (RFC 8182 section 3.5).
 * Invariant: every file that a notification lists is complete and durable before it is published and until `oldFilesSeconds` after it is replaced.
 */
import { createHash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { utf8 } from '../base/bytes.js'
import type { Sha256 } from '../crypto/ports.js'
import {
  formatDelta,
  formatNotification,
  formatSnapshot,
  type RrdpPublish,
  type RrdpWithdraw,
} from '../protocols/rrdp.js'
import { changesSince, deltaElements, deltaLength, publishedObjects, snapshotLength } from '../pubd/content.js'
import type { PubdState, StoredDelta } from '../pubd/state.js'
import { removeDue, retiredFiles } from './rrdp-retention.js'
import { ensureFolder, replaceFile, statOf, textOf, writeFresh } from './served-files.js'
import { NotPatchable, planPatch, splice } from './snapshot-patch.js'
import { type OpenTarget, type PublicationTarget, readObject } from './target.js'
import { type KnownFile, type RrdpRecord, readRrdpRecord, writeRrdpRecord } from './writer-records.js'

export interface RrdpReport {
  readonly changed: boolean
  /** True if the RRDP snapshot was patched from the last one. */
  readonly spliced: boolean
  readonly files: number
  readonly bytes: number
  readonly ms: number
}

/** Returns the path of the RRDP snapshot of a state, relative to `rrdp/`. */
export function snapshotPath(state: PubdState): string {
  return `${state.sessionId}/${state.serial}/${state.part}/snapshot.xml`
}

export function deltaPath(state: PubdState, delta: StoredDelta): string {
  return `${state.sessionId}/${delta.serial}/${delta.part}/delta.xml`
}

/** Returns the text of the RRDP snapshot of `state`, object by object. */
export function snapshotText(site: Pick<PublicationTarget, 'state' | 'objectPath'>): Iterable<string> {
  const { state, objectPath } = site
  const objects = function* (): Generator<RrdpPublish> {
    for (const object of publishedObjects(state)) yield { uri: object.uri, bytes: readObject(objectPath, object) }
  }
  return formatSnapshot(state.sessionId, state.serial, objects())
}

/** Returns the text of one delta. */
export function deltaText(site: Pick<PublicationTarget, 'state' | 'objectPath'>, delta: StoredDelta): Iterable<string> {
  const elements = function* (): Generator<RrdpPublish | RrdpWithdraw> {
    for (const { uri, put, before } of deltaElements(delta)) {
      if (put !== undefined) {
        const bytes = readObject(site.objectPath, put)
        yield before === undefined ? { uri, bytes } : { uri, bytes, replaces: before.sha256 }
      } else if (before !== undefined) yield { uri, withdraws: before.sha256 }
    }
  }
  return formatDelta(site.state.sessionId, delta.serial, elements())
}

/** Returns the text of the notification over files whose hashes are known. */
export function notificationText(state: PubdState, snapshot: Sha256, deltas: readonly Sha256[]): string {
  const uri = (path: string): string => state.rrdpBase + path
  return formatNotification({
    session: state.sessionId,
    serial: state.serial,
    snapshot: { uri: uri(snapshotPath(state)), sha256: snapshot },
    deltas: deltas.flatMap((sha256, index) => {
      const delta = state.deltas[index]
      return delta === undefined ? [] : [{ serial: delta.serial, uri: uri(deltaPath(state, delta)), sha256 }]
    }),
  })
}

/** Returns the record if the files it describes are served and match `state`. Takes a few stat calls and one small read. */
export function servedRrdp(repoDir: string, state: PubdState, record: RrdpRecord | undefined): RrdpRecord | undefined {
  if (record === undefined || record.session !== state.sessionId || record.serial !== state.serial) return undefined
  if (record.snapshot.path !== snapshotPath(state) || record.deltas.length !== state.deltas.length) return undefined
  const root = join(repoDir, 'rrdp')
  const hashes = record.deltas.map((d) => d.sha256)
  if (textOf(join(root, 'notification.xml')) !== notificationText(state, record.snapshot.sha256, hashes))
    return undefined
  return [record.snapshot, ...record.deltas].every((file) => isThere(root, file)) ? record : undefined
}

/** Updates `repo/rrdp/` to the current state; writes nothing if it is current. */
export function writeRrdp(site: OpenTarget): RrdpReport {
  const started = performance.now()
  const known = site.rebuild ? undefined : readRrdpRecord(site.scratch)
  const unchanged = { changed: false, spliced: false, files: 0, bytes: 0 }
  if (servedRrdp(site.repoDir, site.state, known) !== undefined)
    return { ...unchanged, ms: performance.now() - started }
  const root = join(site.repoDir, 'rrdp')
  ensureFolder(site.disk, site.scratch, site.repoDir)
  ensureFolder(site.disk, root, site.repoDir)
  const written: number[] = []
  const deltas = site.state.deltas.map((delta) => deltaFile(site, known, delta, written))
  const { file: snapshot, spliced } = snapshotFile(site, known, written)
  const notification = utf8(
    notificationText(
      site.state,
      snapshot.sha256,
      deltas.map((d) => d.sha256),
    ),
  )
  const retired = retiredFiles(site, known, new Set([snapshot.path, ...deltas.map((d) => d.path)]))
  const { sessionId: session, serial } = site.state
  written.push(writeRrdpRecord(site.disk, site.repoDir, site.scratch, { session, serial, snapshot, deltas, retired }))
  replaceFile(site.disk, site.scratch, join(root, 'notification.xml'), notification)
  written.push(notification.length)
  removeDue(site, retired)
  const bytes = written.reduce((sum, n) => sum + n, 0)
  return { changed: true, spliced, files: written.length, bytes, ms: performance.now() - started }
}

function deltaFile(site: OpenTarget, known: RrdpRecord | undefined, delta: StoredDelta, written: number[]): KnownFile {
  const path = deltaPath(site.state, delta)
  const found = known?.deltas.find((file) => file.path === path)
  const length = deltaLength(site.state.sessionId, delta)
  if (found !== undefined && found.bytes === length && isThere(join(site.repoDir, 'rrdp'), found)) return found
  return writeHashed(site, path, batched(deltaText(site, delta)), written)
}

function snapshotFile(
  site: OpenTarget,
  known: RrdpRecord | undefined,
  written: number[],
): { readonly file: KnownFile; readonly spliced: boolean } {
  const { state, repoDir } = site
  const root = join(repoDir, 'rrdp')
  const path = snapshotPath(state)
  const last = known?.snapshot
  if (known === undefined || last === undefined || !isThere(root, last))
    return { file: writeHashed(site, path, batched(snapshotText(site)), written), spliced: false }
  if (last.path === path && last.bytes === snapshotLength(state)) return { file: last, spliced: false }
  const changes = changesSince(state, known.session, known.serial)
  const steps = changes === undefined ? undefined : planPatch(state, known.serial, last, changes)
  if (steps !== undefined) {
    try {
      const chunks = splice(state, join(root, last.path), last, steps, (object) => readObject(site.objectPath, object))
      return { file: writeHashed(site, path, chunks, written), spliced: true }
    } catch (error) {
      if (!(error instanceof NotPatchable)) throw error
    }
  }
  return { file: writeHashed(site, path, batched(snapshotText(site)), written), spliced: false }
}

/** Writes one file durably and returns its record. */
function writeHashed(site: OpenTarget, path: string, chunks: Iterable<Uint8Array>, written: number[]): KnownFile {
  const full = join(site.repoDir, 'rrdp', path)
  ensureFolder(site.disk, dirname(full), site.repoDir)
  const hash = createHash('sha256')
  const bytes = writeFresh(site.disk, join(site.scratch, 'new-file'), full, tapped(chunks, hash))
  site.disk.sync(dirname(full))
  written.push(bytes)
  return { path, sha256: hash.digest('hex') as Sha256, bytes }
}

function* tapped(chunks: Iterable<Uint8Array>, hash: { update(bytes: Uint8Array): unknown }): Generator<Uint8Array> {
  for (const chunk of chunks) {
    hash.update(chunk)
    yield chunk
  }
}

/** Joins texts of about a kilobyte into blocks, to save system calls. */
export function* batched(texts: Iterable<string>): Generator<Uint8Array> {
  let parts: string[] = []
  let length = 0
  for (const text of texts) {
    parts.push(text)
    length += text.length
    if (length < 1 << 18) continue
    yield utf8(parts.join(''))
    parts = []
    length = 0
  }
  yield utf8(parts.join(''))
}

function isThere(root: string, file: KnownFile): boolean {
  const stat = statOf(join(root, file.path))
  return stat?.isFile() === true && stat.size === file.bytes
}
