/** Enrolment records that a recovery loses. A certificate without a record is still valid: it has to be revoked at the issuing CA. */
import { entry } from '../../base/record.js'
import type { EstState } from '../../est/state.js'

/**
 * An enrolment record that is lost, or that is back because the command that ended it is lost. `note` is text for people, such as
 * ` (one, serial 1f, CN=a)`.
 */
export type EnrolmentLoss = {
  readonly type: 'certificate' | 'revocation' | 'request' | 'password'
  readonly id: string
  readonly back: boolean
  readonly note: string
}

/** Compares `former`, the state before the damage, with `kept`, the state that recovery keeps. */
export function findEnrolmentLosses(kept: EstState, former: EstState): readonly EnrolmentLoss[] {
  const certificates = Object.entries(former.certificates).flatMap(([id, { ca, serial, subject, revoked }]) => {
    const keptEntry = entry(kept.certificates, id)
    const note = ` (${[ca, `serial ${serial}`, subject].filter((part) => part !== '').join(', ')})`
    return [
      ...(keptEntry === undefined ? [{ type: 'certificate' as const, id, back: false, note }] : []),
      ...(revoked !== null && keptEntry?.revoked === null
        ? [{ type: 'revocation' as const, id, back: false, note }]
        : []),
    ]
  })
  return [
    ...certificates,
    ...differences('request', kept.requests, former.requests, ({ label, asking }) => ` (${label}, asked ${asking.ca})`),
    ...differences('password', kept.passwords, former.passwords, ({ label }) => ` (${label})`),
    ...reusablePasswords(kept, former),
  ]
}

function differences<V>(
  type: 'request' | 'password',
  kept: Readonly<Record<string, V>>,
  former: Readonly<Record<string, V>>,
  noteOf: (value: V) => string,
): readonly EnrolmentLoss[] {
  const only = (from: Readonly<Record<string, V>>, to: Readonly<Record<string, V>>, back: boolean) =>
    Object.entries(from)
      .filter(([id]) => entry(to, id) === undefined)
      .map(([id, value]) => ({ type, id, back, note: noteOf(value) }))
  return [...only(former, kept, false), ...only(kept, former, true)]
}

/** Returns the passwords whose uses are lost: they can be used as many times again. */
function reusablePasswords(kept: EstState, former: EstState): readonly EnrolmentLoss[] {
  return Object.entries(former.passwords).flatMap(([id, { label, used }]) => {
    const again = used - (entry(kept.passwords, id)?.used ?? used)
    return again > 0
      ? [
          {
            type: 'password' as const,
            id,
            back: true,
            note: ` (${label}, usable ${again} more ${again === 1 ? 'time' : 'times'})`,
          },
        ]
      : []
  })
}
