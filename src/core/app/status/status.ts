/**
 * `status`: verdict, time at which the first object goes stale, and what is due.
 * Invariant: a pure read without the write lock; what cannot be read is reported, and the rest is still shown.
 */
import { countQuarantined, diskSpace, isOnNetwork, lockHolder } from '../../audit/survey.js'
import { AppError } from '../../base/errors.js'
import { type Instant, parseInstant } from '../../base/time.js'
import type { WatchedCertificate } from '../../config/enrolment/expiry.js'
import type { KeyId } from '../../crypto/ports.js'
import { Work } from '../../eventsourcing/work.js'
import { readInstallationId } from '../../store/directory/installation-id.js'
import { readWithRetry } from '../../store/directory/optimistic-read.js'
import { lastBackup } from '../backup/last-backup.js'
import { restoredStatus } from '../backup/restore-gap.js'
import { soonest } from '../changes/outcome.js'
import { serverFindings, serverStatus } from '../distribution/server-status.js'
import { lastAudit } from '../proof/last-audit.js'
import { planRevision, type RepublishPlan } from '../republishing/republish-plan.js'
import { guardSight } from '../safety/guard-sight.js'
import { heldChanges } from '../session/held-changes.js'
import { supersededBy } from '../session/role.js'
import type { Session } from '../session/session.js'
import { type AccessFacts, accessFacts } from './access.js'
import { type CertificateFacts, certificateFacts, certificateFindings, crlFindings } from './certificates.js'
import type { EnrolmentSummary } from './enrolment.js'
import type { PeerFacts } from './peers.js'
import type { ReportedCertificate, StatusReport } from './report.js'
import { readStatusSnapshot, type StatusSnapshot } from './snapshot.js'
import { statusFindings, verdictOf } from './verdict.js'

/** Seconds for which inconsistent data is read again, since a command that is running may explain it. */
const RETRY_SECONDS = 1

type StatusRead = readonly [StatusSnapshot, RepublishPlan, PeerFacts]

const EMPTY_PLAN: RepublishPlan = {
  all: [],
  due: [],
  unpublished: [],
  outdated: [],
  staged: [],
  times: new Map(),
  scheduled: new Map(),
  failed: [],
  damaged: [],
  nextDue: null,
  staleAt: null,
  isPublished: true,
  activating: new Set(),
  rolls: [],
  retired: [],
}

/** Reads everything. Throws only errors that prevent opening the directory. */
export async function status(session: Session): Promise<StatusReport> {
  const { store } = session
  const role = store.role()
  const isInconsistent = ([snapshot, { damaged, isPublished }]: StatusRead) =>
    snapshot.broken.length + snapshot.bypassed.length + damaged.length > 0 || !isPublished
  const read = async () => readStatus(session)
  const [snapshot, planned, peerRows] = (await readWithRetry(store.layout, read, isInconsistent, RETRY_SECONDS)).result
  const broken = brokenOf(snapshot, planned)
  const lastTick = readLastTick(session)
  const disk = diskSpace(store.dir)
  const restored = restoredStatus(store.status, store.marker.generation)
  const lag = { ...copyFacts(snapshot), restored, lastTick: lastTick?.at ?? null, freeBytes: disk.free }
  const enrolment = await enrolmentOf(session)
  const certificates = certificateFacts(session)
  const access = await stableAccess(session, role.role === 'primary')
  // the modes of a tree that does not exist yet say nothing
  const plan = {
    ...planned,
    isPublished: planned.isPublished && (access.areModesRight || snapshot.publication === null),
  }
  const inputs = findingInputs(session, snapshot, plan, broken, { ...certificates, crls: enrolment?.crls ?? [] })
  const { findings, nextDue, ...peers } = peerRows
  const facts = { ...inputs, ...access, enrolment: enrolment?.facts ?? null, peers: findings }
  const concerns = statusFindings({ ...facts, ...lag })
  return {
    verdict: verdictOf(concerns),
    concerns,
    dataDir: store.dir,
    role: role.role,
    standby: role.role === 'primary' ? null : { reason: role.reason, host: role.host ?? null },
    restored,
    generation: store.marker.generation,
    now: snapshot.now,
    staleAt: plan.staleAt,
    nextDue: soonest(plan.nextDue, nextDue),
    scheduled: [...plan.scheduled].map(([ca, at]) => ({ ca, at })),
    ...{ lastTick, lastBackup: lastBackup(session), lastAudit: inputs.lastAudit, guard: guardSight(session) },
    tickPeriod: session.config.tickPeriod,
    lastCommit: { commit: snapshot.head, at: snapshot.at },
    cas: casOf(snapshot, plan),
    broken,
    bypassed: snapshot.bypassed,
    publication: snapshot.publication === null ? null : { ...snapshot.publication, current: plan.isPublished },
    ha: enrolment?.groups ?? [],
    ...{ unpublished: [...plan.unpublished, ...plan.staged], future: snapshot.future },
    ...{ held: heldChanges(session), certificates: certificates.watched.map(reportedCertificate) },
    servers: serverStatus(session),
    ...peers,
    locks: [lockHolder(store.layout) ?? []].flat(),
    disk,
    ...keyFacts(session, snapshot, plan),
    aside: countQuarantined(store.layout),
  }
}

