/**
 * A data directory made again from a backup or from a plain copy, in a folder of its own, and proved by replay before anybody relies on it.
 * Invariant: what does not replay to the digest that the backup names, or is not the commit that it names, is refused as a whole.
 */
import { filesOf, takeCapture } from '../../backup/capture.js'
import { readSource, sourceName } from '../../backup/destination.js'
import { type BackupHeader, damaged } from '../../backup/format.js'
import type { Keys } from '../../backup/seal.js'
import { needSpace, newTree, type Tree } from '../../backup/tree.js'
import { unpackBackup } from '../../backup/unpack.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { importPkcs8 } from '../../crypto/key-maker.js'
import type { KeyId, PublicKey, Sha256 } from '../../crypto/ports.js'
import { openCopy } from '../../store/commit/copy-fallback.js'
import { type Marker, parseMarker, readMarker, writeMarker } from '../../store/directory/data-dir.js'
import { isCorrupt } from '../../store/disk/damage.js'
import { statIfExists } from '../../store/disk/fs.js'
import { keyFiles } from '../../store/disk/key-files.js'
import { layoutOf } from '../../store/disk/paths.js'
import { replaceFile } from '../../store/disk/write-file.js'
import { type AuditedAggregate, auditVerify } from '../proof/audit.js'
import type { Digest } from '../proof/digest.js'
import { openSession } from '../transaction/session.js'
import { hasAllReferences } from '../transaction/snapshot-completeness.js'

/** What lies in the folder now. Its marker is not there yet. */
export interface Unpacked {
  readonly marker: Marker
  readonly commit: number
  readonly head: Sha256 | null
  readonly cutAt: Instant | null
  /** Of all states, where the backup names it. */
  readonly digest: Sha256 | null
  /** SHA-256 of the manifest; null for a copy. */
  readonly manifest: Sha256 | null
  /** Null for a copy. */
  readonly encrypted: boolean | null
  /** Commits of a copy that are not whole in it. */
  readonly dropped: number
  /** Where private keys were only named: what belongs to them. */
  readonly publicHalves: PublicHalves | undefined
}

type PublicHalves = ReadonlyMap<string, PublicKey>

export interface UnpackRequest {
  /** A backup, `-`, or a folder that is a copy of a data directory. */
  readonly source: string
  readonly keys: Keys
  readonly options: CommandContext
  /** An empty folder. */
  readonly dir: string
  /** Private keys are only named. */
  readonly withoutSecrets?: boolean
  /** Called with what it is before the first file is written: throws where it must not go on. */
  readonly onHeader?: (header: Pick<BackupHeader, 'id'>) => void
}

const MEBIBYTE = 1024 * 1024

export function isCopy(source: string): boolean {
  return source !== '-' && statIfExists(source.replace(/(?<=.)\/+$/, '/.'))?.isDirectory() === true
}

/** Unpacks a backup, or copies a copy at its newest whole commit. Throws `backup-damaged`, `format-newer`, `backup-key-wrong`, `io`. */
export async function unpackTo(request: UnpackRequest): Promise<Unpacked> {
  return isCopy(request.source) ? copyTo(request) : unpackArchive(request)
}

async function unpackArchive({
  source,
  keys,
  options,
  dir,
  withoutSecrets,
  onHeader,
}: UnpackRequest): Promise<Unpacked> {
  const name = sourceName(source)
  const tree = treeFor(dir, name, withoutSecrets)
  const step = progressOf(options, 'MiB unpacked')
  let total = 0
  const {
    header,
    manifest: _,
    sha256,
    sealed,
  } = await unpackBackup(readSource(source), {
    name,
    keys,
    onHeader(found) {
      onHeader?.(found)
      total = found.maxBytes
      // each file ends in the middle of a block
      needSpace(dir, found.maxBytes + found.maxFiles * 2048)
    },
    onFile(file) {
      tree.add(file)
      step(file.bytes.length, total)
    },
  })
  const marker = markerOf(tree, name)
  if (marker.id !== header.id || marker.generation !== header.generation || marker.test !== header.test)
    throw damaged(name, 'its marker is of another data directory than its header')
  tree.complete()
  const { commit, head, cutAt, digest } = header
  const { publicHalves } = tree
  return { marker, commit, head, cutAt, digest, manifest: sha256, encrypted: sealed, dropped: 0, publicHalves }
}

interface KeyedTree extends Tree {
  readonly publicHalves: PublicHalves | undefined
}

function treeFor(dir: string, name: string, withoutSecrets = false): KeyedTree {
  const tree = newTree(dir, name, { withoutSecrets })
  if (!withoutSecrets) return { ...tree, publicHalves: undefined }
  const halves = new Map<string, PublicKey>()
  const add: Tree['add'] = (file) => {
    const ski = /^keys\/([0-9A-F]{40})$/.exec(file.path)?.[1]
    if (ski !== undefined) halves.set(ski, publicHalf(file.bytes, name, file.path))
    tree.add(file)
  }
  return { ...tree, add, publicHalves: halves }
}

