/** The rules of high availability: what may not be done to this state. Pure. */
import type { Violation } from '../base/errors.js'
import { entry } from '../base/record.js'
import type { HaCommand } from './commands.js'
import type { HaState } from './state.js'

/** Characters of a reason or a message that history keeps. */
const LONGEST = 500

/** Every fault; empty when the command may run. Whether a CA can serve is a matter of the instant, which `decide` knows. */
export function checkHa(state: HaState, command: HaCommand): readonly Violation[] {
  switch (command.type) {
    case 'enroll.start':
    case 'enroll.direct':
      return startedFaults(state, [command.attempt])
    case 'probes.start':
      return startedFaults(
        state,
        command.probes.map(({ attempt }) => attempt),
      )
    case 'override.set':
      return reasonFaults(command.reason)
    default:
      return []
  }
}

function startedFaults(state: HaState, attempts: readonly string[]): readonly Violation[] {
  return attempts
    .filter((attempt) => entry(state.attempts, attempt) !== undefined)
    .map((attempt) => ({ code: 'ha-attempt-exists', message: `attempt ${attempt} was started already` }))
}

function reasonFaults(reason: string): readonly Violation[] {
  if (reason.trim() === '') return [{ code: 'ha-reason-missing', message: 'a reason is wanted, for those who ask why' }]
  if (reason.length <= LONGEST) return []
  return [{ code: 'ha-reason-long', message: `a reason of ${reason.length} characters; at most ${LONGEST}` }]
}
