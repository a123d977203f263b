/** Ends of the ID certificates between us and a peer: ours as the peer has it, and that of the peer. */
import { expect, test } from 'vitest'
import { toBase64 } from '../../../src/core/base/bytes.js'
import type { Instant } from '../../../src/core/base/time.js'
import { idEnds } from '../../../src/core/identity/id-ends.js'
import type { IdKey } from '../../../src/core/identity/id-keys.js'
import { partyOf } from '../../support/peers/parties.js'

const [FIRST, SECOND, THIRD] = ['2030', '2035', '2041'].map((year) => `${year}-01-01T00:00:00Z`) as [
  Instant,
  Instant,
  Instant,
]
const party = await partyOf(0)
const peer = toBase64(party.certificate.der)
const id = party.id.ski
const key: IdKey = { ski: id, spki: '', certificate: '', notAfter: THIRD }

test('given a key with one certificate, then its end and that of the peer', () => {
  expect(idEnds({ ids: [key] }, { id, peer })).toEqual({ own: THIRD, peer: party.certificate.notAfter })
})

test('given a key that was renewed, then the end of the certificate that the peer has', () => {
  const ids = [{ ...key, firstUntil: FIRST }]
  expect(idEnds({ ids }, { id, peer })?.own).toBe(FIRST)
  expect(idEnds({ ids }, { id, idUntil: SECOND, peer })?.own).toBe(SECOND)
})

test('given a key that is not known, or a certificate that cannot be read, then null for that side', () => {
  expect(idEnds({}, { id, peer })).toEqual({ own: null, peer: party.certificate.notAfter })
  expect(idEnds({ ids: [key] }, { id, peer: 'AAAA' })).toEqual({ own: THIRD, peer: null })
})

test('given a peer in this data directory, then null', () => {
  expect(idEnds({ ids: [key] }, {})).toBeNull()
})
