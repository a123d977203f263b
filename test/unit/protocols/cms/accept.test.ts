/** The acceptance rules, each with messages that keep it and messages that break it alone. */
import { describe, expect, it } from 'vitest'
import type { Instant } from '../../../../src/core/base/time.js'
import { boolean, integer, seq } from '../../../../src/core/der/writer.js'
import { ACCEPTANCE } from '../../../../src/core/protocols/cms/accept.js'
import { readIdCertificate } from '../../../../src/core/protocols/cms/id-certificate.js'
import { examine, type VerifyInput, verifyMessage } from '../../../../src/core/protocols/cms/verify.js'
import { ProtocolFault } from '../../../../src/core/protocols/fault.js'
import { bpkiCa, CONTENT, craft, SIGNED_AT } from '../../../support/peers/crafted-message.js'
import { CA, ext, ID, OTHER, TA } from '../../../support/rpki/parts.js'
import { CERTIFICATES } from './bad-certificates.js'
import { SIGNERS } from './bad-signers.js'
import { STRUCTURE } from './bad-structure.js'
import { CHAIN, GOOD } from './good-messages.js'

const BAD = { ...STRUCTURE, ...SIGNERS, ...CERTIFICATES }

const input = (cms: Uint8Array, more: Partial<VerifyInput> = {}): VerifyInput => ({
  cms,
  id: CA.spki,
  at: SIGNED_AT,
  ...more,
})

describe('a message that keeps every rule', () => {
  it.each(Object.entries(GOOD))('%s', (_, { remark, ...change }) => {
    const { content, signingTime, remarks } = verifyMessage(input(craft(change)))
    expect(Buffer.from(content)).toEqual(CONTENT)
    expect(signingTime).toBe(SIGNED_AT)
    expect(remarks.map(({ rule, message }) => `${rule}: ${message}`).join('\n')).toMatch(remark ?? /^$/)
  })
})

describe('a message that breaks a rule', () => {
  const broken = Object.entries(BAD).flatMap(([name, all]) =>
    Object.entries(all).map(([id, bad]) => ({ name, id, ...bad })),
  )

  it.each(broken)('$name: $id', ({ name, message, says }) => {
    const { findings } = examine(input(message()))
    expect(findings.map(({ check }) => check)).toContain(name)
    const named = findings.filter(({ check }) => check === name).map((finding) => finding.message)
    expect(named.join('\n')).toContain(says)
    expect(() => verifyMessage(input(message()))).toThrow(ProtocolFault)
  })

  it.each(broken.filter(({ isAlone }) => isAlone !== false))('$name: $id, and no other', ({ name, message }) => {
    const { findings } = examine(input(message()))
    expect([...new Set(findings.map(({ check }) => check))]).toEqual([name])
  })

  it('is known for each rule of the table', () => {
    expect(Object.keys(BAD).sort()).toEqual(ACCEPTANCE.map(({ name }) => name).sort())
  })
})

describe('times', () => {
  const verifyAt = (at: string, cms = craft()): unknown => verifyMessage(input(cms, { at: at as Instant }))

  it('are taken with five minutes for clocks that differ', () => {
    // valid from 11:55 to 12:05
    expect(() => verifyAt('2026-06-01T12:10:00Z')).not.toThrow()
    expect(() => verifyAt('2026-06-01T12:10:01Z')).toThrow('the EE certificate is valid from 2026-06-01T11:55:00Z')
    expect(() => verifyAt('2026-06-01T11:55:00Z')).not.toThrow()
    expect(() => verifyAt('2026-06-01T11:54:59Z')).toThrow('the signing time 2026-06-01T12:00:00Z is later than')
    expect(() => verifyAt('2026-06-01T11:49:59Z')).toThrow('the EE certificate is valid from 2026-06-01T11:55:00Z')
  })

  it('of a CRL may be over where the operator permits it', () => {
    const cms = BAD['crl-stale']?.['expired']?.message() ?? new Uint8Array()
    expect(() => verifyMessage(input(cms))).toThrow('--accept-stale-crl')
    const { remarks } = verifyMessage(input(cms, { acceptStaleCrl: true }))
    expect(remarks.map(({ message }) => message)).toEqual([
      'the CRL was valid until 2026-05-01T00:00:00Z: accepted by permission',
    ])
  })

  it('of a CRL that is permitted to be over do not hide that the EE certificate is revoked', () => {
    const cms = BAD['revoked']?.['by a stale CRL']?.message() ?? new Uint8Array()
    expect(() => verifyMessage(input(cms, { acceptStaleCrl: true }))).toThrow('is revoked')
  })
})

describe('the ID certificate', () => {
  const idOf = (der: Uint8Array) => readIdCertificate(der)

  it('may be signed by another key', () => {
    const id = idOf(bpkiCa(CA, TA))
    expect(id.isSelfSigned).toBe(false)
    expect(verifyMessage(input(craft(), { id })).remarks).toEqual([])
  })

  it('limits the CA certificates between it and the EE certificate', () => {
    const id = idOf(
      bpkiCa(CA, CA, (p) => {
        p.extensions.bc = ext(ID.bc, true, seq(boolean(true), integer(0)))
      }),
    )
    expect(() => verifyMessage(input(craft(), { id }))).not.toThrow()
    expect(() => verifyMessage(input(craft(CHAIN), { id }))).toThrow(
      'the ID certificate allows 0 CAs below itself, the message has 1',
    )
  })

  it('is reported where it has expired', () => {
    const id = idOf(bpkiCa(CA, CA))
    expect(id.notAfter).toBe('2027-01-01T00:00:00Z')
    const late = craft()
    const { remarks } = verifyMessage({
      cms: late,
      id: { ...id, notAfter: '2026-05-01T00:00:00Z' as Instant },
      at: SIGNED_AT,
    })
    expect(remarks.map(({ message }) => message)).toEqual([
      'the ID certificate of the peer expired at 2026-05-01T00:00:00Z',
    ])
  })

  it('is reported where the EE certificate has another name for it', () => {
    const id = { ...idOf(bpkiCa(CA, CA)), subject: new Uint8Array([0x30, 0]) }
    expect(verifyMessage(input(craft(), { id })).remarks).toHaveLength(1)
  })

  it('of another peer verifies nothing', () => {
    expect(() => verifyMessage(input(craft(), { id: OTHER.spki }))).toThrow(
      `the EE certificate is not signed by the ID key ${OTHER.name} of the peer; it says that ${CA.name} signed it`,
    )
  })
})
