/** Prefixes as text: one spelling in, or a fault that names what was typed (bad inputs B021 to B033); RFC 5952 out. */
import { describe, expect, it } from 'vitest'
import { formatAddress, parseAddress } from '../../../src/core/resources/address.js'
import {
  comparePrefix,
  formatPrefix,
  parsePrefix,
  prefixCovers,
  prefixRange,
  rangeToPrefix,
  rangeToPrefixes,
  trustedPrefix,
} from '../../../src/core/resources/prefix.js'
import type { Family } from '../../../src/core/resources/types.js'

const range = (min: string, max: string): { family: Family; min: bigint; max: bigint } => {
  const [low, high] = [parseAddress(min), parseAddress(max)]
  if (low === undefined || high === undefined) throw new Error('no addresses')
  return { family: low.family, min: low.address, max: high.address }
}

describe('parsePrefix', () => {
  it.each([
    ['10.0.0.0/8', '10.0.0.0/8'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['255.255.255.255/32', '255.255.255.255/32'],
    ['192.0.2.128/25', '192.0.2.128/25'],
    ['::/0', '::/0'],
    ['::1/128', '::1/128'],
    ['2001:db8::/32', '2001:db8::/32'],
    ['2001:DB8::/32', '2001:db8::/32'],
    ['2001:0db8:0000:0000:0000:0000:0000:0000/32', '2001:db8::/32'],
    ['2001:db8:0:0:1:0:0:1/128', '2001:db8::1:0:0:1/128'],
    ['2001:0:0:1:0:0:0:1/128', '2001:0:0:1::1/128'],
    ['2001:db8::1:1:1:1:1/128', '2001:db8:0:1:1:1:1:1/128'],
    ['1:2:3:4:5:6:7::/128', '1:2:3:4:5:6:7:0/128'],
    ['::2:3:4:5:6:7:8/128', '0:2:3:4:5:6:7:8/128'],
    ['1::/16', '1::/16'],
    ['::ffff:a00:0/104', '::ffff:a00:0/104'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128'],
  ])('%s is %s', (text, canonical) => {
    const parsed = parsePrefix(text)
    expect('ok' in parsed && formatPrefix(parsed.ok)).toBe(canonical)
  })

  it.each([
    ['B021', '10.0.0.0/33', 'prefix-length'],
    ['B022', '10.0.0.1/24', 'prefix-host-bits'],
    ['B023', '010.0.0.0/8', 'prefix-invalid'],
    ['B024', '10.0.0.0/8-7', 'prefix-length'],
    ['B025', '10.0.0.0/8-33', 'prefix-length'],
    ['B026', '10/8', 'prefix-invalid'],
    ['B026', '10.0.0/24', 'prefix-invalid'],
    ['B027', '2001:db8::/129', 'prefix-length'],
    ['B028', '2001:db8::1/32', 'prefix-host-bits'],
    ['B029', '::ffff:10.0.0.0/104', 'prefix-invalid'],
    ['B030', '10.0.0.0', 'prefix-length'],
    ['B030', '10.0.0.0/', 'prefix-length'],
    ['B031', '10.0.0.0/-1', 'prefix-length'],
    ['B032', '10.0.0.0/8 ', 'prefix-length'],
    ['B032', ' 10.0.0.0/8', 'prefix-invalid'],
    ['B032', '10.0.0.0 /8', 'prefix-invalid'],
    ['B033', '１０.0.0.0/8', 'prefix-invalid'],
    ['B033', '10.0.0.0/８', 'prefix-length'],
    ['', '', 'prefix-invalid'],
    ['', '/8', 'prefix-invalid'],
    ['', '10.0.0.0/08', 'prefix-length'],
    ['', '10.0.0.0/8/8', 'prefix-length'],
    ['', '10.0.0.0/255.0.0.0', 'prefix-length'],
    ['', '10.0.0.0/8.0', 'prefix-length'],
    ['', '10.0.0.0/1e1', 'prefix-length'],
    ['', '10.0.0.256/32', 'prefix-invalid'],
    ['', '10.0.0.0.0/8', 'prefix-invalid'],
    ['', '0xa.0.0.0/8', 'prefix-invalid'],
    ['', '167772160/8', 'prefix-invalid'],
    ['', '0.0.0.1/0', 'prefix-host-bits'],
    ['', '2001:db8/32', 'prefix-invalid'],
    ['', '2001:db8:::/32', 'prefix-invalid'],
    ['', '2001::db8::/32', 'prefix-invalid'],
    ['', '1:2:3:4:5:6:7:8::/128', 'prefix-invalid'],
    ['', '::1:2:3:4:5:6:7:8/128', 'prefix-invalid'],
    ['', '1:2:3:4::5:6:7:8/128', 'prefix-invalid'],
    ['', '1:2:3:4:5:6:7:8:9/128', 'prefix-invalid'],
    ['', '1:2:3:4:5:6:7/128', 'prefix-invalid'],
    ['', ':1::/128', 'prefix-invalid'],
    ['', '1::2:/128', 'prefix-invalid'],
    ['', ':/0', 'prefix-invalid'],
    ['', '12345::/20', 'prefix-invalid'],
    ['', '2001:dg8::/32', 'prefix-invalid'],
    ['', 'fe80::%eth0/64', 'prefix-invalid'],
    ['', '[2001:db8::]/32', 'prefix-invalid'],
    ['', '::0x1/128', 'prefix-invalid'],
    ['', 'all', 'prefix-invalid'],
  ])('%s %j is refused, and the message names it', (_row, text, code) => {
    const parsed = parsePrefix(text)
    expect('fault' in parsed && parsed.fault.code).toBe(code)
    expect('fault' in parsed && parsed.fault.message).toContain(JSON.stringify(text))
    expect('fault' in parsed && parsed.fault.message).not.toContain('\n')
  })

  it('says the network where host bits are set, and the length where there is none', () => {
    const message = (text: string): string => {
      const parsed = parsePrefix(text)
      return 'fault' in parsed ? parsed.fault.message : ''
    }
    expect(message('10.0.0.1/24')).toMatch(/the network is 10\.0\.0\.0\/24$/)
    expect(message('2001:db8::1/32')).toMatch(/the network is 2001:db8::\/32$/)
    expect(message('10.0.0.0')).toMatch(/one address is 10\.0\.0\.0\/32$/)
    expect(message('010.0.0.0/8')).toContain('leading zeros')
    expect(message('::ffff:10.0.0.0/104')).toContain('hexadecimal')
    expect(message('fe80::%eth0/64')).toContain('zone')
  })

  it('does not hang or echo on a text of a million characters', () => {
    for (const unit of ['1', ':', '.', '/', '1.', '::', ' ']) {
      const parsed = parsePrefix(unit.repeat(1_000_000))
      expect('fault' in parsed && parsed.fault.message.length).toBeLessThan(300)
    }
  })
})

describe('stored prefixes', () => {
  it('are read in canonical form only', () => {
    expect(formatPrefix(trustedPrefix('2001:db8::/32'))).toBe('2001:db8::/32')
    for (const text of ['2001:DB8::/32', '2001:db8:0::/32', '10.0.0.1/24', '']) {
      expect(() => trustedPrefix(text)).toThrow(expect.objectContaining({ kind: 'corrupt', code: 'prefix-stored' }))
    }
  })
})

describe('addresses', () => {
  it('do not mistake one family for the other', () => {
    expect(parseAddress('0.0.0.1')).toEqual({ family: 4, address: 1n })
    expect(parseAddress('::1')).toEqual({ family: 6, address: 1n })
    expect(formatAddress(1n, 4)).toBe('0.0.0.1')
    expect(formatAddress(1n, 6)).toBe('::1')
    expect(formatAddress(0xffff_ffffn, 4)).toBe('255.255.255.255')
  })
})

describe('prefixes and ranges', () => {
  it.each([
    ['10.0.0.0', '10.0.1.255', ['10.0.0.0/23']],
    ['10.0.0.0', '10.0.0.2', ['10.0.0.0/31', '10.0.0.2/32']],
    ['10.0.0.1', '10.0.0.6', ['10.0.0.1/32', '10.0.0.2/31', '10.0.0.4/31', '10.0.0.6/32']],
    ['0.0.0.0', '255.255.255.255', ['0.0.0.0/0']],
    ['255.255.255.255', '255.255.255.255', ['255.255.255.255/32']],
    ['::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['::/0']],
    ['2001:db8::', '2001:db9:ffff:ffff:ffff:ffff:ffff:ffff', ['2001:db8::/31']],
  ])('%s-%s is %j', (min, max, prefixes) => {
    const { family, ...whole } = range(min, max)
    expect(rangeToPrefixes(whole, family).map(formatPrefix)).toEqual(prefixes)
    const one = rangeToPrefix(whole, family)
    expect(one === undefined ? undefined : formatPrefix(one)).toBe(prefixes.length === 1 ? prefixes[0] : undefined)
  })

  it('a prefix runs from its first to its last address', () => {
    expect(prefixRange(trustedPrefix('192.0.2.0/24'))).toEqual({ min: 0xc0000200n, max: 0xc00002ffn })
    expect(prefixRange(trustedPrefix('::/0'))).toEqual({ min: 0n, max: 2n ** 128n - 1n })
    expect(prefixRange(trustedPrefix('::/128'))).toEqual({ min: 0n, max: 0n })
  })

  it('a prefix covers itself and what is more specific, in its family', () => {
    const covers = (a: string, b: string): boolean => prefixCovers(trustedPrefix(a), trustedPrefix(b))
    expect(covers('10.0.0.0/8', '10.0.0.0/8')).toBe(true)
    expect(covers('10.0.0.0/8', '10.1.0.0/16')).toBe(true)
    expect(covers('10.1.0.0/16', '10.0.0.0/8')).toBe(false)
    expect(covers('10.0.0.0/8', '11.0.0.0/16')).toBe(false)
    expect(covers('0.0.0.0/0', '::/0')).toBe(false)
    expect(covers('::/0', '2001:db8::/32')).toBe(true)
  })

  it('sort IPv4 first, then by address, then shorter first', () => {
    const sorted = ['9.0.0.0/8', '10.0.0.0/8', '10.0.0.0/9', '::/0', '2001:db8::/32', '2001:db8::/33']
    expect([...sorted].reverse().map(trustedPrefix).sort(comparePrefix).map(formatPrefix)).toEqual(sorted)
  })
})
