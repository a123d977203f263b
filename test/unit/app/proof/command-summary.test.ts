/** One line on each recorded command, from records of this program and of older ones. */
import { describe, expect, test } from 'vitest'
import { commandSummary } from '../../../../src/core/app/proof/command-summary.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import type { Json } from '../../../../src/core/base/json.js'
import { ca } from '../../../../src/core/ca/aggregate.js'
import type { Kind } from '../../../../src/core/eventsourcing/types.js'
import { parseResources } from '../../../../src/core/resources/resource-set.js'

const HELD = { asn: 'AS64496', ipv4: '10.0.0.0/24', ipv6: '' }

test.each<readonly [Kind, string, Json, string]>([
  ['ca', 'roas.update', { added: ['a => 1', 'b => 1'], removed: ['c => 1'] }, '+2 ROAs, -1'],
  ['ca', 'roas.update', { added: ['10.0.0.0/8-8 => 1 # office'], removed: [] }, '+10.0.0.0/8-8 => 1 # office'],
  ['ca', 'roas.update', { added: [], removed: ['a => 1'] }, '-a => 1'],
  ['ca', 'roas.update', { added: [], removed: ['a => 1', 'b => 1'] }, '-2 ROAs'],
  ['ca', 'roas.update', { added: ['a => 1', 'b => 1'], removed: [] }, '+2 ROAs'],
  ['ca', 'roas.update', { added: ['a => 1'], removed: ['b => 1'] }, '+1 ROA, -1'],
  ['ca', 'child.add', { child: 'branch', resources: HELD }, 'child branch AS64496, 10.0.0.0/24'],
  ['ta', 'child.update', { child: 'a', resources: { asn: '', ipv4: '', ipv6: '' } }, 'child a none'],
  ['ca', 'child.remove', { child: 'branch' }, 'child branch'],
  ['ca', 'ca.add', { under: 'testbed', resources: HELD }, 'under testbed with AS64496, 10.0.0.0/24'],
  [
    'ca',
    'certificate.receive',
    { class: '0', ski: 'AB', sha256: 'cd', resources: HELD },
    'class 0 holds AS64496, 10.0.0.0/24',
  ],
  ['ca', 'republish', { force: true }, 'all of it'],
  ['ca', 'clock.reset', { objects: 1, atLeast: 0 }, 'to the present, 1 object again'],
  ['ta', 'clock.reset', { objects: 2, certificate: true, atLeast: 0 }, 'to the present, 2 objects again'],
  ['pubd', 'clock.reset', {}, 'to the present'],
  ['pubd', 'publish', { changes: [{ publisher: 'acme', put: 3, drop: 1 }] }, 'acme +3 -1'],
  [
    'pubd',
    'publish',
    { changes: [1, 2, 3, 4].map((n) => ({ publisher: `p${n}`, put: n, drop: 0 })) },
    '4 publishers +10 -0',
  ],
  ['ha', 'override.set', { ca: 'one', mode: 'drain', reason: 'x', until: null }, 'one drain'],
  [
    'ha',
    'override.set',
    { ca: 'one', mode: 'drain', reason: 'x', until: '2026-11-22T10:00:00Z' },
    'one drain until 2026-11-22T10:00:00Z',
  ],
  [
    'est',
    'request.open',
    { id: 'x', label: 'device', subject: 'CN=a', by: 'password x', ca: 'one' },
    'device CN=a at one',
  ],
  ['ca', 'recover', { lostTotal: 0 }, 'nothing lost'],
  ['pubd', 'recover', { lostTotal: 3 }, '3 lost'],
])('%s %s %j', (kind, type, args, line) => {
  expect(commandSummary(kind, { type, args })).toBe(line)
})

describe('a record that says less', () => {
  test.each<readonly [Kind, string, Json, string]>([
    ['ca', 'ca.add', {}, ''],
    ['ca', 'certificate.receive', { class: '0', ski: 'AB', sha256: 'cd' }, 'class 0'],
    ['ca', 'child.add', { child: 7, resources: 'all' }, 'child 7'],
    ['ca', 'roas.update', null, ''],
    ['ca', 'roas.update', [], ''],
    ['ca', 'toString', {}, ''],
    ['ca', 'never.heard', { a: 1 }, ''],
  ])('%s %s %j gives a shorter line', (kind, type, args, line) => {
    expect(commandSummary(kind, { type, args })).toBe(line)
  })
})

test('history keeps where a CA was added and with what', () => {
  const [under, resources] = [parseHandle('testbed'), parseResources('AS64496, 10.0.0.0/24')]
  expect(ca.summarize({ type: 'ca.add', under, resources }).args).toEqual({ under: 'testbed', resources: HELD })
  expect(ca.summarize({ type: 'ca.add' }).args).toEqual({})
})
