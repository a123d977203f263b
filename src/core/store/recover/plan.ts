/**
 * What a recovery of one aggregate would do, as a value: how far its state can be kept, what moves where, what is lost.
 * Invariant: never further back than the newest command whose state can be proved, and always at the end of a whole command.
 */
import { join } from 'node:path'
import { AppError } from '../../base/errors.js'
import type { Sha256 } from '../../crypto/ports.js'
import {
  type AggregateId,
  type Base,
  formatAggregateId,
  type Gone,
  type StoredCommand,
} from '../../eventsourcing/types.js'
import { rangeOf } from '../commit/archived-ranges.js'
import { rangesOf } from '../commit/live-branch.js'
import { listDir } from '../disk/fs.js'
import { eventName, type Layout, parseFileName } from '../disk/paths.js'
import type { FileEvidence } from './evidence.js'
import { isGone, type Scan, type Step } from './scan.js'

/** A file that comes back, from where its right bytes lie. */
export interface Replaced {
  readonly name: string
  readonly from: string
  readonly to: string
  readonly sha256: Sha256
}

/** A command that the recovered state does not have. */
export interface LostCommand {
  readonly sequence: number
  /** Undefined where its record cannot be read. */
  readonly record: StoredCommand | undefined
  readonly events: readonly FileEvidence[]
  /** Without its record: versions of the events that it must have led to, and what lies under their names. Nothing proves them. */
  readonly unproved: readonly { readonly version: number; readonly path: string }[]
}

export interface AggregatePlan {
  readonly id: AggregateId
  /** What its numbers go on from: the newest known. */
  readonly newest: Base
  /** Hash of the newest record that a commit names. */
  readonly previous: Sha256
  /** The command as of which the state is. */
  readonly base: Base
  /** The steps that give the state at the base: a snapshot of the first, or nothing, and the events of the others. */
  readonly build: readonly Step[]
  readonly fromSnapshot: boolean
  readonly corrupt: readonly string[]
  readonly surplus: readonly string[]
  readonly replaced: readonly Replaced[]
  readonly gone: Gone
  readonly lost: readonly LostCommand[]
  /** The line up to the base, oldest first. */
  readonly branch: readonly Step[]
  /** Those of it whose snapshot is sound and stays. */
  readonly snapshots: readonly Step[]
  /** Versions whose command record lies where the archive went: a snapshot of theirs cannot be proved here, and is no damage. */
  readonly unprovableVersions: ReadonlySet<number>
  /** Does history get a command that says so? */
  readonly recorded: boolean
}

/** Newer commits that cannot be proved: what they did to this aggregate is lost. */
export interface LostTail {
  readonly newest: Base
  readonly lost: readonly LostCommand[]
}

/** Throws `recover-impossible` where no state can be built, `recover-archive-missing` where the archive would give a newer one (both corrupt). */
export function planRecovery(layout: Layout, scan: Scan, end: LostTail | undefined): AggregatePlan {
  const { id, live } = scan
  const last = live.at(-1)
  const at = live.findLastIndex((step) => step.buildable)
  const kept = live.slice(0, at + 1)
  const base = kept.at(-1)
  refuseWithoutArchive(layout, scan, at)
  if (last === undefined || base === undefined) throw impossible(layout, scan)
  const start = kept.findLastIndex((step) => step.snapshot?.found !== undefined)
  const build = kept.slice(Math.max(0, start))
  const files = keptFiles(layout, { ...scan, gone: declaredBy(kept) }, kept, start)
  const after = live.slice(at + 1)
  const folder = layout.folder(id)
  const lost = [...after.map((step) => lostCommand(folder, step)), ...(end?.lost ?? [])]
  const aside = lostFiles(folder, after)
  const stray = strays(folder, scan, kept, after, files)
  return {
    id,
    newest: end?.newest ?? { version: last.named.version, sequence: last.named.sequence },
    previous: last.named.command,
    base: { version: base.named.version, sequence: base.named.sequence },
    build,
    fromSnapshot: start >= 0,
    corrupt: [...files.corrupt, ...aside.corrupt],
    surplus: [...aside.surplus, ...stray],
    replaced: files.replaced,
    gone: files.gone,
    lost,
    branch: kept,
    snapshots: kept.filter((s) => isKept(s.snapshot, files.replaced)),
    unprovableVersions: new Set(
      kept.filter((s) => s.record === undefined && isArchived(scan, s)).map((s) => s.named.version),
    ),
    recorded: lost.length > 0 || end !== undefined || files.gone.commands.length + files.gone.events.length > 0,
  }
}

