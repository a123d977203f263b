/** Upkeep in `tick`: what a run does beside republishing, and what neither the published objects nor the peers wait for. */
import { AppError } from '../../base/errors.js'
import { type Handle, parseHandle } from '../../base/handle.js'
import { fillPool } from '../../crypto/pool.js'
import type { RetiredKeyRow, RollRow } from '../authority/roll-rows.js'
import type { Indexing } from '../republishing/due-plan.js'
import type { Session } from '../session/session.js'
import { archiveDaily } from './archive.js'
import { type Done, destroyRetired, prepareActivations } from './tick-keys.js'

/** Failure of `tick` for a CA, an enrolment CA or a peer. */
export interface Failed {
  readonly ca: Handle
  readonly code: string
  readonly message: string
}

export interface Upkeep {
  readonly done: readonly Done[]
  readonly failed: readonly Failed[]
  /** First error of a step; the steps after it ran. */
  readonly error: unknown
}

type Step = Pick<Upkeep, 'done' | 'failed'>

interface UpkeepOptions {
  readonly index: Indexing
  readonly rolls: readonly RollRow[]
  readonly retired: readonly RetiredKeyRow[]
  /** True if the addresses of protected hosts may be looked up. */
  readonly usesNetwork: boolean
}

/** Runs every step of upkeep. Returns the error of one that fails, so that it keeps neither the other steps nor the exchange with peers. */
export async function runUpkeep(
  session: Session,
  { index, rolls, retired, usesNetwork }: UpkeepOptions,
): Promise<Upkeep> {
  const steps: readonly (() => Promise<Step | readonly Done[]>)[] = [
    () => fillKeyPool(session),
    () => archiveIfDue(session),
    () => packIfDue(session),
    () => probeCas(session),
    () => renewDueCrls(session),
    () => finishTls(session),
    () => prepareStanding(session),
    () => destroyRetired(session, retired),
    () => prepareActivations(session, rolls),
    () => suspendSilentChildren(session, index),
    async () => (usesNetwork ? lookUpProtected(session) : []),
  ]
  const done: Done[] = []
  const failed: Failed[] = []
  const errors: unknown[] = []
  for (const step of steps) {
    try {
      const report = await step()
      const { done: did, failed: not } = 'done' in report ? report : { done: report, failed: [] }
      done.push(...did)
      failed.push(...not)
    } catch (error) {
      errors.push(error)
    }
  }
  return { done, failed, error: errors[0] }
}

/** Fills the pool of one-time keys. */
async function fillKeyPool(session: Session): Promise<readonly Done[]> {
  const target = session.config.keyPoolSize
  if (target === 0 || session.store.keys.poolSize() >= target) return []
  const made = await fillPool(session.store.keys, target, { concurrency: session.cores })
  return made === 0 ? [] : [{ what: 'key-pool', on: `${made} keys` }]
}

/** Archives once a day. Skipped while another command holds the write lock: it is not urgent, and the next tick tries again. */
async function archiveIfDue(session: Session): Promise<readonly Done[]> {
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
async function packIfDue(session: Session): Promise<readonly Done[]> {
  try {
    const { packDaily } = await import('./packing.js')
    const report = await packDaily(session)
    if (report === undefined) return []
    const { packed, unpacked, removed } = report
    if (unpacked > 0) return [{ what: 'pack', on: `${unpacked} files written back, ${removed} removed` }]
    return packed + removed === 0 ? [] : [{ what: 'pack', on: `${packed} files packed, ${removed} removed` }]
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.kind !== 'locked') session.options.onNotice?.(`old files of history were not packed: ${error.message}`)
    return []
  }
}

/** Probes the enrolment CAs that are due. Skipped while another command holds the write lock. */
async function probeCas(session: Session): Promise<readonly Done[]> {
  const { cas, disabled } = session.enrolment
  if (cas.length === 0 || disabled.all !== null) return []
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

/** Renews the CRLs in the files of crl_path. */
async function renewDueCrls(session: Session): Promise<Step> {
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

/** Completes a renewal of the HTTPS key and certificate that a crash interrupted. */
async function finishTls(session: Session): Promise<readonly Done[]> {
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
async function prepareStanding(session: Session): Promise<readonly Done[]> {
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

/** Suspends the children elsewhere that were silent for too long, if the configuration says how long that is. */
async function suspendSilentChildren(session: Session, index: Indexing): Promise<Step> {
  const hours = session.config.suspendChildAfterInactiveHours
  if (hours === undefined) return { done: [], failed: [] }
  const { suspendSilent } = await import('../exchange/server/suspend-silent.js')
  const { done, failed } = await suspendSilent(session, hours, index)
  return { done: done.map(({ ca, child }) => ({ what: 'suspend', on: `${child} of ${ca}` })), failed }
}

/** Looks up the addresses that the guard of routes protects, if they are of use and none were for an hour. */
async function lookUpProtected(session: Session): Promise<readonly Done[]> {
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
