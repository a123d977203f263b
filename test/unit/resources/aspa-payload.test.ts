/** ASPA payloads as text: both forms, every violation, and lists of any length. */
import { describe, expect, it } from 'vitest'
import { checkProviders, formatAspa, parseAspaPayload } from '../../../src/core/resources/aspa-payload.js'

const codesOf = (customer: number, providers: readonly number[]): readonly string[] =>
  checkProviders(customer, providers).map(({ code }) => code)

describe('an ASPA as text', () => {
  it.each(['64496 => 64498, 64497 # upstreams', 'AS64496=AS64497,AS64498 # upstreams'])('%s', (text) => {
    const parsed = parseAspaPayload(text)
    expect(parsed).toEqual({ ok: { payload: { customer: 64496, providers: [64497, 64498] }, comment: 'upstreams' } })
    if ('ok' in parsed) expect(formatAspa(parsed.ok.payload)).toBe('AS64496 => AS64497, AS64498')
  })

  it.each(['64496', '=', '64496 => 1 => 2', '64496 => 1 # \u202e', '64496 => x', '-1 => 1'])('refuses %j', (text) => {
    expect(parseAspaPayload(text)).toHaveProperty('faults')
  })
})

describe('a list of providers', () => {
  it.each([
    [64496, [2, 1], []],
    [64496, [0], []],
    [64496, [0, 1], ['aspa-as0']],
    [64496, [], ['aspa-empty']],
    [64496, [64496], ['aspa-customer-provider']],
    [0, [1], ['aspa-customer-zero']],
    [64496, [1, 2, 1, 1, 2], ['aspa-provider-duplicate', 'aspa-provider-duplicate']],
  ])('AS%i with %j: %j', (customer, providers, codes) => {
    expect(codesOf(customer, providers)).toEqual(codes)
  })

  // compared with each other, a million providers would take an hour: a file of the user may have as many
  it('of a million is refused in one pass', () => {
    const many = Array.from({ length: 1_000_000 }, (_, n) => 100_000 + n)
    expect(codesOf(64496, many)).toEqual(['aspa-too-many-providers'])
    const same = many.slice(0, 9_999)
    expect(codesOf(64496, [...same.slice(1), 100_001])).toEqual(['aspa-provider-duplicate'])
  })
})