/** What the recoveries of the line that stays declared gone: one that is given up itself declares nothing any more. */
function declaredBy(kept: readonly Step[]): Gone {
  const effects = kept.flatMap(({ record }) => (record?.effect.result === 'recovered' ? [record.effect.gone] : []))
  return { commands: effects.flatMap((g) => g.commands), events: effects.flatMap((g) => g.events) }
}

/** True where there is nothing to do. */
export function isComplete(plan: AggregatePlan): boolean {
  return plan.corrupt.length + plan.surplus.length + plan.replaced.length === 0 && !plan.recorded
}

/** What was archived is not lost: nobody goes back behind it because it lies elsewhere. */
function refuseWithoutArchive(layout: Layout, scan: Scan, at: number): void {
  const { id, live } = scan
  const next = live[at + 1]
  if (next === undefined || !isArchived(scan, next)) return
  const missing = live.slice(at + 1).flatMap((step) => (isArchived(scan, step) ? missingOf(step) : []))
  const [first] = missing
  if (first === undefined || missingOf(next).length === 0) return
  const name = formatAggregateId(id)
  const path = join(layout.folder(id), first)
  const more = missing.length === 1 ? '' : ` and ${missing.length - 1} more after it`
  throw new AppError(
    'corrupt',
    'recover-archive-missing',
    `${name} cannot be rebuilt without its archive: ${path}${more} was archived and is not there any more`,
    {
      hint: `brine recover ${name} --archive DIR, with the folder that holds it now`,
      details: { aggregate: name, path, missing },
    },
  )
}

function isArchived(scan: Scan, { named }: Step): boolean {
  return rangeOf(scan.archived, named.sequence) !== undefined
}

/** Names of files that are neither here nor damaged here. Without the record its events are not known, but their versions are. */
function missingOf({ command, events, record, versionBefore: before, named }: Step): readonly string[] {
  const gone = [command, ...events].filter((f) => f.found === undefined && f.damaged.length === 0).map((f) => f.name)
  if (record !== undefined) return gone
  return [...gone, ...Array.from({ length: named.version - before }, (_, i) => eventName(before + i))]
}

function impossible(layout: Layout, { id, live }: Scan): AppError {
  const name = formatAggregateId(id)
  const needed = live.flatMap((s) => [s.command, ...s.events]).find((f) => f.found === undefined)
  const path = join(layout.folder(id), needed?.name ?? '')
  return new AppError(
    'corrupt',
    'recover-impossible',
    `${name} cannot be rebuilt: no snapshot is sound, and ${path} is gone`,
    {
      hint: `brine recover ${name} --from a backup or copy that has it`,
      details: { aggregate: name, path },
    },
  )
}

function lostCommand(folder: string, { named, record, events, versionBefore: before }: Step): LostCommand {
  const count = record === undefined ? Math.max(0, named.version - before) : 0
  const unproved = Array.from({ length: count }, (_, i) => ({
    version: before + i,
    path: join(folder, eventName(before + i)),
  }))
  return { sequence: named.sequence, record, events, unproved }
}

function isKept(snapshot: FileEvidence | undefined, replaced: readonly Replaced[]): boolean {
  const where = snapshot?.found?.where
  return where === 'place' || replaced.some((r) => r.name === snapshot?.name)
}

interface KeptFiles {
  readonly corrupt: readonly string[]
  readonly replaced: readonly Replaced[]
  readonly gone: Gone
}

