/**
 * Enrolment as aggregates of the kind `est`: open requests, one-time passwords and CRL numbers (handle `0`), and issued certificates (books).
 * Invariant: a certificate counts once it is recorded here, and a request without a response stays open until the operator decides on it.
 */
import { type Handle, parseHandle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import { sortedEntries } from '../base/record.js'
import { type CommandOf, declare, joined } from '../eventsourcing/declare.js'
import type { Aggregate } from '../eventsourcing/types.js'
import { certificateCommands } from './certificates.js'
import { clockCommands } from './clock.js'
import { enrolmentCommands } from './enrolments.js'
import { type EstEvent, estEvents } from './events.js'
import { passwordCommands } from './passwords.js'
import type { EstPorts } from './ports.js'
import { lapsed } from './requests.js'
import { EMPTY_EST, type EstState } from './state.js'
import { surveyCommands } from './survey.js'

/** Requests, one-time passwords and the numbers of CRLs. */
export const EST_HANDLE: Handle = parseHandle('0')

const commands = joined(enrolmentCommands, certificateCommands, passwordCommands, clockCommands, surveyCommands)
export type EstCommand = CommandOf<typeof commands>

export const est: Aggregate<EstState, EstCommand, EstEvent, EstPorts> = declare<
  EstState,
  EstCommand,
  EstEvent,
  EstPorts
>({
  kind: 'est',
  initial: () => EMPTY_EST,
  events: estEvents,
  commands,
  elapsed: (state, { clock }) => lapsed(state, clock.now()),
  logical,
})

/** Certificates, requests and passwords without serials, keys, ids and times. */
function logical(state: EstState): Json {
  const certificates = Object.values(state.certificates).map(({ label, subject, names, ca, revoked }) =>
    [label, subject, names.join(' '), ca, revoked?.reason ?? ''].join('\n'),
  )
  const requests = Object.values(state.requests).map(({ label, subject, status, asking }) =>
    [label, subject, status, asking.ca].join('\n'),
  )
  const passwords = Object.values(state.passwords).map(({ label, uses, used, note }) =>
    [label, uses, used, note].join('\n'),
  )
  return {
    certificates: certificates.sort(),
    requests: requests.sort(),
    passwords: passwords.sort(),
    crls: sortedEntries(state.crls).map(([ca]) => ca),
  }
}
