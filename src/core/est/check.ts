/** The rules of enrolment: every fault of a command against the state. Pure. */
import type { Violation } from '../base/errors.js'
import { entry } from '../base/record.js'
import { sha256Hex } from '../crypto/digest.js'
import { checkRequest } from '../pki/check-csr.js'
import type { EstCommand, RequestOpen } from './commands.js'
import { isWaiting, sameRequest, usesLeft } from './requests.js'
import type { EstState } from './state.js'

/** Characters of a note. */
const LONGEST = 200

/** Every fault; empty when the command may run. */
export function checkEst(state: EstState, command: EstCommand): readonly Violation[] {
  switch (command.type) {
    case 'request.open':
      return openFaults(state, command)
    case 'request.ask':
    case 'request.wait':
    case 'request.lose':
    case 'request.end':
      return entry(state.requests, command.id) === undefined
        ? [fault('est-request-unknown', `there is no open request ${command.id}`)]
        : []
    case 'request.serve':
      return []
    case 'certificate.record':
      return entry(state.certificates, command.id) === undefined
        ? []
        : [fault('est-request-served', `request ${command.id} has its certificate already`)]
    case 'certificate.revoke':
      return entry(state.certificates, command.id) === undefined
        ? [fault('est-certificate-unknown', `there is no certificate ${command.id}`)]
        : []
    case 'password.create':
      return [
        ...(entry(state.passwords, command.id) === undefined
          ? []
          : [fault('est-password-exists', `there is a one-time password ${command.id} already`)]),
        ...(command.note.length <= LONGEST
          ? []
          : [fault('est-note-long', `a note of ${command.note.length} characters; at most ${LONGEST}`)]),
      ]
    case 'password.revoke':
      return entry(state.passwords, command.id) === undefined
        ? [fault('est-password-unknown', `there is no one-time password ${JSON.stringify(command.id)}`)]
        : []
    case 'crl.number':
      return []
  }
}

/** What the label's profile says, who may ask, and that nothing is issued twice without somebody's word. */
function openFaults(state: EstState, command: RequestOpen): readonly Violation[] {
  const { request, profile, by, label, at } = command
  const found: Violation[] = [...checkRequest(request, profile)]
  if (entry(state.requests, command.id) !== undefined)
    found.push(fault('est-request-exists', `request ${command.id} was opened already`))
  if (by.how === 'password' && usesLeft(state, by.name, at) === 0)
    found.push(fault('est-password-spent', `the one-time password ${by.name} is spent, expired or revoked`))
  return [...found, ...twiceFaults(state, label, sha256Hex(request.spki), command)]
}

function twiceFaults(
  state: EstState,
  label: string,
  key: ReturnType<typeof sha256Hex>,
  { duplicate, at }: RequestOpen,
): readonly Violation[] {
  const same = sameRequest(state, label, key)
  if (same === undefined) return []
  const { id, request } = same
  if (isWaiting(request, at)) {
    const until = `until ${request.asking.deadline} at the latest`
    return [fault('est-request-running', `request ${id} asks for a certificate with this key just now, ${until}`)]
  }
  // nothing left this process that was not recorded
  if (duplicate || (request.status === 'asked' && request.asking.here)) return []
  const what =
    request.status === 'pending' ? `is pending at ${request.asking.ca}` : `may have been served by ${request.asking.ca}`
  return [fault('est-request-open', `request ${id} with this key ${what}: nothing is issued twice unasked`)]
}

function fault(code: string, message: string): Violation {
  return { code, message }
}
