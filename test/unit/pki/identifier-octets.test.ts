/** No constructed element of a request can have another tag: what a CA might read otherwise is refused, or read as it was. */
import { sign } from 'node:crypto'
import { expect, it } from 'vitest'
import {
  bits,
  boolean,
  encode,
  ia5,
  implicit,
  integer,
  octetsOf,
  oid,
  printable,
  raw,
  seq,
  set,
} from '../../../src/core/der/writer.js'
import { readRequest } from '../../../src/core/pki/csr.js'
import { identifierMutants } from '../../support/rpki/identifier-octets.js'
import { OTHER, RSA_SHA256 } from '../../support/rpki/parts.js'

const request = (): Uint8Array => {
  const extensions = seq(
    seq(oid('2.5.29.17'), octetsOf(seq(implicit(2, ia5('a.example'))))),
    seq(oid('2.5.29.37'), octetsOf(seq(oid('1.3.6.1.5.5.7.3.2')))),
    seq(oid('2.5.29.19'), boolean(true), octetsOf(seq())),
  )
  const subject = seq(set(seq(oid('2.5.4.3'), printable('device-1'))))
  const attributes = implicit(0, set(seq(oid('1.2.840.113549.1.9.14'), set(extensions))))
  const info = encode(seq(integer(0), subject, raw(OTHER.spki), attributes))
  return encode(seq(raw(info), RSA_SHA256, bits(sign('sha256', info, OTHER.key))))
}

it('has a finding for each other tag of a constructed element', () => {
  expect(readRequest(request()).findings).toEqual([])
  const mutants = [...identifierMutants(request(), OTHER)].filter(({ from }) => (from & 0x20) !== 0)
  const passed = mutants.filter(({ bytes }) => readRequest(bytes()).findings.length === 0).map(({ id }) => id)
  expect(mutants.length).toBeGreaterThan(500)
  expect(passed).toEqual([])
})
