/** A one-time password whose last request is pending at a CA: its holder may repeat that request, and make no other. */
import { expect, it } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import type { Sha256 } from '../../../src/core/crypto/ports.js'
import { mayAsk, usesLeft } from '../../../src/core/est/passwords.js'
import { EMPTY_EST, type EstState, type OneTimePassword, type OpenRequest } from '../../../src/core/est/state.js'

const [THEN, NOW, LATER] = ['2026-01-01T00:00:00Z', '2026-01-01T01:00:00Z', '2026-01-02T00:00:00Z'] as Instant[] as [
  Instant,
  Instant,
  Instant,
]
const hash = 'a'.repeat(64) as Sha256
const password: OneTimePassword = { label: 'l', hash, uses: 1, used: 0, since: THEN, expires: LATER, note: '' }
const request = (status: OpenRequest['status'], name: string): OpenRequest => ({
  ...{ label: 'l', key: hash, subject: 'CN=a', names: [], by: { how: 'password', name }, renews: null, csr: hash },
  ...{ since: THEN, status, reference: null, retryAt: null, message: null },
  asking: { attempt: 'x', ca: 'one', deadline: LATER, here: false },
})
const state = (requests: EstState['requests'], changes: Partial<OneTimePassword> = {}): EstState => ({
  ...EMPTY_EST,
  requests,
  passwords: { p: { ...password, ...changes } },
})

it.each<[string, EstState, boolean, number]>([
  ['it is unused', state({}), true, 1],
  ['its request is pending', state({ r: request('pending', 'p') }), true, 0],
  ['its request is in progress', state({ r: request('asked', 'p') }), false, 0],
  ['the outcome of its request is unknown', state({ r: request('unknown', 'p') }), false, 0],
  ['it is spent', state({}, { used: 1 }), false, 0],
  ['it is spent and the request of another is pending', state({ r: request('pending', 'q') }, { used: 1 }), false, 0],
  ['it has expired and its request is pending', state({ r: request('pending', 'p') }, { expires: NOW }), true, 0],
  ['it does not exist', EMPTY_EST, false, 0],
])('may be used again where %s', (_, given, may, uses) => {
  expect([mayAsk(given, 'p', NOW), usesLeft(given, 'p', NOW)]).toEqual([may, uses])
})
