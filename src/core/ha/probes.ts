/** Probes: leases for the probe of an open circuit, results of probes, and the check before a CA is resumed. */
import type { Instant } from '../base/time.js'
import { commandsOn } from '../eventsourcing/declare.js'
import {
  type AttemptSpec,
  attemptFinished,
  attemptStarted,
  checkAttempts,
  conclusionOf,
  type FinishedAttempt,
} from './attempts.js'
import { finished, healthAt, healthOf, isProbeable } from './breaker.js'
import type { HaEvent } from './events.js'
import type { HaPorts } from './ports.js'
import type { BreakerSettings } from './settings.js'
import type { HaState } from './state.js'

interface Probes {
  readonly probes: readonly { readonly ca: string; readonly attempt: string }[]
  readonly owner: string
  readonly timeout: number
  /** Also circuits whose time has not come. */
  readonly resume: boolean
}

const command = commandsOn<HaState, HaEvent, HaPorts>()

export const probeCommands = {
  /** Takes the leases to probe open circuits whose time has come. */
  'probes.start': command<Probes>({
    check: (state, { probes }) =>
      checkAttempts(
        state,
        probes.map(({ attempt }) => attempt),
      ),
    decide: (state, { probes, owner, timeout, resume }, { clock, breaker }) =>
      probes.flatMap(({ ca, attempt }) => leased(state, { attempt, owner, timeout }, ca, resume, clock.now(), breaker)),
    publishesOnly: false,
    summarize: ({ probes, resume }) => ({ cas: probes.map(({ ca }) => ca), resume }),
  }),
  'probes.finish': command<{ readonly probes: readonly FinishedAttempt[] }>({
    check: () => [],
    decide: (state, { probes }, { clock, breaker }) =>
      probes.flatMap((probe) => attemptFinished(state, probe, 'probe', clock.now(), breaker)),
    publishesOnly: false,
    summarize: ({ probes }) => ({ outcomes: probes.map(({ ca, outcome }) => `${ca} ${outcome}`) }),
  }),
  /** The result of the check before a resume: only one that passed changes anything. */
  'resume.finish': command<FinishedAttempt>({
    check: () => [],
    decide: (state, attempt, { clock, breaker }) =>
      attempt.outcome === 'ok'
        ? attemptFinished(state, attempt, 'probe', clock.now(), breaker)
        : notResumed(state, attempt, clock.now()),
    publishesOnly: false,
    summarize: ({ ca, attempt, outcome }) => ({ ca, attempt, outcome }),
  }),
}

/** Returns the events of a lease; none unless the circuit is open and may be probed, or is to be resumed. */
function leased(
  state: HaState,
  spec: AttemptSpec,
  ca: string,
  resume: boolean,
  at: Instant,
  breaker: BreakerSettings,
): readonly HaEvent[] {
  const before = healthOf(state, ca)
  const isOpen = healthAt(before, at, breaker) === 'circuit-open'
  if (!isOpen || !(resume || isProbeable(before, at, breaker))) return []
  const { level, openUntil } = before
  return [
    {
      type: 'health.changed',
      ca,
      from: 'circuit-open',
      to: 'recovering',
      reason: 'probe started',
      at,
      openUntil,
      level,
    },
    attemptStarted(spec, ca, 'probe', at, { lease: true }),
  ]
}

/** Returns the events that put the circuit back as it was, open for as long as before; a closed one stays closed. */
function notResumed(state: HaState, attempt: FinishedAttempt, at: Instant): readonly HaEvent[] {
  if (attempt.attempt === null) return []
  const conclusion = conclusionOf(state, attempt, 'probe', at)
  const { openUntil, level, lease } = conclusion.before
  if (lease?.attempt !== attempt.attempt) return [finished(conclusion)]
  const { ca, message: reason } = attempt
  return [
    finished(conclusion),
    { type: 'health.changed', ca, from: 'recovering', to: 'circuit-open', reason, at, openUntil, level },
  ]
}
