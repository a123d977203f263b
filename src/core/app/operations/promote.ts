/**
 * `promote` and `demote`: makes a stand-by the primary, or a primary a stand-by.
 * Invariant: between the two steps of a promote (the directory is the primary, its numbers are not advanced yet) nothing is published; the next
 * command of any kind renumbers first.
 */
import { AppError, rewrap } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { clockBehind, type Instant, later } from '../../base/time.js'
import { formatAggregateId, kindWord } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import { generationServed } from '../../publication/primary-claim.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { guardClock } from '../session/clock-guard.js'
import { caState, pubdState, taState } from '../session/context.js'
import { refuseCopy } from '../session/role.js'
import type { Session } from '../session/session.js'
import { type HighWaterMark, readHighWaterMark } from '../transaction/high-water-mark.js'
import { type RenumberReport, renumberAll } from '../transaction/renumber-all.js'
import { needsRenumbering } from '../transaction/renumbering.js'

export interface PromoteReport {
  readonly role: 'primary'
  readonly dataDir: string
  readonly host: string
  readonly generation: number
  /** The commit from which the directory continues. */
  readonly commit: number
  /** Newer commits that are incomplete here and were moved to quarantine: their changes are lost. */
  readonly dropped: readonly number[]
  /** Files that were moved to quarantine, relative to the data directory. */
  readonly moved: readonly string[]
  /** High-water mark of what was published: every new number is above it. */
  readonly seen: HighWaterMark
  readonly cas: readonly { readonly kind: string; readonly handle: Handle; readonly manifestNumber: number | null }[]
  readonly failed: readonly { readonly aggregate: string; readonly code: string; readonly message: string }[]
  /** Id of the new RRDP session; null without a publication server. */
  readonly session: string | null
  readonly serial: number | null
  readonly changed: boolean
  readonly dryRun: boolean
}

export interface DemoteReport {
  readonly role: 'standby'
  readonly dataDir: string
  readonly host: string
  readonly generation: number
  readonly reason: string
  readonly changed: boolean
  readonly dryRun: boolean
}

/** Makes this stand-by the primary. Throws `promote-primary`, `reason-missing`, `clock-behind`, `corrupt`, `io`. */
export async function promote(session: Session, options: { readonly dryRun?: boolean } = {}): Promise<PromoteReport> {
  requireReason(session, 'promote')
  await session.store.read(async ({ at }) => guardClock(session, at))
  const before = await session.store.read(async (reader) =>
    checkPromotion(session, reader, await readHighWaterMark(session)),
  )
  if (options.dryRun === true) return preview(session, before)
  if (before.standby) {
    const done = await session.store.promote(session.now(), publishedGeneration(session))
    const { watch } = session.options
    if (watch !== undefined) watch.changed = 'yes'
    return buildReport(session, { ...before, ...done }, await advance(session, before).catch(promotePending))
  }
  return buildReport(session, before, await advance(session, before))
}

/** Advances the numbers. Where what was recorded or published is of the future, the same commits set its times to the present. */
async function advance(session: Session, { isBehind }: PromotionBase): Promise<RenumberReport> {
  if (!isBehind) return renumberAll(session)
  const { applyReset, planReset } = await import('../clock/reset.js')
  return applyReset(session, await planReset(session))
}

/** Throws `promote-pending`: the directory is the primary, but renumbering failed. */
function promotePending(cause: unknown): never {
  if (!(cause instanceof AppError) || cause.kind === 'pending' || cause.kind === 'uncertain') throw cause
  throw rewrap(cause, {
    kind: 'pending',
    code: 'promote-pending',
    message: `promoted, but manifest and RRDP numbers have not been advanced yet: ${cause.message}`,
    hint: 'fix the cause, then run: brine tick',
    changed: 'yes',
    retry: false,
  })
}

/** Makes this primary a stand-by. Throws `demote-test`, `standby`, `reason-missing`. */
export async function demote(session: Session, options: { readonly dryRun?: boolean } = {}): Promise<DemoteReport> {
  const reason = requireReason(session, 'demote')
  const { dir, marker } = session.store
  refuseCopy(session)
  if (options.dryRun !== true) await session.store.demote(session.now(), reason)
  const done = { dataDir: dir, host: session.options.host, generation: marker.generation, reason }
  return { role: 'standby', ...done, changed: true, dryRun: options.dryRun === true }
}

