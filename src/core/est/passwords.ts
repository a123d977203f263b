/** One-time passwords: created, revoked, and what they may still be used for. */
import { entry } from '../base/record.js'
import { addSeconds, type Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import { commandsOn } from '../eventsourcing/declare.js'
import type { EstEvent } from './events.js'
import type { EstPorts } from './ports.js'
import { isWaiting } from './requests.js'
import type { EstState, OneTimePassword } from './state.js'

/** The longest note, in characters. */
const LONGEST = 200

interface NewPassword {
  readonly id: string
  readonly label: string
  readonly hash: Sha256
  readonly uses: number
  readonly validSeconds: number
  readonly note: string
}

const command = commandsOn<EstState, EstEvent, EstPorts>()

export const passwordCommands = {
  'password.create': command<NewPassword>({
    check: ({ passwords }, { id, note }) => [
      ...(entry(passwords, id) === undefined
        ? []
        : [{ code: 'est-password-exists', message: `one-time password ${id} already exists` }]),
      ...(note.length <= LONGEST
        ? []
        : [{ code: 'est-note-long', message: `note has ${note.length} characters; at most ${LONGEST} are allowed` }]),
    ],
    decide: (_, { id, label, hash, uses, validSeconds, note }, { clock }) => {
      const since = clock.now()
      return [
        { type: 'password.created', id, label, hash, uses, since, expires: addSeconds(since, validSeconds), note },
      ]
    },
    publishesOnly: false,
    // without the hash
    summarize: ({ id, label, uses, validSeconds, note }) => ({ id, label, uses, validSeconds, note }),
  }),
  'password.revoke': command<{ readonly id: string }>({
    check: ({ passwords }, { id }) =>
      entry(passwords, id) === undefined
        ? [{ code: 'est-password-unknown', message: `there is no one-time password ${JSON.stringify(id)}` }]
        : [],
    decide: (_, { id }, { clock }) => [{ type: 'password.revoked', id, at: clock.now() }],
    publishesOnly: false,
    summarize: ({ id }) => ({ id }),
  }),
}

/** Returns for how many certificates a password can still be used; an open request reserves one. */
export function usesLeft(state: EstState, id: string, now: Instant): number {
  const password = entry(state.passwords, id)
  if (password === undefined || isExpired(password, now)) return 0
  const open = Object.values(state.requests).filter((request) => {
    const { by, status, asking } = request
    const hasFailed = asking.here && status === 'asked' && !isWaiting(request, now)
    return by.how === 'password' && by.name === id && !hasFailed
  })
  return Math.max(0, password.uses - password.used - open.length)
}

/**
 * Returns true if a client may authenticate with this password. That includes a spent one whose last request is pending at a CA: the client
 * repeats that request with it (RFC 7030 section 4.2.3), and for any other request the rules find it spent.
 */
export function mayAsk(state: EstState, id: string, now: Instant): boolean {
  if (entry(state.passwords, id) === undefined) return false
  // a certificate that was requested in time may be fetched after the password has expired
  const isAwaited = Object.values(state.requests).some(
    ({ by, status }) => status === 'pending' && by.how === 'password' && by.name === id,
  )
  return isAwaited || usesLeft(state, id, now) > 0
}

/** Returns true after the end of a password, and before its start: then the clock was set back. */
export function isExpired({ expires, since }: OneTimePassword, now: Instant): boolean {
  return now >= expires || now < since
}