function copyFacts({ behind, copyDamage }: StatusSnapshot): Pick<StatusSnapshot, 'behind' | 'copyDamage'> {
  return { behind, copyDamage }
}

const NO_PEERS: PeerFacts = {
  parents: [],
  repositories: [],
  publishers: [],
  children: [],
  idCertificates: [],
  findings: [],
  nextDue: null,
}

async function peersOf(session: Session, work: Work, { hasIds }: StatusSnapshot): Promise<PeerFacts> {
  return hasIds ? (await import('./peers.js')).peerFacts(session, work) : NO_PEERS
}

type KeyFacts = Pick<StatusReport, 'keyPool' | 'keyRolls' | 'retiredKeys' | 'orphanKeys'>

function keyFacts({ store, config }: Session, { broken, keys }: StatusSnapshot, plan: RepublishPlan): KeyFacts {
  const named = new Set([...keys.map(({ id }) => id), ...plan.retired.map(({ ski }) => ski)])
  return {
    keyPool: { keys: store.keys.poolSize(), target: config.keyPoolSize },
    keyRolls: plan.rolls,
    retiredKeys: plan.retired,
    orphanKeys: broken.length > 0 ? [] : store.keys.list().filter((id) => !named.has(id)),
  }
}

function casOf({ cas }: StatusSnapshot, { times }: RepublishPlan): StatusReport['cas'] {
  return cas.map((ca) => {
    const own = times.get(ca.handle)
    return { ...ca, nextDue: own?.due ?? null, staleAt: own?.staleAt ?? null }
  })
}

function reportedCertificate({ message: _, place: __, ...shown }: WatchedCertificate): ReportedCertificate {
  return shown
}

/** Returns the facts about access. What a command is writing has its mode a moment after it is made, so findings are looked at again. */
async function stableAccess(session: Session, isPrimary: boolean): Promise<AccessFacts> {
  const read = async () => accessFacts(session, isPrimary)
  const hasFindings = ({ unreadable, exposed, areModesRight }: AccessFacts) =>
    unreadable.length + exposed.length > 0 || !areModesRight
  return (await readWithRetry(session.store.layout, read, hasFindings, RETRY_SECONDS)).result
}

/** Returns undefined without enrolment CAs, and if their history cannot be read (then it is in `broken`). */
async function enrolmentOf(session: Session): Promise<EnrolmentSummary | undefined> {
  if (session.enrolment.cas.length === 0 || session.enrolment.disabled.all !== null) return undefined
  const { enrolmentSummary } = await import('./enrolment.js')
  try {
    return await enrolmentSummary(session)
  } catch (error) {
    if (error instanceof AppError && (error.kind === 'corrupt' || error.kind === 'format')) return undefined
    throw error
  }
}

