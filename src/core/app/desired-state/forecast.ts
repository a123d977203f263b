/**
 * Forecast of a plan: its steps in a dry run, so that all that the rules reject, the limits hold and the guard refuses is known before the first
 * of them changes anything.
 */
import type { SafetyOptions } from '../../base/context.js'
import { rejection, type Violation } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { aspasUpdated } from '../../ca/aspas.js'
import { isAspaHeld } from '../../ca/products/aspa-objects.js'
import { heldSets, roasUpdated } from '../../ca/roas.js'
import { routersUpdated } from '../../ca/routers.js'
import type { CaState } from '../../ca/state/state.js'
import type { CaPlan, PlanRow } from '../../desired-state/difference.js'
import type { StateFile } from '../../desired-state/read.js'
import { formatAsn } from '../../resources/asn.js'
import { containsAsn, containsPrefix, parseResources } from '../../resources/resource-set.js'
import { fromRoaKey } from '../../resources/roa-payload.js'
import { diffVisibility, type Impact, type Impacts, visibleObjects } from '../authority/impact.js'
import type { NamedSources } from '../routing/sources.js'
import { changedAggregate, endangeredRoutes, exceededLimits } from '../safety/review.js'
import { type RoutingEffectReport, reviewRouting } from '../safety/routing-preview.js'
import { vrpChanges } from '../safety/vrp-changes.js'
import { CA, caState, type TransactionContext } from '../session/context.js'
import type { Session } from '../session/session.js'
import { publishLocal } from '../transaction/local-publication.js'
import { transact } from '../transaction/transact.js'
import { type AspaUpdate, customerOf } from './aspa-changes.js'
import type { RouterUpdate } from './router-changes.js'
import { type RoaUpdate, runStep } from './run-step.js'
import { stepsOf } from './steps.js'
import { type PlacedViolation, planOutdated, planRejected, violationsOf } from './violations.js'

/** Effects of a plan besides its rows; `lost` and `regained` are of any CA. */
export interface Forecast extends Impacts {
  /** Violations of the limits and the guard by the whole plan. */
  readonly held: readonly Violation[]
  /** Effect on announcements; undefined without a file of them. */
  readonly routing?: RoutingEffectReport | undefined
  /** Warnings from comparing its ROAs with the announcements; empty without announcements. */
  readonly warnings: readonly Violation[]
}

/** Effects that the user of a plan accepts, and the announcements that it is judged by. */
export interface ForecastOptions {
  readonly safety: SafetyOptions
  /** Files of announcements for `routing`; left out: its effect on them is not wanted. */
  readonly sources?: NamedSources | undefined
}

/** Returns what a plan does besides its rows. Throws all violations of rules at once (rejected). */
export async function forecastPlan(
  session: Session,
  file: StateFile,
  plan: readonly CaPlan[],
  options: ForecastOptions,
): Promise<Forecast> {
  const steps = stepsOf(plan, file)
  if (steps.length === 0) return { lost: [], regained: [], held: [], warnings: [] }
  const { safety: _, ...unreviewed } = session.options
  const forecast = (tx: TransactionContext): Promise<Forecast> => runForecast(session, tx, file, plan, options)
  return (await transact({ ...session, options: unreviewed }, forecast, { dryRun: true })).result
}

/** Refuses a plan that is held, so that the history of a CA that it changes records it. Throws `plan-outdated` if nothing holds it any more. */
export async function refuseHeldPlan(
  session: Session,
  file: StateFile,
  plan: readonly CaPlan[],
  options: ForecastOptions,
): Promise<never> {
  await transact(session, async (tx) => {
    const { held } = await runForecast(session, tx, file, plan, options)
    // it ends with an error always: nothing of a forecast may be committed
    if (held.length === 0) throw planOutdated()
    const id = changedAggregate(tx.work)
    throw id === undefined ? rejection(held) : tx.work.refusal(id, held)
  })
  throw planOutdated()
}

async function runForecast(
  session: Session,
  tx: TransactionContext,
  file: StateFile,
  plan: readonly CaPlan[],
  { safety, sources }: ForecastOptions,
): Promise<Forecast> {
  const steps = stepsOf(plan, file)
  const found: PlacedViolation[] = []
  const movesResources = steps.some(({ rows }) => rows.some(({ item }) => !['roa', 'aspa', 'router'].includes(item)))
  const before = movesResources ? visibleObjects(tx, session.timing) : undefined
  const endangered = new Map<string, Violation>()
  for (const { ca, rows } of steps) {
    await checkStep(tx, ca, rows, found)
    // each step is published: the way to the repository must be open after every one
    const routes = await endangeredRoutes(session, tx.work, vrpChanges(tx.work), safety)
    for (const violation of routes) endangered.set(violation.message, violation)
  }
  if (found.length > 0) throw planRejected(found, file)
  await publishLocal(tx, [...tx.work.touched('ca'), ...tx.work.touched('ta')])
  const held = [...endangered.values(), ...exceededLimits(tx.work, vrpChanges(tx.work), safety)]
  const impact =
    before === undefined ? { lost: [], regained: [] } : diffVisibility(before, visibleObjects(tx, session.timing))
  const review = sources === undefined ? undefined : await reviewRouting(session, tx.work, sources)
  const { effect: routing, warnings = [] } = review ?? {}
  return { ...withoutPlanned(tx, impact, plan), held, ...(routing === undefined ? {} : { routing }), warnings }
}

