/** Requests for certificates: which CA is chosen, and what its response says about it. */
import type { Table } from '../base/record.js'
import { commandsOn } from '../eventsourcing/declare.js'
import { type AttemptSpec, attemptFinished, attemptStarted, checkAttempts, type FinishedAttempt } from './attempts.js'
import { healthAt, healthOf, overrideAt } from './breaker.js'
import type { HaEvent } from './events.js'
import type { HaPorts } from './ports.js'
import { candidates, choose } from './select.js'
import type { GroupSettings } from './settings.js'
import type { HaState, Latency } from './state.js'

interface Selection extends AttemptSpec {
  readonly group: GroupSettings
  /** CAs that this request has tried already. */
  readonly tried: readonly string[]
  /** Averages of probes, which are kept outside of history. */
  readonly probed: Table<Latency>
}

const command = commandsOn<HaState, HaEvent, HaPorts>()

export const enrolmentCommands = {
  /** Chooses a CA of a group for a request. Without one that can serve it is a no-op. */
  'enroll.start': command<Selection>({
    check: (state, { attempt }) => checkAttempts(state, [attempt]),
    decide: (state, selection, { clock, breaker }) => {
      const { group, tried, probed } = selection
      const at = clock.now()
      const eligible = candidates(state, group, tried, at, breaker).filter(({ why }) => why === null)
      const order = eligible.map(({ ca }) => ca)
      const choice = choose(state, group, order, probed)
      return choice === undefined ? [] : [attemptStarted(selection, choice.ca, 'enroll', at, { turn: choice.turn })]
    },
    publishesOnly: false,
    summarize: ({ group, attempt, tried }) => ({ group: group.name, attempt, tried }),
  }),
  /** Starts a request to one CA, without selection and failover. */
  'enroll.direct': command<AttemptSpec & { readonly ca: string }>({
    check: (state, { attempt }) => checkAttempts(state, [attempt]),
    decide: (state, direct, { clock, breaker }) => {
      const at = clock.now()
      const before = healthOf(state, direct.ca)
      const health = healthAt(before, at, breaker)
      const canServe = overrideAt(before, at) === null && (health === 'healthy' || health === 'degraded')
      return canServe ? [attemptStarted(direct, direct.ca, 'enroll', at)] : []
    },
    publishesOnly: false,
    summarize: ({ ca, attempt }) => ({ ca, attempt }),
  }),
  'enroll.finish': command<FinishedAttempt & { readonly attempt: string }>({
    check: () => [],
    decide: (state, attempt, { clock, breaker }) => attemptFinished(state, attempt, 'enroll', clock.now(), breaker),
    publishesOnly: false,
    summarize: ({ ca, attempt, outcome }) => ({ ca, attempt, outcome }),
  }),
}
