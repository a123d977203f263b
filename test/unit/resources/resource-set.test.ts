/** Resource sets as text and as sets (bad inputs B021 to B041 where they name resources). */
import { describe, expect, it } from 'vitest'
import { AppError } from '../../../src/core/base/errors.js'
import { trustedPrefix } from '../../../src/core/resources/prefix.js'
import {
  ALL_RESOURCES,
  containsAsn,
  containsPrefix,
  containsSet,
  difference,
  equalSets,
  formatResources,
  fromResourceText,
  intersection,
  isCanonicalSet,
  isEmpty,
  MAX_RESOURCE_ITEMS,
  NO_RESOURCES,
  parseResources,
  prefixSet,
  toResourceText,
  union,
} from '../../../src/core/resources/resource-set.js'

function refusal(text: string): AppError {
  try {
    parseResources(text)
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
  throw new Error(`accepted ${JSON.stringify(text)}`)
}

describe('parseResources', () => {
  it.each([
    ['AS64496', 'AS64496'],
    ['AS64496-AS64511', 'AS64496-AS64511'],
    ['AS64496-AS64496', 'AS64496'],
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['10.0.0.0-10.0.1.255', '10.0.0.0/23'],
    ['10.0.0.0-10.0.0.2', '10.0.0.0-10.0.0.2'],
    ['2001:db8::-2001:db8::2', '2001:db8::-2001:db8::2'],
    ['2001:db8::/32,AS1,10.0.0.0/8', 'AS1, 10.0.0.0/8, 2001:db8::/32'],
    ['AS1,  10.0.0.0/8 , AS2', 'AS1-AS2, 10.0.0.0/8'],
    ['10.0.1.0/24, 10.0.0.0/24', '10.0.0.0/23'],
    ['10.0.0.0/8, 10.1.0.0/16, 10.0.0.0/8', '10.0.0.0/8'],
    ['10.0.0.0-10.0.0.9, 10.0.0.5-10.0.0.20, 10.0.0.21-10.0.0.21', '10.0.0.0-10.0.0.21'],
    ['AS5-AS9, AS1-AS6, AS10', 'AS1-AS10'],
    ['AS0-AS4294967295, 0.0.0.0/0, ::/0', 'all'],
    ['all', 'all'],
    ['none', 'none'],
  ])('%s is %s', (text, line) => {
    const set = parseResources(text)
    expect(formatResources(set)).toBe(line)
    expect(isCanonicalSet(set)).toBe(true)
    expect(equalSets(parseResources(line), set)).toBe(true)
  })

  it.each([
    ['B021', '10.0.0.0/33'],
    ['B022', '10.0.0.1/24'],
    ['B023', '010.0.0.0/8'],
    ['B024', '10.0.0.0/8-7'],
    ['B025', '10.0.0.0/8-33'],
    ['B026', '10/8'],
    ['B027', '2001:db8::/129'],
    ['B028', '2001:db8::1/32'],
    ['B029', '::ffff:10.0.0.0/104'],
    ['B030', '10.0.0.0'],
    ['B031', '10.0.0.0/-1'],
    ['B032', '10.0.0.0/8 '],
    ['B032', ' 10.0.0.0/8'],
    ['B033', '１０.0.0.0/8'],
    ['B034', 'AS4294967296'],
    ['B035', 'AS-1'],
    ['B035', '-1'],
    ['B036', 'AS1e3'],
    ['B037', 'AS0x10'],
    ['B038', 'AS64512abc'],
    ['B039', 'AS1.5'],
    ['B040', 'AS'],
    ['B041', '10.0.0.9-10.0.0.1'],
    ['B041', '2001:db8::2-2001:db8::1'],
    ['B041', 'AS2-AS1'],
    ['', '64496'],
    ['', '64496-64511'],
    ['', 'AS64496-64511'],
    ['', 'AS64496-'],
    ['', 'AS1-AS2-AS3'],
    ['', 'AS64496 - AS64511'],
    ['', '10.0.0.0-'],
    ['', '10.0.0.0-::1'],
    ['', '0.0.0.0-::1'],
    ['', '::-10.0.0.0'],
    ['', '10.0.0.0-10.0.0.300'],
    ['', '10.0.0.0/24-10.0.1.0/24'],
    ['', 'ALL'],
    ['', 'everything'],
    ['', '10.0.0.0/8;AS1'],
    ['', '10.0.0.0/8\nAS1'],
  ])('%s %j is refused, and the message names it', (_row, text) => {
    const error = refusal(text)
    expect(error).toMatchObject({ kind: 'usage', code: 'resources-invalid', changed: 'no' })
    expect(error.message).toContain(JSON.stringify(text))
    expect(error.message).not.toContain('\n')
    expect(error.hint).toContain('AS64496-AS64511')
  })

  it.each(['', ' ', ',', 'AS1,', ',AS1', 'AS1,,AS2', 'AS1, ', 'all, AS1', 'none,AS1'])('%j is refused', (text) => {
    expect(refusal(text).code).toBe('resources-invalid')
  })

  it('lists every fault at once, with the code of each', () => {
    const error = refusal('10.0.0.1/24, AS1, 10.0.0.0/33, AS9-AS1, foo')
    expect(error.message.split('\n')).toHaveLength(5)
    for (const name of ['10.0.0.1/24', '10.0.0.0/33', 'AS9-AS1', 'foo']) expect(error.message).toContain(`"${name}"`)
    const { faults } = error.details as { faults: { code: string }[] }
    expect(faults.map((f) => f.code)).toEqual([
      'prefix-host-bits',
      'prefix-length',
      'resources-invalid',
      'prefix-invalid',
    ])
  })

  it('stays bounded in what it takes and in what it says (B041)', () => {
    expect(refusal('AS1,'.repeat(1_000_000)).message).toBe(`too many resources: more than ${MAX_RESOURCE_ITEMS} items`)
    const error = refusal(`${'x'.repeat(100_000)},`.repeat(300))
    expect(error.message.length).toBeLessThan(30_000)
    expect(error.message).toContain('301 violations')
    expect(error.message).toContain('and 201 more')
    expect(refusal(`${' '.repeat(1_000_000)}AS1`).message.length).toBeLessThan(300)
    expect(refusal(`AS1${' '.repeat(1_000_000)}x,AS2`).message.length).toBeLessThan(300)
    const many = Array.from({ length: MAX_RESOURCE_ITEMS }, (_, i) => `AS${2 * i}`).join(',')
    expect(parseResources(many).asn).toHaveLength(MAX_RESOURCE_ITEMS)
  })
})

describe('stored text', () => {
  it('has each family apart, and empty text for nothing', () => {
    const set = parseResources('AS64500, AS64496-AS64498, 192.0.2.0/24, 10.0.0.0-10.0.0.2, 2001:db8::/32')
    const text = { asn: 'AS64496-AS64498, AS64500', ipv4: '10.0.0.0-10.0.0.2, 192.0.2.0/24', ipv6: '2001:db8::/32' }
    expect(toResourceText(set)).toEqual(text)
    expect(fromResourceText(text)).toEqual(set)
    expect(toResourceText(NO_RESOURCES)).toEqual({ asn: '', ipv4: '', ipv6: '' })
    expect(fromResourceText({ asn: '', ipv4: '', ipv6: '' })).toEqual(NO_RESOURCES)
    expect(fromResourceText(toResourceText(ALL_RESOURCES))).toEqual(ALL_RESOURCES)
  })

  it.each([
    { asn: 'AS1,AS3' },
    { asn: 'AS3, AS1' },
    { asn: 'AS1, AS2' },
    { asn: 'AS1, AS1' },
    { asn: 'AS1-AS1' },
    { asn: 'AS2-AS1' },
    { asn: 'as1' },
    { asn: '1' },
    { asn: ' ' },
    { asn: 'AS1, ' },
    { asn: '10.0.0.0/8' },
    { ipv4: '10.0.0.0/24, 10.0.1.0/24' },
    { ipv4: '10.0.0.0-10.0.0.255' },
    { ipv4: '10.0.0.1/24' },
    { ipv4: '10.0.0.0/8, 10.1.0.0/16' },
    { ipv4: '2001:db8::/32' },
    { ipv4: 'all' },
    { ipv6: '2001:DB8::/32' },
    { ipv6: '10.0.0.0/8' },
    { ipv6: 'AS1' },
  ])('%j is damage, not data', (part) => {
    expect(() => fromResourceText({ asn: '', ipv4: '', ipv6: '', ...part })).toThrow(
      expect.objectContaining({ kind: 'corrupt', code: 'resources-stored' }),
    )
  })
})

describe('the algebra', () => {
  const a = parseResources('AS1-AS10, 10.0.0.0/8, 2001:db8::/32')
  const b = parseResources('AS5-AS20, 10.1.0.0/16, 2001:db8::/33')

  it('joins, meets and cuts in each family', () => {
    expect(formatResources(union(a, b))).toBe('AS1-AS20, 10.0.0.0/8, 2001:db8::/32')
    expect(formatResources(intersection(a, b))).toBe('AS5-AS10, 10.1.0.0/16, 2001:db8::/33')
    expect(formatResources(difference(a, b))).toBe('AS1-AS4, 10.0.0.0/16, 10.2.0.0-10.255.255.255, 2001:db8:8000::/33')
    expect(formatResources(difference(b, a))).toBe('AS11-AS20')
    expect(isEmpty(difference(a, ALL_RESOURCES))).toBe(true)
    expect(union(NO_RESOURCES, a)).toEqual(a)
  })

  it('joins what is adjacent, up to the last address and number', () => {
    expect(formatResources(union(parseResources('0.0.0.0/1'), parseResources('128.0.0.0/1')))).toBe('0.0.0.0/0')
    expect(formatResources(union(parseResources('AS0-AS9'), parseResources('AS10-AS4294967295')))).toBe(
      'AS0-AS4294967295',
    )
  })

  it('knows what holds what', () => {
    expect(containsSet(ALL_RESOURCES, a)).toBe(true)
    expect(containsSet(a, NO_RESOURCES)).toBe(true)
    expect(containsSet(a, b)).toBe(false)
    expect(containsSet(parseResources('10.0.0.0/9, 10.128.0.0/9'), parseResources('10.0.0.0/8'))).toBe(true)
    expect(containsPrefix(a, trustedPrefix('10.255.0.0/16'))).toBe(true)
    expect(containsPrefix(a, trustedPrefix('0.0.0.0/0'))).toBe(false)
    expect(containsPrefix(a, trustedPrefix('11.0.0.0/8'))).toBe(false)
    expect(containsPrefix(parseResources('10.0.0.0/8'), trustedPrefix('::a00:0/128'))).toBe(false)
    expect([0, 1, 10, 11].map((asn) => containsAsn(a, asn))).toEqual([false, true, true, false])
    expect(containsAsn(NO_RESOURCES, 0)).toBe(false)
  })

  it('makes the set of a ROA from its prefixes', () => {
    const prefixes = ['10.0.1.0/24', '2001:db8::/32', '10.0.0.0/24', '10.0.0.0/25'].map(trustedPrefix)
    expect(formatResources(prefixSet(prefixes))).toBe('10.0.0.0/23, 2001:db8::/32')
  })

  it('says of a list from elsewhere whether it is canonical', () => {
    const asn = (...ranges: [number, number][]): boolean =>
      isCanonicalSet({ ...NO_RESOURCES, asn: ranges.map(([min, max]) => ({ min, max })) })
    expect(asn([1, 2], [4, 5])).toBe(true)
    expect(asn([1, 2], [3, 5])).toBe(false)
    expect(asn([4, 5], [1, 2])).toBe(false)
    expect(asn([2, 1])).toBe(false)
    expect(isCanonicalSet(parseResources('10.0.0.0/24, 10.0.2.0/24'))).toBe(true)
    expect(
      isCanonicalSet({
        ...NO_RESOURCES,
        ipv6: [
          { min: 1n, max: 2n },
          { min: 3n, max: 4n },
        ],
      }),
    ).toBe(false)
  })
})
