/** Plan of a republication: what is due, computed without the lock. The trust anchor comes first, then the CAs by handle. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry, type Table } from '../../base/record.js'
import { earlier, type Instant } from '../../base/time.js'
import { dueTimes } from '../../ca/publishing.js'
import { scheduledDue } from '../../ca/roa-schedule.js'
import type { LocalParent } from '../../ca/state/contacts.js'
import type { CaState, ResourceClass } from '../../ca/state/state.js'
import { Work } from '../../eventsourcing/work.js'
import type { Child } from '../../issuing/children.js'
import type { DueTimes } from '../../issuing/due.js'
import type { Timing } from '../../issuing/timing.js'
import { stagedPublishers } from '../../pubd/staged.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { taDueTimes } from '../../ta/certificate.js'
import { type RetiredKeyRow, type RollRow, retiredRows, rollRows } from '../authority/roll-rows.js'
import { isParentConfirmed } from '../authority/roll-waits.js'
import { soonest } from '../changes/outcome.js'
import { caState, knownCa, pubdState, taState } from '../session/context.js'
import type { Session } from '../session/session.js'
import { suspendedAt } from '../session/suspended-by.js'
import { isUnpublished } from '../transaction/local-publication.js'
import { isTreePublished } from '../transaction/publish-tree.js'
import { needsRenumbering } from '../transaction/renumbering.js'
import { objectDamage } from './object-damage.js'

/** A CA (or `pubserver/0`) that could not be read or published, and why. */
export interface FailedCa {
  readonly ca: Handle
  readonly code: string
  readonly message: string
}

export interface PlanOptions {
  /** CAs to plan; all of them and the trust anchor if undefined. */
  readonly handles?: readonly Handle[]
  /** Includes what is not due. */
  readonly force?: boolean
  /** Also checks that every published object exists, by one stat each. */
  readonly inspect?: boolean
  /** Aggregates to plan as with `handles`, of which one that cannot be read is a failure and one that is removed is left out. */
  readonly subset?: readonly Handle[]
  /** Names of folders of publishers whose files' modes are not looked at. */
  readonly unlooked?: ReadonlySet<string>
  /** True: the caller looks at the modes of the published tree itself, and `isPublished` says nothing about them. */
  readonly withoutModes?: boolean
}

export interface RepublishPlan {
  readonly all: readonly Handle[]
  readonly due: readonly Handle[]
  /** CAs that want content which the publication server does not have yet. */
  readonly unpublished: readonly Handle[]
  /** CAs and trust anchors that have numbers of an earlier generation. */
  readonly outdated: readonly Handle[]
  /** Publishers elsewhere with content that waits for the next RRDP delta. */
  readonly staged: readonly Handle[]
  readonly times: ReadonlyMap<Handle, DueTimes>
  /** By CA, the next date at which a ROA is added or removed; it may have passed. */
  readonly scheduled: ReadonlyMap<Handle, Instant>
  readonly failed: readonly FailedCa[]
  /** CAs that can be read but lack an object; empty without `inspect`. */
  readonly damaged: readonly FailedCa[]
  readonly nextDue: Instant | null
  readonly staleAt: Instant | null
  /** True if the published tree shows the newest state. */
  readonly isPublished: boolean
  /** CAs whose new key takes over now. */
  readonly activating: ReadonlySet<Handle>
  /** Key rolls that are open. */
  readonly rolls: readonly RollRow[]
  /** Keys that no class uses any more and whose private half is still stored. */
  readonly retired: readonly RetiredKeyRow[]
}

/** Returns what is due for republication. Throws `ca-unknown` (rejected) for a handle that is not an active CA. */
export function planRepublish(session: Session, options: PlanOptions = {}): Promise<RepublishPlan> {
  return session.store.read(async (reader) => planRevision(session, reader, new Work(reader), options))
}

/** Returns what is due at one revision, for a caller that reads more of it. Throws as `planRepublish` does. */
export function planRevision(session: Session, reader: StoreReader, work: Work, options: PlanOptions): RepublishPlan {
  const now = session.clockFor(reader).now()
  const tx = { work }
  for (const handle of options.handles ?? []) if (!work.exists('ta', handle)) knownCa(work, handle)
  const handles = options.subset ?? options.handles ?? [...work.handles('ta'), ...work.handles('ca')]
  const failed: FailedCa[] = []
  const server = readOrFail(failed, 'pubserver/0' as Handle, () => pubdState(work))
  const wanted = new Set(handles)
  const outdated = needsRenumbering(
    reader,
    reader.roster().filter(({ handle }) => wanted.has(handle)),
  )
  const toRenumber = new Set(outdated.map((id) => id.handle))
  const times = new Map<Handle, DueTimes>()
  const unpublished: Handle[] = []
  const due: Handle[] = []
  const rolls: RollRow[] = []
  const retired: RetiredKeyRow[] = []
  for (const handle of handles) {
    const own = readOrFail(failed, handle, () => timesOf(work, handle, session.timing))
    if (own !== undefined && !work.exists('ta', handle)) {
      rolls.push(...rollRows(tx, caState(work, handle)).filter(({ stage }) => stage !== 'none'))
      retired.push(...retiredRows(caState(work, handle)))
    }
    if (own === undefined || own === null) continue
    const isWaiting = server !== undefined && isUnpublished(tx, handle)
    if (isWaiting) unpublished.push(handle)
    const isBehind = isWaiting || toRenumber.has(handle)
    const when = { due: isBehind ? earlier(now, own.due) : own.due, staleAt: own.staleAt }
    times.set(handle, when)
    if (options.force === true || isBehind || own.due <= now) due.push(handle)
  }
  const staged = server === undefined ? [] : stagedPublishers(server)
  const isPublished =
    server === undefined ||
    isTreePublished(session, tx, options.withoutModes === true ? false : (options.unlooked ?? new Set()))
  const all = [...times.keys()]
  const scheduled = scheduledDates(work, handles, failed)
  return {
    ...{ all, due, unpublished, outdated: [...toRenumber], staged, times, failed, isPublished, rolls, retired },
    scheduled,
    ...soonestOf(times.values(), [...scheduled.values()].reduce(soonest, staged.length > 0 ? now : null)),
    damaged: options.inspect === true ? damageOf(reader, work, all) : [],
    activating: activatingAt(rolls, now),
  }
}

