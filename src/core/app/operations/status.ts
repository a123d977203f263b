/**
 * The one screen: is it well, until when, and what is next.
 * Invariant: a pure read without a lock that writes nothing; what cannot be read is told, and never hides the rest.
 */

import {
  type DiskSpace,
  diskSpace,
  type LockHolder,
  lockHolder,
  type MovedAside,
  movedAside,
} from '../../audit/survey.js'
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { type Instant, parseInstant } from '../../base/time.js'
import type { KeyId } from '../../crypto/ports.js'
import { readWithRetry } from '../../store/directory/optimistic-read.js'
import { planRepublish, type RepublishPlan } from '../authority/republish-plan.js'
import { type RestoredStatus, restoredStatus } from '../backup/restore-gap.js'
import { supersededBy } from '../transaction/role.js'
import type { Session } from '../transaction/session.js'
import type { EnrolmentSummary, GroupLine } from './status-enrolment.js'
import {
  type Broken,
  readStatusSnapshot,
  type StatusCa,
  type StatusPublication,
  type StatusSnapshot,
} from './status-snapshot.js'
import { type StatusFinding, statusFindings, type Verdict, verdictOf } from './verdict.js'

export interface StatusReport {
  readonly verdict: Verdict
  /** Why it is not ok; the critical ones first. */
  readonly concerns: readonly StatusFinding[]
  readonly dataDir: string
  readonly role: 'primary' | 'standby'
  readonly standby: { readonly reason: string; readonly host: string | null } | null
  /** Where it comes from, while it was restored and not promoted since. */
  readonly restored: RestoredStatus | null
  readonly generation: number
  readonly now: Instant
  /** When the first object goes stale if nothing runs. */
  readonly staleAt: Instant | null
  readonly nextDue: Instant | null
  readonly lastTick: { readonly at: Instant; readonly failed: number } | null
  readonly lastCommit: { readonly commit: number; readonly at: Instant | null }
  readonly cas: readonly StatusCa[]
  readonly broken: readonly Broken[]
  readonly publication:
    | (StatusPublication & {
        /** The served tree shows the newest state. */
        readonly current: boolean
      })
    | null
  /** Groups of the CAs of enrolment. */
  readonly ha: readonly GroupLine[]
  readonly unpublished: readonly Handle[]
  readonly locks: readonly LockHolder[]
  readonly disk: DiskSpace
  readonly keyPool: { readonly keys: number; readonly target: number }
  /** Key files that no state names; empty while something is broken, for then nobody can say. */
  readonly orphanKeys: readonly KeyId[]
  readonly aside: MovedAside
}

/** Seconds that this screen waits for another command, when something looks wrong that may be its doing. */
const PATIENCE = 1

type Looked = readonly [StatusSnapshot, RepublishPlan]

const NOTHING: RepublishPlan = {
  all: [],
  due: [],
  unpublished: [],
  times: new Map(),
  failed: [],
  damaged: [],
  nextDue: null,
  staleAt: null,
  isPublished: true,
}

