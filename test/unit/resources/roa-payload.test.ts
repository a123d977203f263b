/** ROA payloads and files of changes as text (bad inputs B021 to B042), their keys, names and order. */
import { describe, expect, it } from 'vitest'
import { trustedPrefix } from '../../../src/core/resources/prefix.js'
import {
  compareRoaPayload,
  formatRoaPayload,
  fromRoaKey,
  parseRoaPayload,
  roaAggregateFileName,
  roaFileName,
} from '../../../src/core/resources/roa-payload.js'

const faultsOf = (text: string): readonly { code: string; message: string }[] => {
  const parsed = parseRoaPayload(text)
  return 'faults' in parsed ? parsed.faults : []
}

describe('parseRoaPayload', () => {
  it.each([
    ['192.0.2.0/24-28 => 64496 # note', '192.0.2.0/24-28 => 64496', 'note'],
    ['192.0.2.0/24 => AS64496', '192.0.2.0/24-24 => 64496', undefined],
    ['192.0.2.0/24-28=AS64496', '192.0.2.0/24-28 => 64496', undefined],
    ['192.0.2.0/24=64496', '192.0.2.0/24-24 => 64496', undefined],
    ['192.0.2.0/24=>64496', '192.0.2.0/24-24 => 64496', undefined],
    ['  192.0.2.0/24-24\t=>  64496  ', '192.0.2.0/24-24 => 64496', undefined],
    ['2001:DB8::/32-48 => AS0', '2001:db8::/32-48 => 0', undefined],
    ['0.0.0.0/0-32 => 4294967295', '0.0.0.0/0-32 => 4294967295', undefined],
    ['192.0.2.0/24 => 1 #', '192.0.2.0/24-24 => 1', undefined],
    ['192.0.2.0/24=AS1 # a => b # c', '192.0.2.0/24-24 => 1', 'a => b # c'],
    ['192.0.2.0/24 => 1 # größer 大', '192.0.2.0/24-24 => 1', 'größer 大'],
  ])('%j is %s', (text, key, comment) => {
    const parsed = parseRoaPayload(text)
    expect('ok' in parsed && formatRoaPayload(parsed.ok.payload)).toBe(key)
    expect('ok' in parsed && parsed.ok.comment).toBe(comment)
    expect('ok' in parsed && Object.hasOwn(parsed.ok, 'comment')).toBe(comment !== undefined)
  })

  it.each([
    ['B021', '10.0.0.0/33 => 1', '10.0.0.0/33', ['roa-prefix-invalid']],
    ['B022', '10.0.0.1/24 => 1', '10.0.0.1/24', ['roa-host-bits']],
    ['B023', '010.0.0.0/8 => 1', '010.0.0.0/8', ['roa-prefix-invalid']],
    ['B024', '10.0.0.0/8-7 => 1', '10.0.0.0/8-7', ['roa-max-length']],
    ['B025', '10.0.0.0/8-33 => 1', '10.0.0.0/8-33', ['roa-max-length']],
    ['B025', '2001:db8::/32-129=AS1', '2001:db8::/32-129', ['roa-max-length']],
    ['B026', '10/8 => 1', '10/8', ['roa-prefix-invalid']],
    ['B027', '2001:db8::/129 => 1', '2001:db8::/129', ['roa-prefix-invalid']],
    ['B028', '2001:db8::1/32 => 1', '2001:db8::1/32', ['roa-host-bits']],
    ['B029', '::ffff:10.0.0.0/104 => 1', '::ffff:10.0.0.0/104', ['roa-prefix-invalid']],
    ['B030', '10.0.0.0 => 1', '10.0.0.0', ['roa-prefix-invalid']],
    ['B031', '10.0.0.0/-1 => 1', '10.0.0.0/-1', ['roa-prefix-invalid']],
    ['B032', '10.0.0.0/8 =AS1', '10.0.0.0/8 ', ['roa-prefix-invalid']],
    ['B032', '10.0.0.0 /8 => 1', '10.0.0.0 /8', ['roa-prefix-invalid']],
    ['B033', '１０.0.0.0/8 => 1', '１０.0.0.0/8', ['roa-prefix-invalid']],
    ['B034', '10.0.0.0/8 => AS4294967296', 'AS4294967296', ['roa-asn-invalid']],
    ['B035', '10.0.0.0/8 => -1', '-1', ['roa-asn-invalid']],
    ['B036', '10.0.0.0/8 => 1e3', '1e3', ['roa-asn-invalid']],
    ['B037', '10.0.0.0/8 => 0x10', '0x10', ['roa-asn-invalid']],
    ['B038', '10.0.0.0/8 => 64512abc', '64512abc', ['roa-asn-invalid']],
    ['B039', '10.0.0.0/8 => 1.5', '1.5', ['roa-asn-invalid']],
    ['B040', '10.0.0.0/8 => ', '""', ['roa-asn-invalid']],
    ['B040', '10.0.0.0/8=', '""', ['roa-asn-invalid']],
    ['B040', '10.0.0.0/8 => # 64496', '""', ['roa-asn-invalid']],
    ['', '10.0.0.0/8- => 1', '10.0.0.0/8-', ['roa-max-length']],
    ['', '10.0.0.0/8-024 => 1', '10.0.0.0/8-024', ['roa-max-length']],
    ['', '10.0.0.0/8-9-10 => 1', '10.0.0.0/8-9-10', ['roa-max-length']],
    ['', '10.0.0.0/8 - 9 => 1', '10.0.0.0/8 - 9', ['roa-prefix-invalid']],
    ['', '10.0.0.0/8= AS1', '" AS1"', ['roa-asn-invalid']],
    ['', '10.0.0.0/8 => 1 => 2', '1 => 2', ['roa-asn-invalid']],
    ['', '10.0.0.0/8 => 1, 2', '1, 2', ['roa-asn-invalid']],
    ['', '10.0.0.0/8', '10.0.0.0/8', ['roa-syntax']],
    ['', '', '""', ['roa-syntax']],
    ['', '# 10.0.0.0/8 => 1', '# 10.0.0.0/8 => 1', ['roa-syntax']],
    ['', '10.0.0.0/8 > 1', '10.0.0.0/8 > 1', ['roa-syntax']],
    ['', '10.0.0.1/24 => x', '10.0.0.1/24', ['roa-host-bits', 'roa-asn-invalid']],
    ['', '10.0.0.0/24-8 => x', '10.0.0.0/24-8', ['roa-max-length', 'roa-asn-invalid']],
  ])('%s %j is refused, and the message names %s', (_row, text, named, codes) => {
    const faults = faultsOf(text)
    expect(faults.map((f) => f.code)).toEqual(codes)
    expect(faults[0]?.message).toContain(named)
    for (const fault of faults) expect(fault.message).not.toContain('\n')
  })

  it.each(['\n', '\r', '\u0000', '\u001b[2J', '\u009b', '\u2028', '\ud800'])('a comment with %j is refused', (char) => {
    expect(faultsOf(`10.0.0.0/8 => 1 # a${char}b`).map((f) => f.code)).toEqual(['roa-syntax'])
  })

  it('is bounded', () => {
    expect(faultsOf(`10.0.0.0/8 => 1 # ${'x'.repeat(1100)}`)[0]?.message).toContain('longer than 1024')
    expect(faultsOf(' '.repeat(1_000_000))[0]?.message.length).toBeLessThan(300)
  })
})