function requireReason(session: Session, verb: string): string {
  const { reason } = session.options
  if (reason !== undefined) return reason
  throw new AppError('usage', 'reason-missing', '--reason is required', {
    hint: `brine ${verb} --reason "..." (it is recorded in history)`,
  })
}

/** The state that a promote continues from. */
interface PromotionBase {
  readonly standby: boolean
  readonly generation: number
  readonly commit: number
  readonly dropped: readonly number[]
  readonly moved: readonly string[]
  readonly seen: HighWaterMark
  /** True if the clock is behind what was recorded or published, and the user confirmed that it is right. */
  readonly isBehind: boolean
}

/**
 * Checks that the directory can be promoted, and returns the state it continues from. Throws `promote-primary` for a primary whose numbers are
 * advanced already, `clock-behind`.
 */
function checkPromotion(session: Session, reader: StoreReader, seen: HighWaterMark): PromotionBase {
  const now = session.clockFor(reader).now()
  const last = [reader.at ?? now, seen.at ?? now].reduce((a, b) => later(a, b))
  const isBehind = last > now
  if (isBehind && session.options.clockIsRight !== true) throw promotedTooEarly(now, last)
  const standby = session.store.role().role === 'standby'
  if (!standby && needsRenumbering(reader, reader.roster()).length === 0)
    throw new AppError('rejected', 'promote-primary', `${session.store.dir} is already the primary`, {
      hint: 'brine status',
    })
  const dropped = Array.from({ length: reader.behind }, (_, i) => reader.head + 1 + i)
  const { generation, lastGeneration } = reader
  const next = standby ? Math.max(generation, lastGeneration, publishedGeneration(session)) + 1 : generation
  return { standby, generation: next, commit: reader.head, dropped, moved: [], seen, isBehind }
}

/** Returns the error of a clock that is behind the newest commit or what was published, with the way to promote nevertheless. */
function promotedTooEarly(now: Instant, last: Instant): AppError {
  const { message, details } = clockBehind(now, last)
  return new AppError('rejected', 'clock-behind', message, {
    hint: 'if the clock is wrong, correct the clock; if it is right, it was ahead before: brine promote --clock-is-right --reason "…"',
    details,
  })
}

/** Returns the generation of the published tree: a directory of a lower generation may not publish to it. */
function publishedGeneration({ repoDir, store }: Session): number {
  return generationServed(repoDir, store.marker.id)
}

async function preview(session: Session, base: PromotionBase): Promise<PromoteReport> {
  return { ...(await buildReport(session, base, { renumbered: [], failed: [], tree: undefined })), dryRun: true }
}

async function buildReport(session: Session, base: PromotionBase, renumbered: RenumberReport): Promise<PromoteReport> {
  const { generation, commit, dropped, moved, seen } = base
  const states = await session.store.read(async (reader) => {
    const work = new Work(reader)
    const failed = new Set(renumbered.failed.map((f) => formatAggregateId(f.id)))
    const numbers = renumbered.renumbered.flatMap(({ kind, handle }) => {
      if (kind === 'ta') return [{ kind: kindWord(kind), handle, manifestNumber: taState(work, handle).point.number }]
      if (kind === 'ca') return [{ kind: kindWord(kind), handle, manifestNumber: highestManifestNumber(work, handle) }]
      return []
    })
    const server = failed.has('pubserver/0') ? undefined : pubdState(work)
    return { numbers, session: server?.sessionId || null }
  })
  return {
    role: 'primary',
    dataDir: session.store.dir,
    host: session.options.host,
    generation,
    commit,
    dropped,
    moved,
    seen,
    cas: states.numbers,
    failed: renumbered.failed.map(({ id, error }) => ({
      aggregate: formatAggregateId(id),
      code: error.code,
      message: error.message,
    })),
    session: states.session,
    serial: renumbered.tree?.serial ?? null,
    changed: true,
    dryRun: false,
  }
}

function highestManifestNumber(work: Work, handle: Handle): number | null {
  const { classes } = caState(work, handle)
  const numbers = Object.values(classes).flatMap((c) => c.keys.map((k) => k.point.number))
  return numbers.length === 0 ? null : Math.max(...numbers)
}