function publicHalf(pkcs8: Uint8Array, name: string, path: string): PublicKey {
  try {
    const { id, spki } = importPkcs8(pkcs8)
    return { id, spki }
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    throw damaged(name, `${path}: ${cause.message}`)
  }
}

function markerOf(tree: Tree, name: string): Marker {
  const bytes = tree.marker()
  if (bytes === undefined) throw damaged(name, 'it has no marker, brine.json')
  try {
    return parseMarker(bytes, `${name}: brine.json`)
  } catch (error) {
    throw isCorrupt(error) ? damaged(name, 'its marker, brine.json, is damaged', error) : error
  }
}

async function copyTo({ source, options, dir, withoutSecrets, onHeader }: UnpackRequest): Promise<Unpacked> {
  const layout = layoutOf(source)
  const marker = readMarker(source)
  onHeader?.(marker)
  const onNotice = (text: string): void => options.onNotice?.(text)
  const keys = keyFiles(layout, () => undefined)
  const complete = (at: Parameters<typeof hasAllReferences>[0]): boolean => hasAllReferences(at, { keys })
  const reader = openCopy(layout, {
    generation: marker.generation,
    warn: onNotice,
    complete: (at) => complete(at as Parameters<typeof hasAllReferences>[0]),
  })
  const tree = treeFor(dir, source, withoutSecrets)
  const step = progressOf(options, 'MiB copied')
  const capture = takeCapture(layout, reader, { onNotice })
  for (const file of filesOf(capture, { onNotice })) {
    tree.add(file)
    step(file.bytes.length)
  }
  tree.complete()
  const facts = { commit: capture.commit, head: capture.head, cutAt: reader.at ?? null, dropped: reader.behind }
  const { publicHalves } = tree
  return { marker: markerOf(tree, source), ...facts, digest: null, manifest: null, encrypted: null, publicHalves }
}

function progressOf(options: CommandContext, what: string): (bytes: number, total?: number) => void {
  let [done, shown] = [0, 0]
  return (bytes, total) => {
    done += bytes
    if (done - shown < MEBIBYTE) return
    shown = done
    const mebibytes = Math.floor(done / MEBIBYTE)
    options.onProgress?.(mebibytes, total === undefined ? mebibytes : Math.ceil(total / MEBIBYTE), what)
  }
}

export interface Proof {
  readonly digest: Digest
  readonly aggregates: readonly (Pick<AuditedAggregate, 'kind' | 'version' | 'commands' | 'events' | 'stateDigest'> & {
    readonly handle: Handle
    readonly sequence: number
  })[]
}

/** Replays everything in `dir` and compares it with what the backup says of itself. Throws `backup-unproved` (corrupt). */
export async function proveTree(
  dir: string,
  unpacked: Unpacked,
  source: string,
  options: CommandContext,
): Promise<Proof> {
  const { test: _, ...marker } = unpacked.marker
  // as a copy: a directory made for tests would be live here
  writeMarker(dir, marker)
  const config = `${layoutOf(dir).temp}/proof.toml`
  replaceFile(config, new Uint8Array(), { sync: false })
  const { nowOverride: _now, configPath: _config, ...rest } = options
  const session = await openSession({ ...rest, dataDir: dir, configPath: config, onNotice: () => undefined })
  const { publicHalves } = unpacked
  // the files of the keys are empty here
  if (publicHalves !== undefined)
    Object.assign(session.store.keys, { publicKeyOf: (id: KeyId) => publicHalves.get(id) })
  const report = await auditVerify(session)
  const name = sourceName(source)
  const faults = [...report.problems, ...report.aggregates.flatMap((a) => a.problems)]
  const [first] = faults
  if (first !== undefined || report.digest === null) throw unproved(name, first ?? 'some state cannot be made', faults)
  if (report.commits !== unpacked.commit || report.head !== unpacked.head)
    throw unproved(name, `it replays to commit ${report.commits} and not to commit ${unpacked.commit}`, [])
  if (unpacked.digest !== null && unpacked.digest !== report.digest.full)
    throw unproved(name, 'its states are not the ones that it names', [])
  const aggregates = report.aggregates.map(({ kind, handle, version, commands, events, stateDigest }) => ({
    kind,
    handle,
    version,
    sequence: commands,
    commands,
    events,
    stateDigest,
  }))
  return { digest: report.digest, aggregates }
}

type Problem = { readonly file: string; readonly path: string; readonly problem: string }

function unproved(name: string, first: Problem | string, faults: readonly Problem[]): AppError {
  const what = typeof first === 'string' ? first : `${first.file}: ${first.problem}`
  const more = faults.length > 1 ? `, and ${faults.length - 1} more` : ''
  return new AppError('corrupt', 'backup-unproved', `${name}: ${what}${more}`, {
    hint: 'take another backup of the series; nothing was restored',
    details: { path: name, faults: faults.slice(0, 20).map((f) => ({ ...f })) },
  })
}