describe('keys, names and order', () => {
  it('a stored key is read in canonical form only', () => {
    expect(fromRoaKey('192.0.2.0/24-28 => 64496')).toEqual({
      asn: 64496,
      prefix: { family: 4, address: 0xc0000200n, length: 24 },
      maxLength: 28,
    })
    for (const key of ['192.0.2.0/24 => 64496', '192.0.2.0/24-28=64496', '192.0.2.0/24-28 => AS64496', '__proto__']) {
      expect(() => fromRoaKey(key)).toThrow(expect.objectContaining({ kind: 'corrupt', code: 'roa-stored' }))
    }
  })

  it('names objects as RFC 6481 section 2.2 allows', () => {
    const name = roaFileName(fromRoaKey('192.0.2.0/24-28 => 64496'))
    expect(name).toBe('3139322e302e322e302f32342d3238203d3e203634343936.roa')
    expect(name).toMatch(/^[A-Za-z0-9_-]+\.roa$/)
    const longest = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128-128 => 4294967295'
    expect(roaFileName(fromRoaKey(longest)).length).toBeLessThan(200)
    expect(roaAggregateFileName(64496)).toBe('AS64496.roa')
  })

  it('lists go by prefix, IPv4 first, then maxLength, then AS number', () => {
    const sorted = [
      '9.0.0.0/8-8 => 5',
      '10.0.0.0/8-8 => 1',
      '10.0.0.0/8-8 => 10',
      '10.0.0.0/8-9 => 2',
      '10.0.0.0/9-9 => 1',
      '100.0.0.0/8-8 => 1',
      '2001:db8::/32-32 => 1',
    ]
    expect([...sorted].reverse().map(fromRoaKey).sort(compareRoaPayload).map(formatRoaPayload)).toEqual(sorted)
    const one = { asn: 1, prefix: trustedPrefix('10.0.0.0/8'), maxLength: 8 }
    expect(compareRoaPayload(one, { ...one })).toBe(0)
  })
})
