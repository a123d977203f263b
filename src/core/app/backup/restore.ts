/**
 * `restore` and `backup verify`: a backup or a copy becomes a data directory, or is proved to be able to.
 * Invariants: nothing has its name before everything is verified by replay; `repo/` is never read; what comes up is a stand-by, which says how old
 * it is and what to do.
 */
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import {
  besidePlace,
  fillPlace,
  type Occupied,
  occupantOf,
  type PlaceOptions,
  refuseMountPoint,
  takePlace,
} from '../../backup/destination-tree.js'
import type { Keys } from '../../backup/seal.js'
import { dropOnExit, dropTree, scratchTree } from '../../backup/tree.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import { type Instant, secondsBetween } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type Marker, writeMarker } from '../../store/directory/data-dir.js'
import { removeFile } from '../../store/disk/fs.js'
import { layoutOf } from '../../store/disk/paths.js'
import { statusFiles } from '../../store/disk/status-files.js'
import { startTime } from '../transaction/clock.js'
import { type RestoredNote, type RestoreGap, restoreGapOf } from './restore-gap.js'
import { type Proof, proveTree, type Unpacked, unpackTo } from './restored-tree.js'

export interface VerifyReport {
  readonly file: string
  readonly ok: true
  readonly id: string
  readonly generation: number
  readonly commit: number
  readonly cutAt: Instant | null
  readonly aggregates: Proof['aggregates']
  /** Of all states, as `audit digest` shows it: `full`. */
  readonly digest: Sha256
  /** SHA-256 of the manifest in the backup; null for a copy. */
  readonly manifest: Sha256 | null
  readonly encrypted: boolean | null
}

export interface RestoreReport {
  readonly dataDir: string
  readonly source: string
  readonly id: string
  readonly role: 'standby' | 'primary'
  readonly generation: number
  readonly commit: number
  readonly cutAt: Instant | null
  /** Seconds from the cut to now. */
  readonly age: number | null
  readonly aggregates: Proof['aggregates']
  readonly digest: Sha256
  readonly encrypted: boolean | null
  /** Newer commits of a copy that are not whole in it. */
  readonly dropped: number
  /** Where the tree that was there lies now. */
  readonly replaced: string | null
  /** What the tree that was there had beyond the cut. */
  readonly behind: readonly RestoreGap[]
  /** Can anything say what the world has seen since the cut? */
  readonly seen: 'replaced tree' | 'unknown'
  /** When the tree that was there last changed: promote refuses a clock that is not beyond it. */
  readonly seenAt: Instant | null
  readonly nextSteps: readonly string[]
  readonly changed: boolean
  readonly dryRun: boolean
}

export interface RestoreOptions {
  readonly source: string
  readonly keys: Keys
  readonly replace?: boolean
  readonly dryRun?: boolean
  /** Folder for a check; the system's temporary one when not given. */
  readonly scratch?: string
}

/** Restores to a scratch folder, replays, and removes it again. Throws `backup-damaged`, `backup-unproved`, `backup-key-wrong`, `io`. */
export async function verifyBackup(options: CommandContext, request: RestoreOptions): Promise<VerifyReport> {
  const { unpacked, proof } = await inScratch(options, request, undefined)
  const { marker, commit, cutAt, manifest, encrypted } = unpacked
  const facts = { id: marker.id, generation: marker.generation, commit, cutAt, manifest, encrypted }
  return { file: request.source, ok: true, ...facts, aggregates: proof.aggregates, digest: proof.digest.full }
}

interface Built {
  readonly unpacked: Unpacked
  readonly proof: Proof
}

async function inScratch(
  options: CommandContext,
  { source, keys, scratch }: RestoreOptions,
  old: Occupied | undefined,
): Promise<Built> {
  const dir = scratchTree(scratch ?? tmpdir())
  const settled = dropOnExit(dir)
  try {
    const onHeader = ({ id }: { readonly id: string }): void => refuseOther(old, id)
    const unpacked = await unpackTo({ source, keys, options, dir, withoutSecrets: true, onHeader })
    return { unpacked, proof: await proveTree(dir, unpacked, source, options) }
  } finally {
    settled()
    dropTree(dir)
  }
}

/** Makes `options.dataDir` of a backup or a copy. Throws `restore-not-empty`, `restore-occupied`, `restore-other-instance` (rejected), and what `verifyBackup` throws. */
export async function restoreBackup(options: CommandContext, request: RestoreOptions): Promise<RestoreReport> {
  const old = occupantOf(options.dataDir)
  if (old !== undefined && request.replace !== true) throw occupied(old)
  if (old !== undefined) refuseMountPoint(old)
  if (request.dryRun === true) {
    const built = await inScratch(options, request, old)
    const report = await reportOf(options, request, built, old)
    return { ...report, changed: true, dryRun: true }
  }
  const place: PlaceOptions = {
    lockTimeout: options.lockTimeoutSeconds ?? 30,
    command: options.command,
    notice: (text) => options.onNotice?.(text),
  }
  if (old === undefined) return fillPlace(options.dataDir, place, (dir) => build(options, request, dir, undefined))
  const beside = besidePlace(old)
  const report = await fillPlace(beside, { ...place, passing: true }, (dir) => build(options, request, dir, old))
  try {
    const replaced = await takePlace(beside, old, presentFor(options, report), place)
    return { ...report, replaced, nextSteps: nextSteps(report, replaced) }
  } catch (error) {
    // gone already where it has its name
    dropTree(beside)
    throw error
  }
}

