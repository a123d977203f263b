/** Files of ROA changes: lines and JSON, read to the end, every fault with its place. */
import { describe, expect, it } from 'vitest'
import { parseRoaDelta } from '../../../src/core/resources/roa-delta.js'
import { formatRoaPayload } from '../../../src/core/resources/roa-payload.js'
import { MAX_ROA_LINES } from '../../../src/core/resources/roa-request.js'

/** `A 192.0.2.0/24-28 => 64496 # note @ line 3` */
function shown(text: string): readonly string[] {
  return parseRoaDelta(text).requests.map(({ remove, note: { payload, comment }, place }) => {
    const note = comment === undefined ? '' : ` # ${comment}`
    return `${remove ? 'R' : 'A'} ${formatRoaPayload(payload)}${note} @ ${place}`
  })
}

function faults(text: string): readonly string[] {
  return parseRoaDelta(text).faults.map((f) => `${f.code} ${f.message}`)
}

describe('lines', () => {
  it('reads lines to add and to remove, past comments, empty lines and line ends of either kind', () => {
    const text = '# changes\r\n\r\nA: 192.0.2.0/24-28 => 64496 # note\r\n  R:10.0.0.0/8=AS1\nA: 2001:db8::/32 => 0'
    expect(shown(text)).toEqual([
      'A 192.0.2.0/24-28 => 64496 # note @ line 3',
      'R 10.0.0.0/8-8 => 1 @ line 4',
      'A 2001:db8::/32-32 => 0 @ line 5',
    ])
    expect(faults(text)).toEqual([])
  })

  it('B042: names every offending line and still reads the others; one named twice is left to the CA', () => {
    const lines = [
      'A: 10.0.0.0/8 => 1',
      'R: 10.0.0.0/8-8=AS1',
      'A: 10.0.0.1/24 => x',
      'add 10.0.0.0/8 => 2',
      'a: 12.0.0.0/8 => 1',
    ].join('\n')
    expect(shown(lines)).toEqual(['A 10.0.0.0/8-8 => 1 @ line 1', 'R 10.0.0.0/8-8 => 1 @ line 2'])
    const found = parseRoaDelta(lines).faults
    expect(found.map((f) => [f.code, f.message.split(':')[0]])).toEqual([
      ['roa-host-bits', 'line 3'],
      ['roa-asn-invalid', 'line 3'],
      ['roa-syntax', 'line 4'],
      ['roa-syntax', 'line 5'],
    ])
    expect(found.map((f) => (f.details as { line: number }).line)).toEqual([3, 3, 4, 5])
  })

  it('B041: refuses a file of a million lines at once', () => {
    const one = `roa-too-many too many ROAs: more than ${MAX_ROA_LINES} in one set`
    expect(faults('A: 10.0.0.0/8 => 1\n'.repeat(1_000_000))).toEqual([one])
    const item = '{"prefix":"10.0.0.0/8","asn":1}'
    expect(faults(`{"added":[${`${item},`.repeat(MAX_ROA_LINES)}${item}]}`)).toEqual([one])
  })
})

describe('JSON', () => {
  it('reads the same set: asn as a number or as text, maxLength and comment as one likes', () => {
    const text = JSON.stringify({
      added: [
        { prefix: '192.0.2.0/24', maxLength: 28, asn: 64496, comment: ' note ' },
        { prefix: '2001:db8::/32', asn: 'AS0', comment: '' },
      ],
      removed: [{ prefix: '10.0.0.0/8', asn: '1' }],
    })
    expect(shown(`\ufeff\n ${text}`)).toEqual([
      'A 192.0.2.0/24-28 => 64496 # note @ added[0]',
      'A 2001:db8::/32-32 => 0 @ added[1]',
      'R 10.0.0.0/8-8 => 1 @ removed[0]',
    ])
    expect(faults(text)).toEqual([])
    expect(shown('{"removed":[{"prefix":"10.0.0.0/8","asn":1}]}')).toEqual(['R 10.0.0.0/8-8 => 1 @ removed[0]'])
  })

  it('names the item of every fault, and reads the others', () => {
    const good = { prefix: '10.0.0.0/8', asn: 1 }
    const added = [
      { prefix: '10.0.0.1/8', asn: 4294967296 },
      good,
      { prefix: '10.0.0.0/8', maxLength: 7, asn: 1.5 },
      { prefix: '10.0.0.0/8', maxLength: '8', asn: null },
      { prefix: '10.0.0.0/33', maxLength: null, asn: '' },
      { prefix: 8, asn: -1, comment: 'a\nb', max_length: 9, ['__proto__x']: 1 },
      'A: 10.0.0.0/8 => 1',
      { ...good, comment: null },
      {},
    ]
    const text = JSON.stringify({ added, removed: {}, add: [] })
    expect(shown(text)).toEqual(['A 10.0.0.0/8-8 => 1 @ added[1]'])
    expect(faults(text)).toEqual([
      'roa-json the object: unknown key "add", known keys: added, removed',
      'roa-host-bits added[0]: invalid prefix "10.0.0.1/8": bits are set beyond the length; the network is 10.0.0.0/8',
      'roa-asn-invalid added[0]: asn "4294967296" is not an AS number from 0 to 4294967295',
      'roa-asn-invalid added[2]: asn "1.5" is not an AS number from 0 to 4294967295',
      'roa-max-length added[2]: maxLength "7" is not a number from the prefix length 8 to 32',
      'roa-asn-invalid added[3]: asn "null" is not an AS number from 0 to 4294967295',
      'roa-max-length added[3]: maxLength "8" is not a number from the prefix length 8 to 32',
      'roa-prefix-invalid added[4]: invalid prefix "10.0.0.0/33": the length of an IPv4 prefix is a number from 0 to 32',
      'roa-asn-invalid added[4]: asn "" is not an AS number from 0 to 4294967295',
      'roa-max-length added[4]: maxLength "null" is not a number',
      'roa-json added[5]: unknown key "max_length", known keys: prefix, maxLength, asn, comment',
      'roa-json added[5]: unknown key "__proto__x", known keys: prefix, maxLength, asn, comment',
      'roa-prefix-invalid added[5]: prefix "8" is not a string',
      'roa-asn-invalid added[5]: asn "-1" is not an AS number from 0 to 4294967295',
      'roa-syntax added[5]: comment "a\\nb" is not one line of text without control characters',
      'roa-json added[6]: not an object',
      'roa-syntax added[7]: comment "null" is not one line of text without control characters',
      'roa-prefix-invalid added[8]: prefix (none) is not a string',
      'roa-asn-invalid added[8]: asn (none) is not an AS number from 0 to 4294967295',
      'roa-json removed: not a list',
    ])
  })

  it('refuses what is no JSON with its line and column, and a list given twice, of which one would be lost', () => {
    expect(faults('{"added": [\n  {"prefix": x}\n]}')).toEqual([
      'roa-json line 2 column 14: not JSON: expected a value',
    ])
    expect(faults('{"added":[],\n"added":[]}')).toEqual(['roa-json line 2 column 1: not JSON: "added" appears twice'])
    expect(faults('{}')).toEqual([
      'roa-json the JSON is not an object with "added", "removed" or both, nor one with "roas"',
    ])
    expect(faults('{"__proto__":{"added":[]}}')).toHaveLength(1)
  })
})
