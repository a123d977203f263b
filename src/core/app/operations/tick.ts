/** The cron line: everything that is due, once, quietly; on a stand-by nothing. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { fillPool } from '../../crypto/pool.js'
import { planRepublish } from '../authority/republish-plan.js'
import { republishRepaired } from '../recovery/force.js'
import type { Session } from '../transaction/session.js'
import { archiveDaily } from './archive.js'

export interface TickReport {
  readonly role: 'primary' | 'standby'
  readonly done: readonly { readonly what: string; readonly on: string }[]
  readonly failed: readonly { readonly ca: Handle; readonly code: string; readonly message: string }[]
  readonly nextDue: Instant | null
  readonly staleAt: Instant | null
}

/** Republishes what is due, fills the key pool, archives what is old, probes the CAs of enrolment. Never throws for one broken CA: `failed` lists it, and those that lack an object. */
export async function tick(session: Session): Promise<TickReport> {
  if (session.store.role().role !== 'primary') {
    const plan = await planRepublish(session)
    return { role: 'standby', done: [], failed: [], nextDue: plan.nextDue, staleAt: plan.staleAt }
  }
  const { republished, failed, nextDue, staleAt } = await republishRepaired(session, { inspect: true })
  const done = republished.map((handle) => ({ what: 'republish', on: handle as string }))
  const made = await fillKeyPool(session)
  if (made > 0) done.push({ what: 'key-pool', on: `${made} keys` })
  rememberTick(session, failed.length)
  done.push(...(await archived(session)))
  if (session.enrolment.cas.length > 0) done.push(...(await probed(session)))
  done.push(...(await mendedTls(session)))
  return { role: 'primary', done, failed, nextDue, staleAt }
}

/** What is old, once a day. While another command holds the lock it waits for the next tick: everything urgent is done. */
async function archived(session: Session): Promise<TickReport['done']> {
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

/** A renewal of the HTTPS pair that a crash cut short. */
async function mendedTls(session: Session): Promise<TickReport['done']> {
  const { finishTlsRenewal, isTlsRenewalUnfinished, tlsPaths } = await import('../../store/disk/tls-files.js')
  const places = tlsPaths(session.store.dir)
  if (!isTlsRenewalUnfinished(places)) return []
  try {
    const isDone = await session.store.write(async () => finishTlsRenewal(places))
    return isDone ? [{ what: 'tls', on: places.cert }] : []
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.kind !== 'locked') session.options.onNotice?.(error.message)
    return []
  }
}

/** CAs that issue certificates by enrolment, those that are due. As above for the lock. */
async function probed(session: Session): Promise<TickReport['done']> {
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

/** When the last tick ended, for `status`. Replaceable: a full disk is no reason to fail here. */
function rememberTick(session: Session, failed: number): void {
  try {
    session.store.status.write('last-tick', { at: session.now(), failed })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    session.options.onNotice?.(`status/last-tick not written: ${error.message}`)
  }
}