async function build(
  options: CommandContext,
  request: RestoreOptions,
  dir: string,
  old: Occupied | undefined,
): Promise<RestoreReport> {
  const { source, keys } = request
  const onHeader = ({ id }: { readonly id: string }): void => refuseOther(old, id)
  const unpacked = await unpackTo({ source, keys, options, dir, onHeader })
  const proof = await proveTree(dir, unpacked, source, options)
  const report = await reportOf(options, request, { unpacked, proof }, old)
  const layout = layoutOf(dir)
  const { generation, cutAt, commit, behind, seen, seenAt } = report
  const at = presentFor(options, report)
  const note: RestoredNote = { at, from: source, generation, cutAt, commit, behind, seen, seenAt }
  statusFiles(layout).write('restored', { ...note, behind: behind.map((b) => ({ ...b })) })
  removeFile(join(layout.temp, 'proof.toml'))
  writeMarker(dir, markerFor(unpacked.marker))
  return report
}

/** A directory made for tests is always live, so the jump that others make with promote is due at once in it. */
function markerFor(marker: Marker): Marker {
  return marker.test === true ? { ...marker, generation: marker.generation + 1 } : marker
}

function presentFor({ nowOverride }: CommandContext, { role }: Pick<RestoreReport, 'role'>): Instant {
  return startTime(role === 'primary' ? nowOverride : undefined, role === 'primary').at
}

function occupied({ dir }: Occupied): AppError {
  return new AppError('rejected', 'restore-occupied', `${dir}: is a data directory already`, {
    hint: 'give another --into, or --replace: it keeps what is there under another name',
    details: { path: dir },
  })
}

function refuseOther(old: Occupied | undefined, id: string): void {
  if (old?.marker === undefined || old.marker.id === id) return
  throw new AppError(
    'rejected',
    'restore-other-instance',
    `${old.dir} is instance ${old.marker.id}, and the backup is of instance ${id}`,
    { hint: 'restore it into a directory of its own', details: { path: old.dir, id: old.marker.id, backup: id } },
  )
}

async function reportOf(
  options: CommandContext,
  { source }: RestoreOptions,
  { unpacked, proof }: Built,
  old: Occupied | undefined,
): Promise<RestoreReport> {
  const { cutAt, commit, encrypted, dropped } = unpacked
  const marker = markerFor(unpacked.marker)
  const role = marker.test === true ? ('primary' as const) : ('standby' as const)
  const seen = await restoreGapOf(old, proof, options)
  const now = presentFor(options, { role })
  const report = {
    dataDir: resolve(options.dataDir),
    source,
    id: marker.id,
    role,
    generation: marker.generation,
    commit,
    cutAt,
    age: cutAt === null ? null : Math.max(0, secondsBetween(cutAt, now)),
    aggregates: proof.aggregates,
    digest: proof.digest.full,
    encrypted,
    dropped,
    replaced: null,
    behind: seen?.behind ?? [],
    seen: seen === undefined ? ('unknown' as const) : ('replaced tree' as const),
    seenAt: seen?.at ?? null,
    changed: true,
    dryRun: false,
  }
  return { ...report, nextSteps: nextSteps(report, null) }
}

/** In this order; each a command or a thing to make sure of. */
function nextSteps(
  { dataDir, role, aggregates }: Pick<RestoreReport, 'dataDir' | 'role' | 'aggregates'>,
  replaced: string | null,
): readonly string[] {
  const at = `--data-dir ${dataDir}`
  const jump =
    'manifest and CRL numbers jump to the Unix time, and beyond what the served tree or the replaced one shows; a new RRDP session begins'
  const live =
    role === 'primary'
      ? [`brine tick ${at}   # a directory made for tests is live: ${jump}`]
      : [
          'make sure that no other primary of this instance lives',
          `brine promote ${at} --reason "restored from backup"   # ${jump}`,
          `brine tick ${at}`,
        ]
  const cas = aggregates.filter((a) => a.kind === 'ca').map((a) => a.handle)
  const named = cas.length > 3 ? [...cas.slice(0, 3), '…'] : cas
  const sync =
    cas.length === 0 ? [] : [`brine repo sync CA ${at}   # every CA with its repository: ${named.join(', ')}`]
  const old = replaced === null ? [] : [`look at ${replaced} for what came after the cut, then remove it`]
  return [...live, ...sync, `brine audit verify ${at}`, ...old]
}
