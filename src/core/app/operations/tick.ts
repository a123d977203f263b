/** `tick`: runs everything that is due, once. Called from cron. Does nothing on a stand-by. */
import { AppError } from '../../base/errors.js'
import { type Handle, parseHandle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { fillPool } from '../../crypto/pool.js'
import { soonest } from '../changes/outcome.js'
import type { Deliver } from '../exchange/client/deliver.js'
import { republishRepaired } from '../recovery/force.js'
import { type Indexing, planDue } from '../republishing/due-plan.js'
import { planRepublish } from '../republishing/republish-plan.js'
import { guardClock, recordClock } from '../session/clock-guard.js'
import type { Session } from '../session/session.js'
import { archiveDaily } from './archive.js'
import { destroyRetired, prepareActivations } from './tick-keys.js'

export interface TickReport {
  readonly role: 'primary' | 'standby'
  readonly done: readonly { readonly what: string; readonly on: string }[]
  readonly failed: readonly { readonly ca: Handle; readonly code: string; readonly message: string }[]
  /** Faults of the configuration, each of which disables its section. */
  readonly disabled: readonly string[]
  readonly nextDue: Instant | null
  readonly staleAt: Instant | null
}

/** In tests, where there is one version of the program. */
const ANY: Indexing = { version: '' }

/**
 * Adds and removes ROAs at their dates, republishes what is due, activates staged keys, fills the key pool, archives old commands, probes enrolment CAs, renews CRLs of enrolment, destroys retired keys, suspends silent children, looks up protected hosts, exchanges messages with parents and
 * repositories elsewhere. The failure of one CA or peer is listed in `failed` and does
 * not stop the others; so are CAs with missing objects. Sections of the configuration with a fault are listed in `disabled`. Throws
 * `clock-behind`, `clock-jumped` (see `guardClock`). Without `deliver` no peer is asked.
 */
export async function tick(session: Session, deliver?: Deliver, index: Indexing = ANY): Promise<TickReport> {
  if (session.store.role().role !== 'primary') {
    const plan = await planRepublish(session)
    return { role: 'standby', done: [], failed: [], disabled: [], nextDue: plan.nextDue, staleAt: plan.staleAt }
  }
  await session.store.read(async ({ at }) => guardClock(session, at))
  const republished = await republishRepaired(session, { inspect: true, index, applyDates: true })
  const { rolls, retired } = republished
  const dated = republished.dated.map(({ ca, added, removed }) => ({
    what: 'dates',
    on: `${ca}: +${added} -${removed} ROAs`,
  }))
  const done = republished.republished.map((handle) => ({ what: 'republish', on: handle as string }))
  done.unshift(...dated)
  for (const { ca, class: name } of republished.activated) done.push({ what: 'keyroll', on: `${ca} class ${name}` })
  const made = await fillKeyPool(session)
  if (made > 0) done.push({ what: 'key-pool', on: `${made} keys` })
  const at = session.now()
  recordTick(session, { at, failed: republished.failed.length })
  done.push(...(await archiveIfDue(session)))
  done.push(...(await packIfDue(session)))
  const { cas, disabled } = session.enrolment
  if (cas.length > 0 && disabled.all === null) done.push(...(await probeCas(session)))
  const crls = await renewDueCrls(session)
  done.push(...crls.done)
  done.push(...(await finishTls(session)))
  done.push(...(await prepareStanding(session)))
  done.push(...(await destroyRetired(session, retired)))
  done.push(...(await prepareActivations(session, rolls)))
  const silent = await suspendSilentChildren(session, index)
  done.push(...silent.done)
  if (deliver !== undefined) done.push(...(await lookUpProtected(session)))
  const faults = session.loaded.sectionFaults.map(({ line, message }) => `${session.configPath}:${line}: ${message}`)
  // last, as a peer may let a message wait for minutes
  const peers = deliver === undefined ? undefined : await exchangeDue(session, deliver, index)
  done.push(...(peers?.done ?? []))
  const failedPeers = peers?.failed.length ?? 0
  if (failedPeers > 0) recordTick(session, { at, failed: republished.failed.length, failedPeers })
  // a certificate that has come is published at other times
  const times =
    peers !== undefined && peers.done.length > 0 ? await planDue(session, index, { inspect: true }) : republished
  const nextDue = soonest(times.nextDue, peers?.nextDue ?? null)
  const failed = [...republished.failed, ...crls.failed, ...silent.failed, ...(peers?.failed ?? [])]
  return { role: 'primary', done, failed, disabled: faults, nextDue, staleAt: times.staleAt }
}

/** Looks up the addresses that the guard of routes protects, if they are of use and none were for an hour. */
async function lookUpProtected(session: Session): Promise<TickReport['done']> {
  if (session.loaded.routing.bgp.length === 0) return []
  const { lookUpHosts } = await import('../safety/protected-hosts.js')
  const failed = await lookUpHosts(session)
  if (failed === undefined) return []
  return [
    {
      what: 'addresses',
      on: failed.length === 0 ? 'protected hosts' : `protected hosts, without ${failed.join(', ')}`,
    },
  ]
}

/** Renews the CRLs in the files of crl_path. */
async function renewDueCrls(session: Session): Promise<Pick<TickReport, 'done' | 'failed'>> {
  const { cas, disabled } = session.enrolment
  if (disabled.all !== null || !cas.some((ca) => 'crlPath' in ca && ca.crlPath !== undefined))
    return { done: [], failed: [] }
  const { renewCrls } = await import('../enrolment/crl-files.js')
  const { renewed, failed } = await renewCrls(session)
  return {
    done: renewed.map(({ ca, path, number }) => ({ what: 'crl', on: `${ca}: number ${number} in ${path}` })),
    failed: failed.map(({ ca, code, message }) => ({ ca: parseHandle(ca), code, message: `CRL: ${message}` })),
  }
}

/** Suspends the children elsewhere that were silent for too long, if the configuration says how long that is. */
async function suspendSilentChildren(session: Session, index: Indexing): Promise<Pick<TickReport, 'done' | 'failed'>> {
  const hours = session.config.suspendChildAfterInactiveHours
  if (hours === undefined) return { done: [], failed: [] }
  const { suspendSilent } = await import('../exchange/server/suspend-silent.js')
  const { done, failed } = await suspendSilent(session, hours, index)
  return { done: done.map(({ ca, child }) => ({ what: 'suspend', on: `${child} of ${ca}` })), failed }
}

/** Refreshes the parents and synchronises the repositories elsewhere that are due. */
async function exchangeDue(
  session: Session,
  deliver: Deliver,
  index: Indexing,
): Promise<Pick<TickReport, 'done' | 'failed' | 'nextDue'>> {
  const { refreshDue } = await import('../exchange/client/refresh-due.js')
  const { changed, synced, failed, nextDue } = await refreshDue(session, deliver, index)
  return {
    done: [
      ...changed.map(({ ca, parent }) => ({ what: 'parent', on: `${ca} under ${parent}` })),
      ...synced.map(({ ca, put, withdrawn }) => ({ what: 'repository', on: `${ca}: +${put} -${withdrawn} objects` })),
    ],
    failed: failed.map(({ ca, kind, peer, code, message }) => ({ ca, code, message: `${kind} ${peer}: ${message}` })),
    nextDue,
  }
}

/** Archives once a day. Skipped while another command holds the write lock: it is not urgent, and the next tick tries again. */
async function archiveIfDue(session: Session): Promise<TickReport['done']> {
  try {
    const report = await archiveDaily(session)
    return (report?.aggregates ?? []).flatMap(({ kind, handle, moved }) =>
      moved === 0 ? [] : [{ what: 'archive', on: `${kind}/${handle}: ${moved} commands` }],
    )
  } catch (error) {
    if (error instanceof AppError && error.kind === 'locked') return []
    throw error
  }
}

/** Packs old files once a day. What fails is only a notice: nothing depends on it, and a later tick tries again. */
async function packIfDue(session: Session): Promise<TickReport['done']> {
  try {
    const { packDaily } = await import('./packing.js')
    const report = await packDaily(session)
    if (report === undefined || report.packed + report.removed === 0) return []
    return [{ what: 'pack', on: `${report.packed} files packed, ${report.removed} removed` }]
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.kind !== 'locked') session.options.onNotice?.(`old files of history were not packed: ${error.message}`)
    return []
  }
}

