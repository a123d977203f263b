/**
 * High availability as an aggregate (kind `ha`, handle `0`): the breakers of all CAs and the turns of all groups.
 * Invariant: a choice is a commit, so two processes never take the same turn and never hold the same lease.
 */
import { type Handle, parseHandle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import { entry, sortedEntries } from '../base/record.js'
import { addSeconds, type Instant } from '../base/time.js'
import type { Aggregate, CommandSummary } from '../eventsourcing/types.js'
import { concluded, type Ending, finish, healthAt, healthOf, isProbeable, overrideAt } from './breaker.js'
import { checkHa } from './check.js'
import type { Ended, HaCommand, HaPorts } from './commands.js'
import type { AttemptStarted, HaEvent, Turn } from './events.js'
import { evolveHa } from './evolve.js'
import { candidates, choose } from './select.js'
import { elapsed } from './settle.js'
import { EMPTY_HA, type HaState, type Purpose } from './state.js'

/** The one aggregate of high availability of a data directory. */
export const HA_HANDLE: Handle = parseHandle('0')

export const ha: Aggregate<HaState, HaCommand, HaEvent, HaPorts> = {
  kind: 'ha',
  events: {
    'attempt.started': true,
    'attempt.finished': true,
    'health.changed': true,
    'lease.expired': true,
    'override.set': true,
    'override.ended': true,
  },
  initial: () => EMPTY_HA,
  check: checkHa,
  decide: async (state, command, ports) => {
    const at = ports.clock.now()
    const past = elapsed(state, at, ports.breaker)
    return [...past, ...decideHa(past.reduce(evolveHa, state), command, at, ports)]
  },
  evolve: evolveHa,
  summarize,
  logical,
}

/** The facts of a command against a state in which time has been settled. Whoever is not served gets no `attempt.started`. */
function decideHa(state: HaState, command: HaCommand, at: Instant, { breaker }: HaPorts): readonly HaEvent[] {
  switch (command.type) {
    case 'enroll.start': {
      const fit = candidates(state, command.group, command.tried, at, breaker).filter(({ why }) => why === null)
      const choice = choose(
        state,
        command.group,
        fit.map(({ ca }) => ca),
        command.probed,
      )
      return choice === undefined ? [] : [started(command, choice.ca, 'enroll', at, { turn: choice.turn })]
    }
    case 'enroll.direct': {
      const health = healthOf(state, command.ca)
      const present = healthAt(health, at, breaker)
      const isFit = overrideAt(health, at) === null && (present === 'healthy' || present === 'degraded')
      return isFit ? [started(command, command.ca, 'enroll', at, {})] : []
    }
    case 'probes.start':
      return command.probes.flatMap((one) => leased(state, { ...command, ...one }, at, breaker))
    case 'enroll.finish':
      return ended(state, command, 'enroll', at, breaker)
    case 'probes.finish':
      return command.probes.flatMap((one) => ended(state, one, 'probe', at, breaker))
    case 'resume.finish':
      return command.outcome === 'ok' ? ended(state, command, 'probe', at, breaker) : unresumed(state, command, at)
    case 'override.set': {
      const { ca, mode, reason, until } = command
      return [{ type: 'override.set', ca, mode, reason, since: at, until }]
    }
    case 'override.end':
      return overrideAt(healthOf(state, command.ca), at) === null
        ? []
        : [{ type: 'override.ended', ca: command.ca, why: 'resumed', at }]
  }
}

interface Asking {
  readonly attempt: string
  readonly owner: string
  readonly timeout: number
}

function started(
  { attempt, owner, timeout }: Asking,
  ca: string,
  purpose: Purpose,
  at: Instant,
  { turn = null, lease = false }: { readonly turn?: Turn | null; readonly lease?: boolean },
): AttemptStarted {
  const deadline = addSeconds(at, timeout)
  return { type: 'attempt.started', attempt, ca, purpose, owner, at, deadline, lease, turn }
}

/** One lease at a time; before its time only for the operator who resumes it. */
function leased(
  state: HaState,
  asking: Asking & { readonly ca: string; readonly resume: boolean },
  at: Instant,
  breaker: HaPorts['breaker'],
): readonly HaEvent[] {
  const { ca, resume } = asking
  const before = healthOf(state, ca)
  const isOpen = healthAt(before, at, breaker) === 'circuit-open'
  if (!isOpen || !(resume || isProbeable(before, at, breaker))) return []
  const { level, openUntil } = before
  return [
    { type: 'health.changed', ca, from: 'circuit-open', to: 'recovering', reason: 'one probe', at, openUntil, level },
    started(asking, ca, 'probe', at, { lease: true }),
  ]
}

function ended(
  state: HaState,
  { ca, attempt, outcome, message, latencyMs }: Ended,
  purpose: Purpose,
  at: Instant,
  breaker: HaPorts['breaker'],
): readonly HaEvent[] {
  const ending: Ending = {
    ca,
    before: healthOf(state, ca),
    attempt,
    purpose,
    answer: { outcome, message, latencyMs },
    at,
  }
  // it came after everybody had stopped waiting, and was counted then
  const isLate = attempt !== null && entry(state.attempts, attempt) === undefined
  return isLate ? [finish(ending)] : concluded(ending, breaker)
}

/** The circuit is as open as before, for as long; a closed one stays closed. */
function unresumed(
  state: HaState,
  { ca, attempt, outcome, message, latencyMs }: Ended,
  at: Instant,
): readonly HaEvent[] {
  if (attempt === null) return []
  const before = healthOf(state, ca)
  const ending: Ending = { ca, before, attempt, purpose: 'probe', answer: { outcome, message, latencyMs }, at }
  const { openUntil, level, lease } = before
  const isHeld = lease?.attempt === attempt
  return [
    finish(ending),
    ...(isHeld
      ? [
          {
            type: 'health.changed',
            ca,
            from: 'recovering',
            to: 'circuit-open',
            reason: message,
            at,
            openUntil,
            level,
          } as const,
        ]
      : []),
  ]
}

/** Names and outcomes; the choice and its reasons stand in the events. */
function summarize(command: HaCommand): CommandSummary {
  switch (command.type) {
    case 'enroll.start':
      return { type: command.type, args: { group: command.group.name, attempt: command.attempt, tried: command.tried } }
    case 'enroll.direct':
      return { type: command.type, args: { ca: command.ca, attempt: command.attempt } }
    case 'enroll.finish':
    case 'resume.finish':
      return { type: command.type, args: { ca: command.ca, attempt: command.attempt, outcome: command.outcome } }
    case 'probes.start':
      return { type: command.type, args: { cas: command.probes.map(({ ca }) => ca), resume: command.resume } }
    case 'probes.finish':
      return { type: command.type, args: { outcomes: command.probes.map(({ ca, outcome }) => `${ca} ${outcome}`) } }
    default: {
      const { type, ...args } = command
      return { type, args }
    }
  }
}

/** Health and turns without times, averages and attempts. */
function logical(state: HaState): Json {
  const cas = sortedEntries(state.cas).map(([ca, { health, failures, level, override }]) => {
    return { ca, health, failures, level, override: override?.mode ?? null }
  })
  const groups = sortedEntries(state.groups).map(([group, { last, recent }]) => ({
    group,
    last,
    recent: recent.length,
  }))
  return { cas, groups }
}