/** Returns, for each readable CA that has ROAs with dates, the next date at which one is added or removed. */
function scheduledDates(
  work: Work,
  handles: readonly Handle[],
  failed: readonly FailedCa[],
): ReadonlyMap<Handle, Instant> {
  const isReadable = (handle: Handle): boolean => work.exists('ca', handle) && !failed.some(({ ca }) => ca === handle)
  const dates = handles.filter(isReadable).map((handle) => [handle, scheduledDue(caState(work, handle))] as const)
  return new Map(dates.flatMap(([handle, date]) => (date === null ? [] : [[handle, date] as const])))
}

/** Returns the soonest of these times; `other` counts as due as well. */
function soonestOf(times: Iterable<DueTimes>, other: Instant | null): Pick<RepublishPlan, 'nextDue' | 'staleAt'> {
  let nextDue: Instant | null = other
  let staleAt: Instant | null = null
  for (const own of times) {
    nextDue = soonest(nextDue, own.due)
    staleAt = soonest(staleAt, own.staleAt)
  }
  return { nextDue, staleAt }
}

function damageOf(reader: StoreReader, work: Work, handles: readonly Handle[]): RepublishPlan['damaged'] {
  return handles.flatMap((ca) => {
    const damage = objectDamage(reader, work, ca)
    return damage === undefined ? [] : [{ ca, ...damage }]
  })
}

function activatingAt(rolls: readonly RollRow[], now: Instant): ReadonlySet<Handle> {
  return new Set(rolls.flatMap(({ ca, activatesAt }) => (activatesAt !== null && activatesAt <= now ? [ca] : [])))
}

/** Returns what `read` returns; adds the damage of an aggregate that cannot be read to `failed` and returns undefined. */
function readOrFail<T>(failed: FailedCa[], ca: Handle, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'corrupt') throw error
    failed.push({ ca, code: error.code, message: error.message })
    return undefined
  }
}

/** Returns true for damage of an aggregate other than this CA and the publication server: the CA can still be published. */
export function isDamageElsewhere(error: unknown, handle: Handle): boolean {
  if (!(error instanceof AppError) || error.kind !== 'corrupt') return false
  const { aggregate } = error.details as { readonly aggregate?: string }
  return aggregate !== undefined && aggregate !== `ca/${handle}` && !aggregate.startsWith('pubserver/')
}

function timesOf(work: Work, handle: Handle, timing: Timing): DueTimes | null {
  if (work.exists('ta', handle)) return taDueTimes(taState(work, handle), timing)
  const state = caState(work, handle)
  // a parent that has suspended the CA renews nothing: the manifests are issued, and its certificate waits
  const isRenewed = ({ parent }: ResourceClass): boolean => suspendedAt({ work }, state, parent) === undefined
  const times = dueTimes(state, timing, undefined, isRenewed)
  return times === null ? null : { ...times, due: soonest(times.due, renewalDue(work, state)) ?? times.due }
}

const PAST = '1970-01-01T00:00:00Z' as Instant

/**
 * Returns an instant in the past if a local parent has issued this CA a certificate that it does not hold yet, has a key to revoke, or has had the
 * certificate of a staged key confirmed, else null.
 */
function renewalDue(work: Work, state: CaState): Instant | null {
  for (const own of Object.values(state.classes)) {
    const { parent, keys } = own
    const contact = entry(state.parents, parent)
    if (contact?.transport !== 'local') continue
    if (isParentConfirmedIfReadable(work, own, state)) return PAST
    const children = childrenOf(work, state, contact.aggregate)
    for (const key of keys) {
      // the parent has not revoked it yet
      if (key.state === 'old') return PAST
      const issued = entry(entry(children, contact.childName)?.issued ?? {}, key.ski)
      if (issued !== undefined && issued.sha256 !== key.certificate?.sha256) return PAST
    }
  }
  return null
}

function isParentConfirmedIfReadable(work: Work, own: ResourceClass, state: CaState): boolean {
  try {
    return isParentConfirmed({ work }, own, state)
  } catch (error) {
    if (isDamageElsewhere(error, state.handle)) return false
    throw error
  }
}

/** Returns the children of a parent; none for a damaged parent, whose damage is reported as its own failure. */
function childrenOf(work: Work, state: CaState, { kind, handle }: LocalParent['aggregate']): Table<Child> {
  try {
    return kind === 'ta' ? taState(work, handle).children : caState(work, handle).children
  } catch (error) {
    if (isDamageElsewhere(error, state.handle)) return {}
    throw error
  }
}