/** Looks at everything. Throws only what keeps the directory from being opened at all. */
export async function status(session: Session): Promise<StatusReport> {
  const { store } = session
  const role = store.role()
  const isWrong = ([seen, { damaged, isPublished }]: Looked) =>
    seen.broken.length > 0 || damaged.length > 0 || !isPublished
  const { result: found } = await readWithRetry(store.layout, async () => look(session), isWrong, PATIENCE)
  const [seen, plan] = found
  const broken = brokenOf(seen, plan)
  const lastTick = readLastTick(session)
  const disk = diskSpace(store.dir)
  const restored = restoredStatus(store.status, store.marker.generation)
  const lag = { behind: seen.behind, restored, lastTick: lastTick?.at ?? null, freeBytes: disk.free }
  const enrolment = await enrolmentOf(session)
  const facts = { ...factsOf(session, seen, plan, broken), enrolment: enrolment?.facts ?? null }
  const concerns = statusFindings({ ...facts, ...lag })
  const named = new Set(seen.keys.map((k) => k.id))
  const holder = lockHolder(store.layout)
  return {
    verdict: verdictOf(concerns),
    concerns,
    dataDir: store.dir,
    role: role.role,
    standby: role.role === 'primary' ? null : { reason: role.reason, host: role.host ?? null },
    restored,
    generation: store.marker.generation,
    now: seen.now,
    staleAt: plan.staleAt,
    nextDue: plan.nextDue,
    lastTick,
    lastCommit: { commit: seen.head, at: seen.at },
    cas: seen.cas.map((ca) => {
      const times = plan.times.get(ca.handle)
      return { ...ca, nextDue: times?.due ?? null, staleAt: times?.staleAt ?? null }
    }),
    broken,
    publication: seen.publication === null ? null : { ...seen.publication, current: plan.isPublished },
    ha: enrolment?.groups ?? [],
    unpublished: plan.unpublished,
    locks: holder === undefined ? [] : [holder],
    disk,
    keyPool: { keys: store.keys.poolSize(), target: session.config.keyPoolSize },
    orphanKeys: seen.broken.length > 0 ? [] : store.keys.list().filter((id) => !named.has(id)),
    aside: movedAside(store.layout),
  }
}

/** Undefined without CAs of enrolment, and where their history cannot be read, which `broken` tells. */
async function enrolmentOf(session: Session): Promise<EnrolmentSummary | undefined> {
  if (session.enrolment.cas.length === 0) return undefined
  const { enrolmentSummary } = await import('./status-enrolment.js')
  try {
    return await enrolmentSummary(session)
  } catch (error) {
    if (error instanceof AppError && (error.kind === 'corrupt' || error.kind === 'format')) return undefined
    throw error
  }
}

/** What the verdict rests on, but for how the last tick, the disk and a restore stand. */
function factsOf(session: Session, seen: StatusSnapshot, plan: RepublishPlan, broken: StatusReport['broken']) {
  const { store } = session
  const primary = store.role().role === 'primary'
  return {
    now: seen.now,
    primary,
    superseded: primary ? (supersededBy(session)?.message ?? null) : null,
    staleAt: plan.staleAt,
    nextDue: plan.nextDue,
    lastCommit: seen.at,
    broken: broken.map((b) => ({ ...b, aggregate: b.kind === '' ? '' : `${b.kind}/${b.handle}` })),
    missingKeys: [...new Set(seen.keys.filter(({ id }) => !store.keys.has(id)).map(({ owner }) => owner))],
    unpublished: plan.unpublished,
    outdated: seen.outdated,
    served: plan.isPublished,
    configWarnings: session.loaded.warnings.map((w) => w.message),
    tickPeriod: session.config.tickPeriod,
  }
}

/** What cannot be read, and what can but lacks an object. */
function brokenOf(seen: StatusSnapshot, { damaged }: RepublishPlan): StatusReport['broken'] {
  const kinds = new Map<string, string>(seen.cas.map(({ kind, handle }) => [handle, kind]))
  return [...seen.broken, ...damaged.map(({ ca, ...why }) => ({ kind: kinds.get(ca) ?? 'ca', handle: ca, ...why }))]
}

/** A hole in the commits, or no whole cut in a copy: then nothing can be read, and that is what there is to tell. */
async function look(session: Session): Promise<Looked> {
  try {
    const seen = await session.store.read(async (reader) => readStatusSnapshot(session, reader))
    return [seen, await planRepublish(session, { inspect: true })]
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'corrupt') throw error
    const { code, message } = error
    const broken = [{ kind: '', handle: '', code, message }]
    const empty = { at: null, head: 0, behind: 0, cas: [], publication: null, keys: [], outdated: [] }
    return [{ ...empty, now: session.now(), broken }, NOTHING]
  }
}

function readLastTick(session: Session): StatusReport['lastTick'] {
  const value = session.store.status.read('last-tick')
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { at, failed } = value as { readonly at?: unknown; readonly failed?: unknown }
  const instant = typeof at === 'string' ? parseInstant(at) : undefined
  return instant === undefined ? null : { at: instant, failed: typeof failed === 'number' ? failed : 0 }
}
