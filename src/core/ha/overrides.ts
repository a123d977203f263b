/** Overrides: CAs that the operator drained or put in maintenance. */
import type { Violation } from '../base/errors.js'
import type { Instant } from '../base/time.js'
import { commandsOn } from '../eventsourcing/declare.js'
import { healthOf, overrideAt } from './breaker.js'
import type { HaEvent } from './events.js'
import type { HaPorts } from './ports.js'
import type { HaState, Override } from './state.js'

/** The longest reason that history keeps, in characters. */
const LONGEST = 500

interface NewOverride {
  readonly ca: string
  readonly mode: Override['mode']
  readonly reason: string
  readonly until: Instant | null
}

const command = commandsOn<HaState, HaEvent, HaPorts>()

export const overrideCommands = {
  'override.set': command<NewOverride>({
    check: (_, { reason }) => checkReason(reason),
    decide: (_, { ca, mode, reason, until }, { clock }) => [
      { type: 'override.set', ca, mode, reason, since: clock.now(), until },
    ],
    publishesOnly: false,
    summarize: ({ ca, mode, reason, until }) => ({ ca, mode, reason, until }),
  }),
  'override.end': command<{ readonly ca: string }>({
    check: () => [],
    decide: (state, { ca }, { clock }) => {
      const at = clock.now()
      return overrideAt(healthOf(state, ca), at) === null ? [] : [{ type: 'override.ended', ca, why: 'resumed', at }]
    },
    publishesOnly: false,
    summarize: ({ ca }) => ({ ca }),
  }),
}

function checkReason(reason: string): readonly Violation[] {
  if (reason.trim() === '') return [{ code: 'ha-reason-missing', message: '--reason is required' }]
  if (reason.length <= LONGEST) return []
  const message = `reason has ${reason.length} characters; at most ${LONGEST} are allowed`
  return [{ code: 'ha-reason-long', message }]
}
