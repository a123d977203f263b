/** `tick`: runs everything that is due, once. Called from cron. Does nothing on a stand-by. */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { soonest } from '../changes/outcome.js'
import type { Deliver } from '../exchange/client/deliver.js'
import { republishRepaired } from '../recovery/force.js'
import { type Indexing, planDue } from '../republishing/due-plan.js'
import { planRepublish } from '../republishing/republish-plan.js'
import { guardClock, recordClock } from '../session/clock-guard.js'
import type { Session } from '../session/session.js'
import type { Done } from './tick-keys.js'
import { type Failed, runUpkeep } from './tick-upkeep.js'

export interface TickReport {
  readonly role: 'primary' | 'standby'
  readonly done: readonly Done[]
  readonly failed: readonly Failed[]
  /** Faults of the configuration, each of which disables its section. */
  readonly disabled: readonly string[]
  readonly nextDue: Instant | null
  readonly staleAt: Instant | null
}

/** In tests, where there is one version of the program. */
const ANY: Indexing = { version: '' }

/**
 * Runs what is due: ROAs with dates, republication and staged keys first, then upkeep (see `runUpkeep`), and last the exchange with parents and
 * repositories elsewhere. The failure of one CA or peer is listed in `failed` and does not stop the others; so are CAs with missing objects.
 * Sections of the configuration with a fault are listed in `disabled`. Throws `clock-behind`, `clock-jumped` (see `guardClock`), and after the
 * exchange the error of an upkeep step. Without `deliver` no peer is asked.
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
  const at = session.now()
  recordTick(session, { at, failed: republished.failed.length })
  const upkeep = await runUpkeep(session, { index, rolls, retired, usesNetwork: deliver !== undefined })
  done.push(...upkeep.done)
  const faults = session.loaded.sectionFaults.map(({ line, message }) => `${session.configPath}:${line}: ${message}`)
  // last, as a peer may let a message wait for minutes
  const peers = deliver === undefined ? undefined : await exchangeDue(session, deliver, index)
  done.push(...(peers?.done ?? []))
  const failedPeers = peers?.failed.length ?? 0
  if (failedPeers > 0) recordTick(session, { at, failed: republished.failed.length, failedPeers })
  if (upkeep.error !== undefined) throw upkeep.error
  // a certificate that has come is published at other times
  const times =
    peers !== undefined && peers.done.length > 0 ? await planDue(session, index, { inspect: true }) : republished
  const nextDue = soonest(times.nextDue, peers?.nextDue ?? null)
  const failed = [...republished.failed, ...upkeep.failed, ...(peers?.failed ?? [])]
  return { role: 'primary', done, failed, disabled: faults, nextDue, staleAt: times.staleAt }
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
