/**
 * `ha simulate`: dry run of N requests against the current rules, with injected failures and latencies.
 * Invariant: the rules are those of production, on a copy of the present state; nothing is written and no CA is called.
 */
import { AppError } from '../../base/errors.js'
import { didYouMean } from '../../base/nearest.js'
import { addSeconds, type Instant } from '../../base/time.js'
import { HA_HANDLE, type HaCommand, ha } from '../../ha/aggregate.js'
import { healthAt, healthOf, isProbeable } from '../../ha/breaker.js'
import type { BreakerSettings, GroupSettings } from '../../ha/settings.js'
import type { HaState } from '../../ha/state.js'
import type { Session } from '../session/session.js'
import { probedOf, readHa, refuseUnknownCas } from './commit.js'
import { refuseDisabledLabel } from './disabled.js'
import { changesOf, type HealthChange } from './probe.js'
import type { Samples } from './samples.js'
import { groupsOf } from './status.js'

/** A CA that fails from request `from` to request `to`, both inclusive and counted from 1. */
export interface FailWindow {
  readonly ca: string
  readonly from: number
  readonly to: number
}

export interface SimulateOptions {
  readonly requests: number
  readonly fail: readonly FailWindow[]
  /** Response time of each CA in milliseconds; default 10. */
  readonly latency: ReadonlyMap<string, number>
  /** Replace the configured weights. */
  readonly weights: ReadonlyMap<string, number>
  /** Seconds between two requests. */
  readonly every: number
}

export interface SimulateReport {
  readonly label: string
  readonly group: string
  readonly strategy: string
  readonly requests: number
  readonly served: readonly { readonly ca: string; readonly requests: number }[]
  /** Requests that a CA served after another one had failed. */
  readonly failovers: number
  /** Requests that no CA could serve. */
  readonly refused: number
  readonly timeline: readonly (HealthChange & { readonly request: number; readonly at: Instant })[]
}

const RESPONSE_MS = 10

/** Simulates the requests. Throws `est-label-unknown`, `ha-ca-unknown`, `ha-not-configured` (usage). */
export async function simulate(session: Session, label: string, options: SimulateOptions): Promise<SimulateReport> {
  const group = groupOfLabel(session, label)
  const named = [...options.fail.map(({ ca }) => ca), ...options.latency.keys(), ...options.weights.keys()]
  refuseUnknownCas(session, named)
  const settings = { ...group, weights: { ...group.weights, ...Object.fromEntries(options.weights) } }
  const run = await readHa(
    session,
    (state, at, samples) => new Simulation(settings, session.enrolment.breaker, { state, at, samples }),
  )
  for (let request = 1; request <= options.requests; request++) await run.request(request, options)
  return { label, group: group.name, strategy: group.strategy, requests: options.requests, ...run.report() }
}

/** Returns the group that serves a label, or a group of its only CA. Throws `est-label-unknown` (usage). */
export function groupOfLabel(session: Session, label: string): GroupSettings {
  refuseDisabledLabel(session, label)
  const found = session.enrolment.labels.find(({ name }) => name === label)
  const group = groupsOf(session).find(
    ({ name, caIds }) =>
      found !== undefined && (found.group === undefined ? caIds.includes(found.caId) : found.group === name),
  )
  if (group !== undefined) return group
  const names = session.enrolment.labels.map(({ name }) => name)
  throw new AppError(
    'usage',
    'est-label-unknown',
    `unknown label ${JSON.stringify(label)}${didYouMean(label, names)}`,
    {
      hint:
        names.length === 0
          ? 'uncomment [[ca]] and [[est.label]] in brine.toml, or begin with: brine contrib est.toml; then: brine config check'
          : `known labels: ${names.join(', ')}`,
    },
  )
}

class Simulation {
  readonly #group: GroupSettings
  readonly #breaker: BreakerSettings
  readonly #samples: Samples
  readonly #served = new Map<string, number>()
  readonly #timeline: (HealthChange & { readonly request: number; readonly at: Instant })[] = []
  #state: HaState
  #at: Instant
  #failovers = 0
  #refused = 0
  #attempts = 0

  constructor(
    group: GroupSettings,
    breaker: BreakerSettings,
    start: { state: HaState; at: Instant; samples: Samples },
  ) {
    this.#group = group
    this.#breaker = breaker
    this.#state = start.state
    this.#at = start.at
    this.#samples = start.samples
  }

  async request(request: number, options: SimulateOptions): Promise<void> {
    const isDown = (ca: string): boolean =>
      options.fail.some((w) => w.ca === ca && request >= w.from && request <= w.to)
    await this.#probes(request, isDown)
    const tried: string[] = []
    for (;;) {
      const attempt = this.#attempt()
      const claim = {
        attempt,
        owner: 'simulation',
        timeout: 30,
        group: this.#group,
        tried,
        probed: probedOf(this.#samples),
      }
      const started = (await this.#run(request, { type: 'enroll.start', ...claim })).find(
        (e) => e.type === 'attempt.started',
      )
      if (started?.type !== 'attempt.started') break
      const { ca } = started
      const latencyMs = options.latency.get(ca) ?? RESPONSE_MS
      const outcome = isDown(ca) ? 'ca-fault' : 'ok'
      await this.#run(request, {
        type: 'enroll.finish',
        attempt,
        ca,
        outcome,
        message: 'simulated',
        latencyMs: isDown(ca) ? null : latencyMs,
      })
      if (outcome === 'ok') {
        this.#served.set(ca, (this.#served.get(ca) ?? 0) + 1)
        if (tried.length > 0) this.#failovers += 1
        this.#at = addSeconds(this.#at, options.every)
        return
      }
      tried.push(ca)
    }
    this.#refused += 1
    this.#at = addSeconds(this.#at, options.every)
  }

  report(): Pick<SimulateReport, 'served' | 'failovers' | 'refused' | 'timeline'> {
    const served = this.#group.caIds.map((ca) => ({ ca, requests: this.#served.get(ca) ?? 0 }))
    return { served, failovers: this.#failovers, refused: this.#refused, timeline: this.#timeline }
  }

  /** Probes open circuits as soon as they are due, as `tick` would. */
  async #probes(request: number, isDown: (ca: string) => boolean): Promise<void> {
    for (const ca of this.#group.caIds) {
      const health = healthOf(this.#state, ca)
      if (healthAt(health, this.#at, this.#breaker) !== 'circuit-open' || !isProbeable(health, this.#at, this.#breaker))
        continue
      const attempt = this.#attempt()
      await this.#run(request, {
        type: 'probes.start',
        probes: [{ ca, attempt }],
        owner: 'simulation',
        timeout: 30,
        resume: false,
      })
      const answer = {
        ca,
        attempt,
        outcome: isDown(ca) ? ('ca-fault' as const) : ('ok' as const),
        message: 'simulated',
        latencyMs: null,
      }
      await this.#run(request, { type: 'probes.finish', probes: [answer] })
    }
  }

  async #run(request: number, command: HaCommand) {
    const events = await ha.decide(this.#state, command, { clock: { now: () => this.#at }, breaker: this.#breaker })
    this.#state = events.reduce(ha.evolve, this.#state)
    this.#timeline.push(...changesOf(events).map((change) => ({ ...change, request, at: this.#at })))
    return events
  }

  #attempt(): string {
    this.#attempts += 1
    return `${HA_HANDLE}-${this.#attempts}`
  }
}
