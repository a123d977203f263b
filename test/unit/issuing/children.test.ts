/** What an event of issued and withdrawn certificates makes of the children of a CA. */
import { describe, expect, it } from 'vitest'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { Table } from '../../../src/core/base/record.js'
import type { Instant } from '../../../src/core/base/time.js'
import type { KeyId, Sha256 } from '../../../src/core/crypto/ports.js'
import { type Child, evolveChildren, type IssuedCertificate } from '../../../src/core/issuing/children.js'

const NONE = { asn: '', ipv4: '', ipv6: '' }
const certificate = (child: string, ski: string, sha256 = 'aa'): IssuedCertificate => ({
  child: parseHandle(child),
  ski: ski as KeyId,
  spki: '',
  sia: { base: `rsync://host.example/${child}/`, manifest: 'm', notification: null } as never,
  resources: NONE,
  sha256: sha256 as Sha256,
  notAfter: '2027-01-01T00:00:00Z' as Instant,
})
const child = (...issued: readonly IssuedCertificate[]): Child => ({
  transport: 'local',
  resources: NONE,
  issued: Object.fromEntries(issued.map((one) => [one.ski, one])),
})

describe('evolveChildren', () => {
  const before: Table<Child> = { kid: child(certificate('kid', 'K1')), other: child(certificate('other', 'O1')) }

  it('adds, replaces and removes certificates of several children, and leaves the rest', () => {
    const issued = [certificate('kid', 'K1', 'bb'), certificate('kid', 'K2'), certificate('other', 'O2')]
    const withdrawn = [{ child: parseHandle('other'), ski: 'O1' as KeyId }]
    const after = evolveChildren(before, { issued, withdrawn })
    expect(after).toEqual({
      kid: child(certificate('kid', 'K1', 'bb'), certificate('kid', 'K2')),
      other: child(certificate('other', 'O2')),
    })
    expect(before['kid']).toEqual(child(certificate('kid', 'K1')))
  })

  it('withdraws a certificate that the same event issued', () => {
    const one = certificate('kid', 'K3')
    const after = evolveChildren(before, { issued: [one], withdrawn: [{ child: one.child, ski: one.ski }] })
    expect(after).toEqual(before)
  })

  it('ignores a child that was removed, and returns the same table if nothing changes', () => {
    const gone = certificate('gone', 'G1')
    expect(evolveChildren(before, { issued: [gone], withdrawn: [{ child: gone.child, ski: gone.ski }] })).toBe(before)
  })

  it('takes a child named __proto__ as any other', () => {
    const name = parseHandle('__proto__')
    const table = JSON.parse('{"__proto__":{"transport":"local","resources":{},"issued":{}}}') as Table<Child>
    const after = evolveChildren(table, { issued: [certificate(name, 'P1')], withdrawn: [] })
    expect(Object.keys(after)).toEqual(['__proto__'])
    expect(JSON.stringify(after)).toContain('P1')
  })
})
