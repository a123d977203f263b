/** Lists of ROAs as other programs write them: CSV of Routinator, rpki-client and the RIRs, JSON of Routinator and rpki-client, lines. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addressBits, maxAddress } from '../../../src/core/resources/address.js'
import { formatPrefix } from '../../../src/core/resources/prefix.js'
import { formatRoaCsv } from '../../../src/core/resources/roa-csv.js'
import { parseRoaDelta } from '../../../src/core/resources/roa-delta.js'
import { formatRoaPayload, isRoaComment } from '../../../src/core/resources/roa-payload.js'
import type { Family } from '../../../src/core/resources/types.js'

const TWO = ['192.0.2.0/24-26 => 64496', '2001:db8::/32-32 => 64497']

function shown(text: string, unsigned?: 'add' | 'remove'): readonly string[] {
  const { requests, faults } = parseRoaDelta(text, unsigned)
  const told = faults.map(({ code, message }) => `${code} ${message}`)
  return [
    ...requests.map(
      ({ remove, note }) =>
        `${remove ? 'R ' : ''}${formatRoaPayload(note.payload)}${note.comment === undefined ? '' : ` # ${note.comment}`}`,
    ),
    ...told,
  ]
}

describe('a list of ROAs is read as', () => {
  it.each([
    [
      'CSV of Routinator',
      'ASN,IP Prefix,Max Length,Trust Anchor\nAS64496,192.0.2.0/24,26,ripe\nAS64497,2001:db8::/32,32,ripe\n',
    ],
    [
      'CSV of rpki-client, with line ends of Windows and a byte order mark',
      '\uFEFFASN,IP Prefix,Max Length,Trust Anchor,Expires\r\nAS64496,192.0.2.0/24,26,ripe,1790000000\r\nAS64497,2001:db8::/32,32,ripe,1790000000\r\n',
    ],
    [
      'CSV of RIPE, in quotes',
      '"ASN","IP Prefix","Max Length","Trust Anchor"\n"AS64496","192.0.2.0/24","26","RIPE NCC, RPKI Root"\n"AS64497","2001:db8::/32","32","x"\n',
    ],
    [
      'CSV of the archive of the RIPE NCC, whose first column is a URI',
      'URI,ASN,IP Prefix,Max Length,Not Before,Not After\nrsync://h/a.roa,AS64496,192.0.2.0/24,26,2026-01-01,2027-01-01\nrsync://h/b.roa,AS64497,2001:db8::/32,,2026-01-01,2027-01-01\n',
    ],
    ['CSV without a header', '64496,192.0.2.0/24,26\nAS64497,2001:db8::/32\n'],
    ['CSV without a header, the prefix first', '192.0.2.0/24,AS64496,26\n2001:db8::/32,AS64497,32\n'],
    ['CSV without a header, the AS number last', '192.0.2.0/24,26,64496\n2001:db8::/32,32,64497\n'],
    ['CSV without a header, after other columns', 'ours,192.0.2.0/24,26,AS64496\nours,2001:db8::/32,,AS64497\n'],
    [
      'CSV of a spreadsheet, with semicolons',
      '# ours\n\nIP prefix;ASN;Max-Length\n192.0.2.0/24;AS64496;26\n2001:db8::/32;AS64497;\n',
    ],
    [
      'JSON of Routinator',
      '{"metadata":{"generated":1},"roas":[{"asn":"AS64496","prefix":"192.0.2.0/24","maxLength":26,"ta":"ripe"},{"asn":"AS64497","prefix":"2001:db8::/32","maxLength":32,"ta":"ripe"}]}',
    ],
    [
      'JSON of rpki-client',
      '{"roas":[{"asn":64496,"prefix":"192.0.2.0/24","maxLength":26,"ta":"ripe","expires":1},{"asn":64497,"prefix":"2001:db8::/32","maxLength":32}],"aspas":[]}',
    ],
    ['a JSON list', '[{"asn":64496,"prefix":"192.0.2.0/24","maxLength":26},{"asn":64497,"prefix":"2001:db8::/32"}]'],
    [
      'JSON of changes that only adds',
      '{"added":[{"asn":64496,"prefix":"192.0.2.0/24","maxLength":26},{"asn":64497,"prefix":"2001:db8::/32"}]}',
    ],
    ['lines', '192.0.2.0/24-26 => 64496\nA: 2001:db8::/32=AS64497\n'],
  ])('%s', (_, text) => {
    expect(shown(text, 'add')).toEqual(TWO)
  })

  it('ROAs to remove where that is asked', () => {
    expect(shown('AS64496,192.0.2.0/24,26\n', 'remove')).toEqual([`R ${TWO[0]}`])
    expect(shown('[{"asn":64496,"prefix":"192.0.2.0/24","maxLength":26}]', 'remove')).toEqual([`R ${TWO[0]}`])
  })
})

describe('is refused', () => {
  it.each([
    ['AS64496,192.0.2.0/24,26\n', 'roa-unsigned CSV does not say whether to add or to remove'],
    ['{"roas":[]}', 'roa-unsigned a list of ROAs does not say'],
  ])('as a file of changes: %j', (text, message) => {
    expect(shown(text)).toEqual([expect.stringContaining(message)])
  })

  it.each([
    ['R: 192.0.2.0/24 => 1', 'every ROA of this file is one to add'],
    ['{"removed":[{"asn":1,"prefix":"192.0.2.0/24"}]}', 'removed[0]: every ROA of this file is one to add'],
  ])('in a list to add: %j', (text, message) => {
    expect(shown(text, 'add').at(-1)).toContain(message)
  })

  it('by line, every fault of every line', () => {
    const text = 'ASN,IP Prefix,Max Length\nASX,10.0.0.1/8,9\nAS1,10.0.0.0/8,7\nAS2,"10.0.0.0/8,8\nAS3,10.0.0.0/8,8\n'
    expect(shown(text, 'add')).toEqual([
      '10.0.0.0/8-8 => 3',
      expect.stringContaining('roa-asn-invalid line 2: "ASX"'),
      expect.stringContaining('roa-host-bits line 2: '),
      expect.stringContaining('roa-max-length line 3: maxLength "7"'),
      expect.stringContaining('roa-csv line 4: '),
    ])
  })

  it('for a header without the column that is needed', () => {
    expect(shown('ASN,Max Length\n', 'add')).toEqual([
      'roa-csv line 1: the header names IP Prefix not exactly once; expected is ASN,IP Prefix,Max Length',
    ])
  })

  it.each([
    ['192.0.2.0/24,24,26\n10.0.0.0/8,9,10\n', '"192.0.2.0/24,24,26" looks like data, and which of its columns'],
    ['192.0.2.0/24,ripe\n', '"192.0.2.0/24,ripe" looks like data, and which of its columns'],
    ['AS Number,Network\nAS64496,192.0.2.0/24\n', '"AS Number,Network" is neither data nor a header that is known'],
  ])('once, with the header that is expected: %j', (text, message) => {
    const [only, ...more] = shown(text, 'add')
    expect([more, only]).toEqual([[], expect.stringContaining(`roa-csv line 1: ${message}`)])
    expect(only).toContain('begin the file with the header ASN,IP Prefix,Max Length')
  })
})

const payload = fc.constantFrom<Family>(4, 6).chain((family) =>
  fc.record({
    family: fc.constant(family),
    bits: fc.bigInt({ min: 0n, max: maxAddress(family) }),
    length: fc.integer({ min: 0, max: addressBits(family) }),
    more: fc.nat(128),
    asn: fc.nat(2 ** 32 - 1),
    comment: fc
      .string({ maxLength: 40 })
      .map((text) => text.trim())
      .filter(isRoaComment),
  }),
)

it('what formatRoaCsv writes is read again, comments included', () => {
  fc.assert(
    fc.property(fc.array(payload), (given) => {
      const rows = given.map(({ family, bits, length, more, asn, comment }) => {
        const shift = BigInt(addressBits(family) - length)
        const prefix = formatPrefix({ family, address: (bits >> shift) << shift, length })
        const maxLength = Math.min(length + more, addressBits(family))
        return { asn, prefix, maxLength, ...(comment !== '' && { comment }) }
      })
      const { requests, faults } = parseRoaDelta(formatRoaCsv(rows), 'add')
      const read = requests.map(({ note: { payload: p, comment } }) => ({
        asn: p.asn,
        prefix: formatPrefix(p.prefix),
        maxLength: p.maxLength,
        ...(comment !== undefined && { comment }),
      }))
      expect([faults, read]).toEqual([[], rows])
    }),
  )
})