/** Of the line that stays: what is wrong goes, what lies elsewhere comes back, what nothing brings back is declared gone. */
function keptFiles(layout: Layout, scan: Scan, kept: readonly Step[], start: number): KeptFiles {
  const folder = layout.folder(scan.id)
  const corrupt: string[] = []
  const replaced: Replaced[] = []
  const gone = { commands: [] as number[], events: [] as number[] }
  const take = (looked: FileEvidence, sha256: Sha256, needed = false): void => {
    corrupt.push(...looked.damaged)
    const { found, damaged: bad, name } = looked
    if (found === undefined || found.where === 'place') return
    const own = join(folder, 'archived', name)
    // what every load reads from now on must not lie where only this command was told to look
    if (found.where === 'archived' && (!needed || found.path === own)) return
    replaced.push({
      name,
      from: found.path,
      to: bad[0] ?? (found.where === 'archived' ? own : join(folder, name)),
      sha256,
    })
  }
  for (const [i, step] of kept.entries()) {
    const elsewhere = isArchived(scan, step) && i < start
    const miss = (what: keyof Gone, looked: FileEvidence, n: number): void => {
      const isMissing = looked.found === undefined && !isGone(scan, what, n)
      if (isMissing && !(elsewhere && looked.damaged.length === 0)) gone[what].push(n)
    }
    const needed = i >= start
    take(step.command, step.named.command, needed)
    miss('commands', step.command, step.named.sequence)
    const { record } = step
    if (record === undefined || record.effect.result === 'rejected') {
      // its events are not known without it
      if (record === undefined && !elsewhere)
        for (let n = step.versionBefore; n < step.named.version; n++)
          if (!isGone(scan, 'events', n)) gone.events.push(n)
      continue
    }
    const hashes = record.effect.result === 'accepted' ? record.effect.events : []
    for (const [e, looked] of step.events.entries()) {
      take(looked, hashes[e] as Sha256, needed)
      miss('events', looked, record.version + e)
    }
    const named = record.effect.snapshot
    if (step.snapshot === undefined || named === null) continue
    if (step.snapshot.damaged.length > 0 || i === start) take(step.snapshot, named.sha256)
  }
  return { corrupt, replaced, gone: { commands: rangesOf(gone.commands), events: rangesOf(gone.events) } }
}

/** All that follows the base, in an order that leaves no gap when it is cut short. */
function lostFiles(folder: string, lost: readonly Step[]): { readonly corrupt: string[]; readonly surplus: string[] } {
  const corrupt: string[] = []
  const surplus: string[] = []
  const put = (looked: FileEvidence | undefined): void => {
    if (looked === undefined) return
    corrupt.push(...looked.damaged)
    const where = looked.found?.where
    if (
      looked.found !== undefined &&
      (where === 'place' || where === 'archived') &&
      looked.found.path.startsWith(folder)
    )
      surplus.push(looked.found.path)
  }
  for (const step of [...lost].reverse()) {
    put(step.snapshot)
    put(step.command)
    for (const event of [...step.events].reverse()) put(event)
  }
  return { corrupt, surplus }
}

/** Files in place that nothing of the line names: beyond its end, of lost commands without a record, snapshots of nobody. */
function strays(
  folder: string,
  scan: Scan,
  kept: readonly Step[],
  lost: readonly Step[],
  files: KeptFiles,
): readonly string[] {
  const known = new Set<string>()
  for (const step of [...kept, ...lost])
    for (const looked of [step.command, ...step.events, step.snapshot]) if (looked !== undefined) known.add(looked.name)
  const base = kept.at(-1)?.named
  const unread = new Set(kept.filter((s) => s.record === undefined).map((s) => s.named.version))
  const goneNow = (n: number): boolean => files.gone.commands.length > 0 && isGoneVersion(kept, files.gone, n)
  return listDir(folder)
    .map((name) => ({ name, parsed: parseFileName(name) }))
    .flatMap(({ name, parsed }) => (parsed === undefined || known.has(name) ? [] : [{ name, ...parsed }]))
    .filter(({ type, n }) => {
      if (type === 'command') return n > (base?.sequence ?? 0)
      if (type === 'event') return n >= (base?.version ?? 0)
      if (n > (base?.version ?? 0)) return true
      return !(scan.archived.length > 0 && unread.has(n) && !goneNow(n))
    })
    .sort((a, b) => b.n - a.n)
    .map(({ name }) => join(folder, name))
}

function isGoneVersion(kept: readonly Step[], gone: Gone, version: number): boolean {
  return kept.some(
    (s) =>
      s.named.version === version &&
      gone.commands.some(([from, to]) => s.named.sequence >= from && s.named.sequence <= to),
  )
}
