/** What enrolment no longer knows after a recovery. A certificate that nobody here remembers is good all the same: its CA has to be told. */
import { entry } from '../../base/record.js'
import type { EstState } from '../../est/state.js'

/** One thing of enrolment that is gone, or that a lost command had ended. `note` is for people, ` (one, serial 1f, CN=a)`. */
export type LostEnrolment = {
  readonly type: 'certificate' | 'revocation' | 'request' | 'password'
  readonly id: string
  readonly back: boolean
  readonly note: string
}

/** From `after`, the state that was, to `before`, the state that is kept. */
export function estLost(before: EstState, after: EstState): readonly LostEnrolment[] {
  const certificates = Object.entries(after.certificates).flatMap(([id, { ca, serial, subject, revoked }]) => {
    const kept = entry(before.certificates, id)
    const note = ` (${[ca, `serial ${serial}`, subject].filter((part) => part !== '').join(', ')})`
    return [
      ...(kept === undefined ? [{ type: 'certificate' as const, id, back: false, note }] : []),
      ...(revoked !== null && kept?.revoked === null ? [{ type: 'revocation' as const, id, back: false, note }] : []),
    ]
  })
  return [
    ...certificates,
    ...differing('request', before.requests, after.requests, ({ label, asking }) => ` (${label}, asked ${asking.ca})`),
    ...differing('password', before.passwords, after.passwords, ({ label }) => ` (${label})`),
    ...usable(before, after),
  ]
}

function differing<V>(
  type: 'request' | 'password',
  before: Readonly<Record<string, V>>,
  after: Readonly<Record<string, V>>,
  noteOf: (value: V) => string,
): readonly LostEnrolment[] {
  const only = (from: Readonly<Record<string, V>>, to: Readonly<Record<string, V>>, back: boolean) =>
    Object.entries(from)
      .filter(([id]) => entry(to, id) === undefined)
      .map(([id, value]) => ({ type, id, back, note: noteOf(value) }))
  return [...only(after, before, false), ...only(before, after, true)]
}

/** Passwords that were used since: they are good for as many certificates once more. */
function usable(before: EstState, after: EstState): readonly LostEnrolment[] {
  return Object.entries(after.passwords).flatMap(([id, { label, used }]) => {
    const again = used - (entry(before.passwords, id)?.used ?? used)
    return again > 0 ? [{ type: 'password' as const, id, back: true, note: ` (${label}, good for ${again} more)` }] : []
  })
}
