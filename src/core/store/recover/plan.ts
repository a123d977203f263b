/**
 * Plans the recovery of one aggregate: up to which command its state is kept, which files move where, what is lost.
 * Invariant: never further back than the newest command whose state can be verified, and always at the end of a complete command.
 */
import { join } from 'node:path'
import { AppError } from '../../base/errors.js'
import type { Sha256 } from '../../crypto/ports.js'
import { formatAggregateId, type Gone } from '../../eventsourcing/types.js'
import { rangesOf } from '../commit/live-branch.js'
import { listDisk } from '../disk/fs.js'
import { eventName, type Layout, parseFileName } from '../disk/paths.js'
import type { FileEvidence } from './evidence.js'
import type { AggregatePlan, LostCommand, LostTail, Replaced } from './plan-types.js'
import { findReplayBases } from './replay-bases.js'
import { isArchived, isGone, type Scan, type Step } from './scan.js'

/**
 * Plans the recovery of an aggregate. Throws `recover-impossible` if no state can be rebuilt, `recover-archive-missing` if the archive
 * would give a newer one (both corrupt).
 */
export function planRecovery(layout: Layout, scan: Scan, tail: LostTail | undefined): AggregatePlan {
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
  const lost = [...after.map((step) => lostCommand(folder, step)), ...(tail?.lost ?? [])]
  const discarded = lostFiles(folder, after)
  const unreferenced = unreferencedFiles(folder, scan, kept, after, files)
  return {
    id,
    newest: tail?.newest ?? { version: last.named.version, sequence: last.named.sequence },
    previous: last.named.command,
    base: { version: base.named.version, sequence: base.named.sequence },
    build,
    fromSnapshot: start >= 0,
    corrupt: [...files.corrupt, ...discarded.corrupt],
    surplus: [...discarded.surplus, ...unreferenced],
    replaced: files.replaced,
    gone: files.gone,
    lost,
    branch: kept,
    snapshots: kept.filter((s) => isKept(s.snapshot, files.replaced)),
    unprovableVersions: new Set(
      kept.filter((s) => s.record === undefined && isArchived(scan, s)).map((s) => s.named.version),
    ),
    recorded: lost.length > 0 || tail !== undefined || isAnyGone(files.gone),
  }
}

/** Returns what the recoveries on the kept branch declared gone: a recovery that is itself discarded no longer counts. */
function declaredBy(kept: readonly Step[]): Gone {
  const effects = kept.flatMap(({ record }) => (record?.effect.result === 'recovered' ? [record.effect.gone] : []))
  return {
    commands: effects.flatMap((g) => g.commands),
    events: effects.flatMap((g) => g.events),
    snapshots: effects.flatMap((g) => g.snapshots ?? []),
  }
}

/** Returns true if a recovery gives up files of history that the state does not need. */
export function isAnyGone({ commands, events, snapshots = [] }: Gone): boolean {
  return commands.length + events.length + snapshots.length > 0
}

/** Returns true if there is nothing to repair. */
export function isComplete(plan: AggregatePlan): boolean {
  return plan.corrupt.length + plan.surplus.length + plan.replaced.length === 0 && !plan.recorded
}

/** Throws `recover-archive-missing`: an archived command is not lost, so its absence must not discard it and those after it. */
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
    `${name} cannot be rebuilt without its archive: ${path}${more} was archived and is missing there`,
    {
      hint: `brine recover ${name} --archive DIR, with the folder that holds it now`,
      details: { aggregate: name, path, missing },
    },
  )
}

/**
 * Lists the files of a step that are neither present nor damaged here. Without the record its events are unknown, but their versions are
 * not.
 */
function missingOf({ command, events, record, versionBefore, named }: Step): readonly string[] {
  const gone = [command, ...events].filter((f) => f.found === undefined && f.damaged.length === 0).map((f) => f.name)
  if (record !== undefined) return gone
  return [...gone, ...Array.from({ length: named.version - versionBefore }, (_, i) => eventName(versionBefore + i))]
}

function impossible(layout: Layout, { id, live }: Scan): AppError {
  const name = formatAggregateId(id)
  const needed = live.flatMap((s) => [s.command, ...s.events]).find((f) => f.found === undefined)
  const path = join(layout.folder(id), needed?.name ?? '')
  return new AppError(
    'corrupt',
    'recover-impossible',
    `${name} cannot be rebuilt: no snapshot is intact, and ${path} is missing`,
    {
      hint: `brine recover ${name} --from a backup or copy that has it`,
      details: { aggregate: name, path },
    },
  )
}