/** Returns the facts for the verdict, except for last tick, disk space, restore and enrolment. */
function findingInputs(
  session: Session,
  snapshot: StatusSnapshot,
  plan: RepublishPlan,
  broken: StatusReport['broken'],
  certificates: CertificateFacts & Pick<EnrolmentSummary, 'crls'>,
) {
  const { store } = session
  const primary = store.role().role === 'primary'
  return {
    now: snapshot.now,
    primary,
    superseded: primary ? (supersededBy(session)?.message ?? null) : null,
    staleAt: plan.staleAt,
    nextDue: plan.nextDue,
    lastCommit: snapshot.at,
    broken: broken.map((b) => ({ ...b, aggregate: b.kind === '' ? '' : `${b.kind}/${b.handle}` })),
    bypassed: snapshot.bypassed,
    lastAudit: lastAudit(session),
    missingKeys: ownersOf(snapshot, (id) => !store.keys.has(id)),
    damagedKeys: ownersOf(snapshot, (id) => !store.keys.isComplete(id) && store.keys.has(id)),
    unpublished: [...plan.unpublished, ...plan.staged],
    outdated: snapshot.outdated,
    suspended: snapshot.suspended,
    held: primary ? heldChanges(session) : [],
    future: snapshot.future,
    served: plan.isPublished,
    configWarnings: [
      ...session.loaded.warnings.map((w) => w.message),
      ...(isOnNetwork(session.repoDir) ? [networkWarning(session)] : []),
    ],
    configFaults: session.loaded.sectionFaults.map(({ line, message }) => `${session.configPath}:${line}: ${message}`),
    // a stand-by does not renew CRLs, and its host need not have the files
    certificates: [...certificateFindings(certificates), ...crlFindings(primary ? certificates.crls : [])],
    servers: serverFindings(serverStatus(session), {
      now: snapshot.now,
      tickPeriod: session.config.tickPeriod,
      primary,
    }),
    tickPeriod: session.config.tickPeriod,
    tickSince: primary && hasCas(session, snapshot) ? tickSince(session) : null,
  }
}

/** Returns the aggregates that use a key of which `isAffected` is true. */
function ownersOf({ keys }: StatusSnapshot, isAffected: (id: KeyId) => boolean): readonly string[] {
  return [...new Set(keys.filter(({ id }) => isAffected(id)).map(({ owner }) => owner))]
}

function hasCas({ enrolment }: Session, { cas, broken }: StatusSnapshot): boolean {
  return cas.length + broken.length + enrolment.cas.length > 0
}

/** Returns when this directory was made or became the primary on this machine; null for a test directory. */
function tickSince({ store }: Session): Instant | null {
  return store.marker.test === true ? null : (readInstallationId(store.dir)?.at ?? null)
}

function networkWarning({ repoDir }: Session): string {
  return `${repoDir} is on a network file system: rsync and web servers should read a local disk`
}

/** Returns the aggregates that cannot be read, and those with missing or damaged objects. */
function brokenOf(snapshot: StatusSnapshot, { damaged }: RepublishPlan): StatusReport['broken'] {
  const kinds = new Map<string, string>(snapshot.cas.map(({ kind, handle }) => [handle, kind]))
  return [...snapshot.broken, ...damaged.map(({ ca, ...why }) => ({ kind: kinds.get(ca) ?? 'ca', handle: ca, ...why }))]
}

/** Reads one revision. If none can be read (a gap in the commits, or no complete revision in a copy), returns that as the only finding. */
async function readStatus(session: Session): Promise<StatusRead> {
  try {
    return await session.store.read(async (reader): Promise<StatusRead> => {
      const work = new Work(reader)
      const snapshot = readStatusSnapshot(session, reader, work)
      const plan = planRevision(session, reader, work, { inspect: true, withoutModes: true })
      return [snapshot, plan, await peersOf(session, work, snapshot)]
    })
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'corrupt') throw error
    const { code, message } = error
    const broken = [{ kind: '', handle: '', code, message }]
    const empty = {
      at: null,
      head: 0,
      behind: 0,
      copyDamage: null,
      cas: [],
      publication: null,
      keys: [],
      outdated: [],
      suspended: [],
      future: [],
      bypassed: [],
      hasIds: false,
    }
    return [{ ...empty, now: session.now(), broken }, EMPTY_PLAN, NO_PEERS]
  }
}

function readLastTick(session: Session): StatusReport['lastTick'] {
  const value = session.store.status.read('last-tick')
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { at, failed, failedPeers } = value as Readonly<Record<string, unknown>>
  const instant = typeof at === 'string' ? parseInstant(at) : undefined
  const count = (one: unknown): number => (typeof one === 'number' ? one : 0)
  return instant === undefined ? null : { at: instant, failed: count(failed), failedPeers: count(failedPeers) }
}