async function checkStep(
  tx: TransactionContext,
  ca: Handle,
  rows: readonly PlanRow[],
  found: PlacedViolation[],
): Promise<void> {
  const refused: PlanRow[] = []
  await runStep(tx, ca, rows, {
    attempt: async (some, act) => {
      // what could not be given is not taken either
      if (some.some((row) => refused.includes(row))) return false
      try {
        await act()
        return true
      } catch (error) {
        const isCovered = coveredBy(refused)
        for (const violation of violationsOf(error)) if (!isCovered(violation)) found.push(placed(ca, some, violation))
        refused.push(...some)
        return false
      }
    },
    // the objects of ROAs, ASPAs and router keys change nothing that is judged, and signing them takes its time
    update: async (handle: Handle, command: RoaUpdate | AspaUpdate | RouterUpdate) => {
      const violations = tx.work.check(CA, handle, command)
      if (violations.length > 0) throw rejection(violations)
      const state = caState(tx.work, handle)
      tx.work.assume(CA, handle, command, eventOf(state, command, tx))
    },
  })
}

/** Returns the event by which the configuration changes. */
function eventOf(state: CaState, command: RoaUpdate | AspaUpdate | RouterUpdate, { ports }: TransactionContext) {
  if (command.type === 'roas.update') return roasUpdated(state, command, ports)
  return command.type === 'aspas.update' ? aspasUpdated(state, command, ports) : routersUpdated(state, command, ports)
}

/** Returns the function that tells if a violation only follows from resources which a parent was refused to give. */
function coveredBy(refused: readonly PlanRow[]): (violation: Violation) => boolean {
  const sets = refused.filter(({ item }) => item === 'parent').map(({ after }) => parseResources(after ?? 'none'))
  return ({ code, details }) => {
    const { roa, customer, router } = (details ?? {}) as Subject
    if (code === 'roa-not-held' && roa !== undefined)
      return sets.some((set) => containsPrefix(set, fromRoaKey(roa).prefix))
    if (code === 'router-not-held' && router !== undefined)
      return sets.some((set) => containsAsn(set, Number(router.slice(2))))
    return code === 'aspa-not-held' && customer !== undefined && sets.some((set) => containsAsn(set, customer))
  }
}

/** Subject of a violation: a ROA, the customer of an ASPA, or the AS or name of a router key. */
interface Subject {
  readonly roa?: string
  readonly customer?: number
  readonly router?: string
}

function placed(ca: Handle, rows: readonly PlanRow[], violation: Violation): PlacedViolation {
  const { roa, customer, router } = (violation.details ?? {}) as Subject
  const [first] = rows
  if (customer !== undefined) return { ca, item: 'aspa', name: formatAsn(customer), violation }
  if (roa !== undefined) return { ca, item: 'roa', name: roa, violation }
  if (router !== undefined) return { ca, item: 'router', name: router, violation }
  return { ca, item: first?.item ?? 'ca', name: first?.name ?? ca, violation }
}

/** Leaves out the ROAs, ASPAs and router keys that the plan itself removes, and the ASPAs that it changes. */
function withoutPlanned(tx: TransactionContext, { lost, regained }: Impacts, plan: readonly CaPlan[]): Impacts {
  const planned = new Set(
    plan.flatMap(({ ca, rows }) =>
      rows
        .filter(({ item, change, name }) => change === 'remove' || (item === 'aspa' && isHeld(tx, ca, name)))
        .map(({ name }) => `${ca} ${name}`),
    ),
  )
  const nameOf = (one: Impact): string => {
    if ('roa' in one) return one.roa
    return 'aspa' in one ? (one.aspa.split(' ')[0] ?? '') : one.router
  }
  return { lost: lost.filter((one) => !planned.has(`${one.ca} ${nameOf(one)}`)), regained }
}

function isHeld(tx: TransactionContext, ca: Handle, customer: string): boolean {
  const own = { customer: customerOf(customer) }
  return heldSets(caState(tx.work, ca)).some((set) => isAspaHeld(own, set))
}
