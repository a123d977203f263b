/** JSON of validators in pieces: which VRPs are taken, and what is refused. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { epochOf, parseInstant } from '../../../src/core/base/time.js'
import { ALL_RESOURCES, fromResourceText } from '../../../src/core/resources/resource-set.js'
import { formatRoaPayload } from '../../../src/core/resources/roa-payload.js'
import { JsonRows } from '../../../src/core/routing/json-rows.js'
import { type VrpFile, VrpReader } from '../../../src/core/routing/vrp-reader.js'

const NOW = 1_800_000_000

function read(text: string, scope = ALL_RESOURCES, sizes: readonly number[] = []): VrpFile {
  const reader = new VrpReader(scope, NOW)
  const bytes = Buffer.from(text)
  let at = 0
  for (const size of sizes) {
    reader.push(bytes.subarray(at, at + size))
    at += size
  }
  reader.push(bytes.subarray(at))
  return reader.end()
}

const RPKI_CLIENT = `{
\t"metadata": {
\t\t"buildmachine": "a \\"quoted\\" {name}",
\t\t"buildtime": "2026-12-02T10:00:00Z"
\t},
\t"roas": [
\t\t{ "asn": 64496, "prefix": "192.0.2.0/24", "maxLength": 26, "ta": "ripe", "expires": ${NOW + 1} },
\t\t{ "asn": 64497, "prefix": "2001:db8::/32", "maxLength": 32, "ta": "ripe", "expires": ${NOW - 1} }
\t],
\t"bgpsec_keys": [],
\t"aspas": [ { "customer_asid": 1, "expires": 1, "providers": [ 2, 3 ] } ]
}`
const ROUTINATOR = `{"metadata":{"generated":1796200000,"generatedTime":"2026-12-02T10:00:00Z"},"roas":[
{"asn":"AS64496","prefix":"192.0.2.0/24","maxLength":26,"ta":"ripe"},
{"asn":"AS0","prefix":"10.0.0.0/8","maxLength":8,"source":[{"type":"roa","tal":"x","roas":[{"asn":1}]}]},
{"asn":"AS64496","prefix":"192.0.2.0/24","maxLength":26,"ta":"apnic"}
],"routerKeys":[]}`

const texts = ({ vrps }: VrpFile): readonly string[] => vrps.map(formatRoaPayload)

describe('VrpReader', () => {
  it('reads the JSON of rpki-client, without what has expired', () => {
    const file = read(RPKI_CLIENT)
    expect(texts(file)).toEqual(['192.0.2.0/24-26 => 64496'])
    const made = parseInstant('2026-12-02T10:00:00Z')
    expect(file).toMatchObject({ count: 2, expired: 1, unreadable: 0, made: made && epochOf(made) })
  })

  it('reads the JSON of Routinator with nested sources, each VRP once', () => {
    const file = read(ROUTINATOR)
    expect(texts(file)).toEqual(['192.0.2.0/24-26 => 64496', '10.0.0.0/8-8 => 0'])
    expect(file).toMatchObject({ count: 3, expired: 0, made: 1_796_200_000 })
  })

  it('is the same in pieces of any size', () => {
    for (const text of [RPKI_CLIENT, ROUTINATOR]) {
      const whole = read(text)
      fc.assert(
        fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 60 }), (sizes) => {
          expect(read(text, ALL_RESOURCES, sizes)).toEqual(whole)
        }),
      )
      expect(read(text, ALL_RESOURCES, Array(Buffer.byteLength(text)).fill(1))).toEqual(whole)
    }
  })

  it.each([
    ['192.0.2.0/24', ['192.0.2.0/24-26 => 64496']],
    ['192.0.2.128/32', ['192.0.2.0/24-26 => 64496']],
    ['10.1.0.0/16, 192.0.0.0/16', ['192.0.2.0/24-26 => 64496', '10.0.0.0/8-8 => 0']],
    ['192.0.3.0/24', []],
    ['', []],
  ])('takes the VRPs that share addresses with %s', (ipv4, expected) => {
    expect(texts(read(ROUTINATOR, fromResourceText({ asn: '', ipv4, ipv6: '' })))).toEqual(expected)
  })

  it.each([
    ['{"asn":"x","prefix":"192.0.2.0/24","maxLength":24}'],
    ['{"asn":1,"prefix":"192.0.2.1/24","maxLength":24}'],
    ['{"asn":1,"prefix":"192.0.2.0/24","maxLength":23}'],
    ['{"asn":1,"prefix":"192.0.2.0/24","maxLength":33}'],
    ['{"asn":1,"prefix":"192.0.2.0/24","maxLength":"24"}'],
    ['{"asn":1.5,"prefix":"192.0.2.0/24","maxLength":24}'],
    ['{"prefix":"192.0.2.0/24"}'],
    ['{}'],
  ])('counts %s as unreadable', (row) => {
    expect(read(`{"roas":[${row}]}`)).toMatchObject({ vrps: [], count: 0, unreadable: 1 })
  })

  it.each([['{"roas":[{"asn":1,'], ['{"roas":[{]}]}'], ['{"roas":[{"asn":01}]}'], ['{"roas":["'], ['{"roas":[}']])(
    'refuses %s',
    (text) => {
      expect(() => read(text)).toThrow(SyntaxError)
    },
  )

  it('refuses a row without an end before it fills the memory', () => {
    const rows = new JsonRows(() => undefined)
    rows.push(Buffer.from('{"roas":[{"a":"'))
    expect(() => {
      for (let n = 0; n < 100; n++) rows.push(Buffer.alloc(100_000, 'a'))
    }).toThrow(RangeError)
  })
})
