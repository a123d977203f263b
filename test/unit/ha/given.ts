/** A history of high availability in memory, with a clock that the test sets. */
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { type HaCommand, ha } from '../../../src/core/ha/aggregate.js'
import { healthAt, healthOf } from '../../../src/core/ha/breaker.js'
import type { HaEvent } from '../../../src/core/ha/events.js'
import { type BreakerSettings, DEFAULT_BREAKER, type GroupSettings } from '../../../src/core/ha/settings.js'
import { EMPTY_HA, type HaState, type Health, type Latency, type Outcome } from '../../../src/core/ha/state.js'
import { expectStored } from '../../support/store/checked-work.js'

export const START = '2026-01-01T00:00:00Z' as Instant

export function group(
  more: Partial<GroupSettings> & { readonly weights?: Readonly<Record<string, number>> } = {},
): GroupSettings {
  return {
    name: 'g',
    caIds: ['ca-1', 'ca-2', 'ca-3'],
    strategy: 'active-passive',
    weights: {},
    failback: 'auto',
    ...more,
  }
}

export class World {
  state: HaState = EMPTY_HA
  now = START
  readonly events: HaEvent[] = []
  readonly breaker: BreakerSettings
  probed: Readonly<Record<string, Latency>> = {}
  #next = 0

  constructor(breaker: Partial<BreakerSettings> = {}) {
    this.breaker = { ...DEFAULT_BREAKER, ...breaker }
  }

  later(seconds: number): void {
    this.now = addSeconds(this.now, seconds)
  }

  async run(command: HaCommand): Promise<readonly HaEvent[]> {
    const violations = ha.check(this.state, command)
    if (violations.length > 0) throw new Error(violations.map((f) => f.code).join())
    const ports = { clock: { now: () => this.now }, breaker: this.breaker }
    const events = expectStored(ha, await ha.decide(this.state, command, ports))
    this.state = events.reduce(ha.evolve, this.state)
    this.events.push(...events)
    return events
  }

  attempt(): string {
    this.#next += 1
    return `a${this.#next}`
  }

  /** Selects a CA for a request; undefined when none can serve. */
  async select(
    settings: GroupSettings,
    tried: readonly string[] = [],
    timeout = 30,
  ): Promise<{ ca: string; attempt: string } | undefined> {
    const attempt = this.attempt()
    const events = await this.run({
      type: 'enroll.start',
      attempt,
      owner: 'me',
      timeout,
      group: settings,
      tried,
      probed: this.probed,
    })
    const started = events.find((e) => e.type === 'attempt.started')
    return started?.type === 'attempt.started' ? { ca: started.ca, attempt } : undefined
  }

  async answer(
    chosen: { ca: string; attempt: string },
    outcome: Outcome,
    latencyMs: number | null = 10,
  ): Promise<readonly HaEvent[]> {
    return this.run({
      type: 'enroll.finish',
      ...chosen,
      outcome,
      message: `it was ${outcome}`,
      latencyMs,
    })
  }

  /** Runs one request from selection to result and returns the CA that was selected. */
  async serve(settings: GroupSettings, outcome: Outcome = 'ok', latencyMs = 10): Promise<string | undefined> {
    const chosen = await this.select(settings)
    if (chosen !== undefined) await this.answer(chosen, outcome, latencyMs)
    return chosen?.ca
  }

  async serveMany(settings: GroupSettings, times: number): Promise<string> {
    let text = ''
    for (let n = 0; n < times; n++) text += ((await this.serve(settings)) ?? '-').at(-1)
    return text
  }

  /** Records results of probes of a closed circuit. */
  async report(ca: string, outcome: Outcome, times = 1, needsOperator = false): Promise<void> {
    for (let n = 0; n < times; n++) await this.#found(ca, null, outcome, needsOperator)
  }

  /** Takes the lease of an open circuit; undefined when it is not available. */
  async lease(ca: string, resume = false, timeout = 6): Promise<string | undefined> {
    const attempt = this.attempt()
    const events = await this.run({ type: 'probes.start', probes: [{ ca, attempt }], owner: 'me', timeout, resume })
    return events.some((e) => e.type === 'attempt.started') ? attempt : undefined
  }

  async probe(ca: string, outcome: Outcome, resume = false, needsOperator = false): Promise<boolean> {
    const attempt = await this.lease(ca, resume)
    if (attempt === undefined) return false
    await this.#found(ca, attempt, outcome, needsOperator)
    return true
  }

  async #found(ca: string, attempt: string | null, outcome: Outcome, needsOperator: boolean): Promise<void> {
    const answer = { ca, attempt, outcome, message: `it was ${outcome}`, latencyMs: 5, needsOperator }
    await this.run({ type: 'probes.finish', probes: [answer] })
  }

  health(ca: string): Health {
    return healthAt(healthOf(this.state, ca), this.now, this.breaker)
  }

  failures(ca: string): number {
    return healthOf(this.state, ca).failures
  }

  /** Returns `from>to` of every change of a CA's health. */
  changes(ca: string): readonly string[] {
    return this.events.flatMap((e) => (e.type === 'health.changed' && e.ca === ca ? [`${e.from}>${e.to}`] : []))
  }

  openUntil(ca: string): Instant | null {
    return healthOf(this.state, ca).openUntil
  }
}
