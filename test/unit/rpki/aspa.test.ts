/** ASPA contents: the strict decoder and the profile. */
import { expect, it } from 'vitest'
import { checkAspaContent, decodeAspa } from '../../../src/core/rpki/aspa.js'
import { survivors } from '../../support/rpki/mutants.js'
import { aspaContent } from '../../support/rpki/objects.js'

it('reads a valid ASPA', () => {
  const { content, findings } = decodeAspa(aspaContent())
  expect(findings).toEqual([])
  expect(content?.customer).toBe(64496)
  expect(content?.providers).toHaveLength(2)
})

it('has a finding about every element that is changed', () => {
  expect(survivors(aspaContent(), decodeAspa)).toEqual([])
})

it.each<[string, readonly number[]]>([
  ['no providers', []],
  ['a provider twice', [1, 1]],
  ['providers out of order', [2, 1]],
  ['the customer among the providers', [1, 64496]],
  ['too many providers', Array.from({ length: 10_000 }, (_, i) => i + 100_000)],
])('the profile refuses %s', (_what, providers) => {
  const findings = checkAspaContent({ customer: 64496, providers })
  expect(findings.map((f) => [f.rule, f.tolerated])).toEqual([['ASPA profile section 3', undefined]])
})

it('the profile tolerates AS0 with others and accepts AS0 alone', () => {
  expect(checkAspaContent({ customer: 64496, providers: [0, 1] })).toMatchObject([{ tolerated: true }])
  expect(checkAspaContent({ customer: 64496, providers: [0] })).toEqual([])
})
