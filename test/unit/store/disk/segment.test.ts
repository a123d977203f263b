/** The format of a segment: its exact bytes, its index, and what is found in a damaged one. */
import { describe, expect, it } from 'vitest'
import { sha256Hex } from '../../../../src/core/crypto/digest.js'
import {
  encodeSegment,
  entriesOf,
  findEntry,
  indexPlace,
  mayHold,
  parsePackedName,
  parseSegmentName,
  rebuildIndex,
  TRAILER,
} from '../../../../src/core/store/disk/segment.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const FILES = [
  { name: 'event-10.json', bytes: bytes('{"b":2}'), modified: 1_790_000_001 },
  { name: 'command-2.json', bytes: bytes('{"c":3}'), modified: 1_790_000_002 },
  { name: 'event-9.json', bytes: bytes('{"a":1}\n'), modified: 1_790_000_000 },
]
const hashOf = (text: string): string => sha256Hex(bytes(text))
const text = (of: Uint8Array): string => Buffer.from(of).toString('latin1')

function linesIn(segment: Uint8Array): Buffer {
  const place = indexPlace(segment.slice(-TRAILER), segment.length)
  if (place === undefined) throw new Error('no index')
  return Buffer.from(segment.slice(place.start, place.end))
}

describe('encode', () => {
  it('has these bytes, in the order of the numbers', () => {
    const [c, e10, e9] = [hashOf('{"c":3}'), hashOf('{"b":2}'), hashOf('{"a":1}\n')]
    const body = [
      'brine-segment 1',
      `command-2.json 7 1790000002 ${c}`,
      '{"c":3}',
      `event-9.json 8 1790000000 ${e9}`,
      '{"a":1}\n',
      `event-10.json 7 1790000001 ${e10}`,
      '{"b":2}',
      'index',
      '',
    ].join('\n')
    const offset = (content: string): number => body.indexOf(content)
    const index = [
      `command-2.json ${offset('{"c":3}')} 7 1790000002 ${c}\n`,
      `event-9.json ${offset('{"a":1}')} 8 1790000000 ${e9}\n`,
      `event-10.json ${offset('{"b":2}')} 7 1790000001 ${e10}\n`,
    ].join('')
    const segment = encodeSegment(FILES)
    const end = `end ${String(body.length).padStart(15, '0')} ${hashOf(index)}\n`
    expect(text(segment.bytes)).toBe(`${body}${index}${end}`)
    expect(segment.name).toBe(`command-2-2_event-9-10_${hashOf(index).slice(0, 16)}.seg`)
    expect(encodeSegment([...FILES].reverse())).toEqual(segment)
  })

  it('refuses a file that is never packed', () => {
    const file = { name: 'snapshot-5.json', bytes: bytes('x'), modified: 0 }
    expect(() => encodeSegment([file])).toThrow('snapshot-5.json cannot be packed')
  })

  it('keeps any bytes, and those that look like its own lines', () => {
    const inner = encodeSegment(FILES).bytes
    const name = sha256Hex(inner)
    const segment = encodeSegment([{ name, bytes: inner, modified: 5 }])
    const [entry] = entriesOf(linesIn(segment.bytes))
    expect(segment.bytes.slice(entry?.offset, (entry?.offset ?? 0) + inner.length)).toEqual(inner)
    expect(text(rebuildIndex(segment.bytes))).toBe(text(linesIn(segment.bytes)))
  })
})

describe('names', () => {
  it.each([
    ['17.json', { type: 'commit', n: 17 }],
    ['event-0.json', { type: 'event', n: 0 }],
    ['command-3.json', { type: 'command', n: 3 }],
    ['ab'.repeat(32), { type: 'object', n: 0 }],
    ['snapshot-5.json', undefined],
    ['info.json', undefined],
    ['017.json', undefined],
    ['event-1.json.0123456789ab', undefined],
  ])('%s', (name, expected) => expect(parsePackedName(name)).toEqual(expected))

  it('a name of a segment says what it may hold', () => {
    const ranges = parseSegmentName('command-2-5_event-9-10_0123456789abcdef.seg') ?? []
    const holds = (type: 'event' | 'command' | 'commit', n: number): boolean => mayHold(ranges, { type, n })
    expect([holds('command', 1), holds('command', 2), holds('command', 5), holds('command', 6)]).toEqual([
      false,
      true,
      true,
      false,
    ])
    expect([holds('event', 9), holds('event', 11), holds('commit', 9)]).toEqual([true, false, false])
    expect(parseSegmentName('.tmp-event-9-10_0123456789abcdef.seg')).toBeUndefined()
    expect(parseSegmentName('event-9-10_0123456789abcdef.seg.bak')).toBeUndefined()
  })
})

describe('index', () => {
  it('finds a name only where its line begins', () => {
    const lines = linesIn(encodeSegment(FILES).bytes)
    expect(findEntry(lines, 'event-9.json')?.length).toBe(8)
    expect(findEntry(lines, '9.json')).toBeUndefined()
    expect(findEntry(lines, 'event-1.json')).toBeUndefined()
  })

  it('is not found in a segment that is cut at any byte', () => {
    const { bytes: all } = encodeSegment(FILES)
    for (let end = 0; end < all.length; end++) {
      const part = all.slice(0, end)
      const place = indexPlace(part.slice(-TRAILER), part.length)
      const isWhole = place !== undefined && sha256Hex(part.slice(place.start, place.end)) === place.sha256
      expect(isWhole, `${end} bytes`).toBe(false)
    }
  })

  it('is rebuilt with each whole entry of a segment that is cut at any byte', () => {
    const { bytes: all } = encodeSegment(FILES)
    const whole = entriesOf(linesIn(all))
    for (let end = 0; end <= all.length; end++) {
      const found = entriesOf(rebuildIndex(all.slice(0, end)))
      expect(found, `${end} bytes`).toEqual(whole.filter((e) => e.offset + e.length <= end))
    }
  })

  it('is rebuilt without the entry in which a bit is flipped, and with all others', () => {
    const { bytes: all } = encodeSegment(FILES)
    const whole = entriesOf(linesIn(all))
    const last = Math.max(...whole.map((e) => e.offset + e.length))
    for (let at = 'brine-segment 1\n'.length; at < last; at++) {
      const flipped = Uint8Array.from(all)
      flipped[at] = (flipped[at] ?? 0) ^ 1
      const found = entriesOf(rebuildIndex(flipped))
      const lost = whole.filter((e) => !found.some((f) => f.name === e.name && f.sha256 === e.sha256))
      // a changed name or time is only in the line before the entry: its content is what the commits know
      expect(lost.length, `byte ${at}`).toBeLessThanOrEqual(1)
      for (const entry of found)
        expect(sha256Hex(flipped.slice(entry.offset, entry.offset + entry.length))).toBe(entry.sha256)
    }
  })
})