/** Completes a renewal of the HTTPS key and certificate that a crash interrupted. */
async function finishTls(session: Session): Promise<TickReport['done']> {
  const { finishTlsRenewal, isTlsRenewalUnfinished, tlsPaths } = await import('../../store/disk/tls-files.js')
  const paths = tlsPaths(session.store.dir)
  if (!isTlsRenewalUnfinished(paths)) return []
  try {
    const isDone = await session.store.write(async () => finishTlsRenewal(paths))
    return isDone ? [{ what: 'tls', on: paths.cert }] : []
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.kind !== 'locked') session.options.onNotice?.(error.message)
    return []
  }
}

/** Keeps rsync trees ready. A tree that cannot be written is only a notice: the next change makes one if it has to. */
async function prepareStanding(session: Session): Promise<TickReport['done']> {
  const { prepareStandingTrees } = await import('../transaction/standing-trees.js')
  try {
    const { built, updated } = await prepareStandingTrees(session)
    return built + updated === 0 ? [] : [{ what: 'rsync-trees', on: `${built} built, ${updated} brought forward` }]
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.kind !== 'locked') session.options.onNotice?.(error.message)
    return []
  }
}

/** Probes the enrolment CAs that are due. Skipped while another command holds the write lock. */
async function probeCas(session: Session): Promise<TickReport['done']> {
  const [{ probe }, { backendOf }] = await Promise.all([
    import('../failover/probe.js'),
    import('../failover/backends.js'),
  ])
  try {
    const { changes } = await probe(session, { cas: [], now: false }, backendOf)
    return changes.map(({ ca, from, to }) => ({ what: 'ha', on: `${ca}: ${from} -> ${to}` }))
  } catch (error) {
    if (error instanceof AppError && error.kind === 'locked') return []
    throw error
  }
}

async function fillKeyPool(session: Session): Promise<number> {
  const target = session.config.keyPoolSize
  if (target === 0 || session.store.keys.poolSize() >= target) return 0
  return fillPool(session.store.keys, target, { concurrency: session.cores })
}

/** Records this tick for `status`. The file is replaceable, so a full disk is only a warning. */
function recordTick(
  session: Session,
  tick: { readonly at: Instant; readonly failed: number; readonly failedPeers?: number },
): void {
  try {
    session.store.status.write('last-tick', tick)
    recordClock(session, true)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    session.options.onNotice?.(`cannot write status/last-tick: ${error.message}`)
  }
}
