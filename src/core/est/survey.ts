/** Issuers and compromised keys: found in the books of a data directory of before, and keys that become known as compromised. */
import type { Sha256 } from '../crypto/ports.js'
import { commandsOn } from '../eventsourcing/declare.js'
import type { EstEvent } from './events.js'
import type { surveyOf } from './issuers.js'
import type { EstPorts } from './ports.js'
import type { EstState } from './state.js'

const command = commandsOn<EstState, EstEvent, EstPorts>()

export const surveyCommands = {
  /** Records the issuers and compromised keys of a data directory that was made before they were recorded with each certificate. */
  'records.survey': command<ReturnType<typeof surveyOf>>({
    check: () => [],
    decide: ({ issuers: known }, { issuers, compromised }, { clock }) =>
      known === undefined ? [{ type: 'records.surveyed', issuers, compromised, at: clock.now() }] : [],
    publishesOnly: false,
    summarize: ({ issuers, compromised }) => ({ issuers: issuers.length, compromised: compromised.length }),
  }),
  /** A certificate of this key was revoked for compromise: the key is refused from now on. */
  'key.compromise': command<{ readonly key: Sha256 }>({
    check: () => [],
    decide: ({ compromised = {} }, { key }, { clock }) =>
      compromised[key] === undefined ? [{ type: 'key.compromised', key, at: clock.now() }] : [],
    publishesOnly: false,
    summarize: ({ key }) => ({ key }),
  }),
}
