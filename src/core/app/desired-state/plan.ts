/** Use case of `brine plan`: what would lead from a data directory, or from an exported state, to the desired one. Writes nothing. */
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { scheduledRoas } from '../../ca/roa-schedule.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type CaPlan, type Counts, changesOf, countsOf, differenceOf } from '../../desired-state/difference.js'
import { planDigest } from '../../desired-state/digest.js'
import type { StateFile } from '../../desired-state/read.js'
import type { DesiredState } from '../../desired-state/state.js'
import { Work } from '../../eventsourcing/work.js'
import type { Session } from '../session/session.js'
import { activeCa, currentState } from './current.js'
import { type Forecast, type ForecastOptions, forecastPlan } from './forecast.js'

/** A ROA that `tick` adds or removes later. */
export interface WaitingRoa {
  readonly ca: Handle
  readonly roa: string
  readonly from?: Instant
  readonly until?: Instant
}

export interface Plan extends Forecast {
  /** Base of the plan: a data directory, or a file that `brine export` wrote of one. */
  readonly base: 'dataDir' | 'state'
  readonly digest: Sha256
  readonly prune: boolean
  readonly counts: Counts
  /** ROAs with dates to come, of the CAs that the file names. The file itself cannot express dates. */
  readonly scheduled: readonly WaitingRoa[]
  /** The CAs that have a difference, by handle. */
  readonly cas: readonly CaPlan[]
}

/**
 * Compares a file with a data directory, and checks every change by the rules of the CAs. Throws all that they reject at once, each with its
 * place in the file, and the damage of a CA that the file names.
 */
export async function planState(
  session: Session,
  file: StateFile,
  prune: boolean,
  options: ForecastOptions,
): Promise<Plan> {
  const [current, scheduled] = await session.store.read(async (reader) => {
    const work = new Work(reader)
    return [currentState({ work }, file.cas.keys()), waitingRoas({ work }, file.cas.keys())] as const
  })
  const plan = planBetween(current, file, prune, 'dataDir')
  return { ...plan, scheduled, ...(await forecastPlan(session, file, plan.cas, options)) }
}

function waitingRoas(tx: Parameters<typeof activeCa>[0], handles: Iterable<Handle>): readonly WaitingRoa[] {
  return [...handles].sort().flatMap((ca) =>
    scheduledRoas(activeCa(tx, ca) ?? {}).map(([roa, { from, until }]) => {
      return { ca, roa, ...(from === undefined ? {} : { from }), ...(until === undefined ? {} : { until }) }
    }),
  )
}

/** Compares a file with another state. No rule is checked and no limit judged: what the CAs hold is in the data directory alone. */
export function planBetween(
  current: DesiredState,
  wanted: DesiredState,
  prune: boolean,
  base: Plan['base'] = 'state',
): Plan {
  const cas = differenceOf(current, wanted, prune)
  const digest = planDigest(current, wanted, cas, prune)
  return {
    base,
    digest,
    prune,
    counts: countsOf(cas),
    scheduled: [],
    cas,
    lost: [],
    regained: [],
    held: [],
    warnings: [],
  }
}

/** Returns true if the plan changes something. */
export function changesSomething({ cas }: Pick<Plan, 'cas'>): boolean {
  return cas.some((ca) => changesOf(ca).length > 0)
}
