/** Names of aggregates on the command line: with their kind, or a handle alone that only one has. */
import { describe, expect, it } from 'vitest'
import { parseHandle } from '../../../src/core/base/handle.js'
import { findAggregate } from '../../../src/core/eventsourcing/aggregate-name.js'
import { type AggregateId, formatAggregateId, type Kind } from '../../../src/core/eventsourcing/types.js'

const id = (kind: Kind, handle: string): AggregateId => ({ kind, handle: parseHandle(handle) })
const ROSTER = [id('ca', 'acme'), id('ca', 'a/b'), id('ca', 'ta/x'), id('pubd', '0'), id('ha', '0'), id('ta', 'ta')]
const found = (text: string): string => formatAggregateId(findAggregate(ROSTER, text))

describe('the name of an aggregate', () => {
  it.each([
    ['ca/acme', 'ca/acme'],
    ['ca/a/b', 'ca/a/b'],
    ['acme', 'ca/acme'],
    ['a/b', 'ca/a/b'],
    ['ta/x', 'ca/ta/x'],
    ['ta', 'ta/ta'],
    ['pubserver', 'pubserver/0'],
  ])('%s is %s', (text, name) => {
    expect(found(text)).toBe(name)
  })

  it.each([
    ['0', 'aggregate-ambiguous', 'usage', 'several aggregates are meant by "0"'],
    ['acmee', 'aggregate-invalid', 'usage', 'did you mean acme?'],
    ['ca/acm', 'aggregate-unknown', 'rejected', 'unknown aggregate ca/acm, did you mean ca/acme?'],
    ['ta/y', 'aggregate-unknown', 'rejected', 'unknown aggregate ta/y'],
    ...['', 'ca/', '/x', 'cas/acme', 'pubd/0', 'ca/a b', 'CA/acme'].map((text): [string, string, string, string] => [
      text,
      'aggregate-invalid',
      'usage',
      'not the name of an aggregate',
    ]),
  ] satisfies [string, string, string, string][])('%j is refused: %s', (text, code, kind, message) => {
    expect(() => found(text)).toThrow(
      expect.objectContaining({ code, kind, message: expect.stringContaining(message) as unknown }),
    )
  })
})