function lostCommand(folder: string, { named, record, events, versionBefore }: Step): LostCommand {
  const count = record === undefined ? Math.max(0, named.version - versionBefore) : 0
  const unproved = Array.from({ length: count }, (_, i) => ({
    version: versionBefore + i,
    path: join(folder, eventName(versionBefore + i)),
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

/** Plans the files of the kept branch: damaged ones are quarantined, those with a copy restored, and those without one declared gone. */
function keptFiles(layout: Layout, scan: Scan, kept: readonly Step[], start: number): KeptFiles {
  const folder = layout.folder(scan.id)
  const corrupt: string[] = []
  const replaced: Replaced[] = []
  const gone = { commands: [] as number[], events: [] as number[], snapshots: [] as number[] }
  const bases = findReplayBases(scan, kept)
  const restoreIfNeeded = (evidence: FileEvidence, sha256: Sha256, needed = false): void => {
    corrupt.push(...evidence.damaged)
    const { found, damaged, name } = evidence
    if (found === undefined || found.where === 'place') return
    const own = join(folder, 'archived', name)
    // a file that every load needs must not stay in an archive folder that only this command was given
    if (found.where === 'archived' && (!needed || found.path === own)) return
    replaced.push({
      name,
      ...{ from: found.path, where: found.where },
      to: damaged[0] ?? (found.where === 'archived' ? own : join(folder, name)),
      sha256,
    })
  }
  for (const [i, step] of kept.entries()) {
    const elsewhere = isArchived(scan, step) && i < start
    const declareIfMissing = (what: keyof Gone, evidence: FileEvidence, n: number): void => {
      const isMissing = evidence.found === undefined && !isGone(scan, what, n)
      if (isMissing && !(elsewhere && evidence.damaged.length === 0)) gone[what].push(n)
    }
    const needed = i >= start
    restoreIfNeeded(step.command, step.named.command, needed)
    declareIfMissing('commands', step.command, step.named.sequence)
    const { record } = step
    if (record === undefined || record.effect.result === 'rejected') {
      // without its record its events are unknown
      if (record === undefined && !elsewhere)
        for (let n = step.versionBefore; n < step.named.version; n++)
          if (!isGone(scan, 'events', n)) gone.events.push(n)
      continue
    }
    const hashes = record.effect.result === 'accepted' ? record.effect.events : []
    for (const [e, evidence] of step.events.entries()) {
      restoreIfNeeded(evidence, hashes[e] as Sha256, needed)
      declareIfMissing('events', evidence, record.version + e)
    }
    const named = record.effect.snapshot
    if (step.snapshot === undefined || named === null) continue
    const isBase = bases.has(step)
    if (step.snapshot.damaged.length > 0 || i === start || isBase) restoreIfNeeded(step.snapshot, named.sha256)
    if (isBase && bases.get(step) === 'demanded') declareIfMissing('snapshots', step.snapshot, named.version)
  }
  return { corrupt, replaced, gone: goneRanges(gone) }
}

/** The member for snapshots is absent where none is gone, as in records written before it existed. */
function goneRanges(gone: Readonly<Record<keyof Gone, readonly number[]>>): Gone {
  const { commands, events, snapshots } = gone
  const always = { commands: rangesOf(commands), events: rangesOf(events) }
  return snapshots.length === 0 ? always : { ...always, snapshots: rangesOf(snapshots) }
}

/** Lists the files of the commands after the base, newest first, so that an interrupted move leaves no gap. */
function lostFiles(folder: string, lost: readonly Step[]): { readonly corrupt: string[]; readonly surplus: string[] } {
  const corrupt: string[] = []
  const surplus: string[] = []
  const discard = (evidence: FileEvidence | undefined): void => {
    if (evidence === undefined) return
    corrupt.push(...evidence.damaged)
    const where = evidence.found?.where
    if (
      evidence.found !== undefined &&
      (where === 'place' || where === 'archived') &&
      evidence.found.path.startsWith(folder)
    )
      surplus.push(evidence.found.path)
  }
  for (const step of [...lost].reverse()) {
    discard(step.snapshot)
    discard(step.command)
    for (const event of [...step.events].reverse()) discard(event)
  }
  return { corrupt, surplus }
}

/** Lists files in place that the branch does not reference: beyond its end, of lost commands without a record, unreferenced snapshots. */
function unreferencedFiles(
  folder: string,
  scan: Scan,
  kept: readonly Step[],
  lost: readonly Step[],
  files: KeptFiles,
): readonly string[] {
  const known = new Set<string>()
  for (const step of [...kept, ...lost])
    for (const evidence of [step.command, ...step.events, step.snapshot])
      if (evidence !== undefined) known.add(evidence.name)
  const base = kept.at(-1)?.named
  const withoutRecord = new Set(kept.filter((s) => s.record === undefined).map((s) => s.named.version))
  const isNewlyGone = (n: number): boolean => files.gone.commands.length > 0 && isGoneVersion(kept, files.gone, n)
  return listDisk(folder)
    .map((name) => ({ name, parsed: parseFileName(name) }))
    .flatMap(({ name, parsed }) => (parsed === undefined || known.has(name) ? [] : [{ name, ...parsed }]))
    .filter(({ type, n }) => {
      if (type === 'command') return n > (base?.sequence ?? 0)
      if (type === 'event') return n >= (base?.version ?? 0)
      if (n > (base?.version ?? 0)) return true
      return !(scan.archived.length > 0 && withoutRecord.has(n) && !isNewlyGone(n))
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
