/** Answers of `brine why`: one code and one next step for each reason why a VRP is there or not. */
import { describe, expect, it } from 'vitest'
import { absentAnswer, presentAnswer } from '../../../../src/core/app/why/answers.js'
import type { Chain } from '../../../../src/core/app/why/chain.js'
import type { StoryStep, StoryWord } from '../../../../src/core/app/why/story.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import type { Instant } from '../../../../src/core/base/time.js'
import { parseRoaPayload } from '../../../../src/core/resources/roa-payload.js'
import type { RoaPayload } from '../../../../src/core/resources/types.js'

const [ACME, BRANCH] = ['acme', 'branch'].map(parseHandle) as [
  ReturnType<typeof parseHandle>,
  ReturnType<typeof parseHandle>,
]
const AT = '2026-11-21T12:00:00Z' as Instant
const VRP = '192.0.2.0/24-24 => 64496'
const parsed = parseRoaPayload(VRP)
const payload = 'ok' in parsed ? parsed.ok.payload : (undefined as unknown as RoaPayload)

const chain = (end: Chain['end'], broken?: Chain['broken']): Chain => ({
  links: [],
  end,
  ...(broken === undefined ? {} : { broken }),
})
const step = (...what: readonly StoryWord[]): StoryStep => ({
  ...{ what, ca: ACME, sequence: 4, commit: 9, at: AT, type: 'roas.update', actor: 'alice', osUser: 'a', host: 'h' },
  ...{ reason: 'ticket 7', events: [] },
})
const dates = 'from 2026-12-01T00:00:00Z'
const none = { vrp: VRP, configured: null, holders: [], near: [] }

describe('a VRP that a CA publishes', () => {
  it.each([
    ['published', chain('trust-anchor'), false, 'published by acme', null],
    ['published', chain('parent'), false, 'published by acme', null],
    ['unconfirmed', chain('trust-anchor'), true, 'has not confirmed', 'brine repo sync acme'],
    [
      'chain-broken',
      chain('broken', { ca: ACME, parent: BRANCH }),
      false,
      'branch does not publish the certificate of acme',
      'brine tick',
    ],
    [
      'ca-suspended',
      chain('broken', { ca: ACME, parent: BRANCH, suspendedSince: AT }),
      false,
      'acme publishes it, but it is suspended by branch',
      'brine child unsuspend branch acme',
    ],
    [
      'ca-suspended',
      chain('broken', { ca: BRANCH, parent: ACME, suspendedSince: AT }),
      true,
      'acme publishes it, but branch is suspended by acme',
      'brine child unsuspend acme branch',
    ],
  ] as const)('%s', (code, of, isUnconfirmed, message, hint) => {
    expect(presentAnswer(ACME, of, isUnconfirmed)).toMatchObject({
      code,
      hint,
      message: expect.stringContaining(message),
    })
  })
})

describe('a VRP that is not there', () => {
  const held = { ...none, configured: { ca: ACME, isHeld: true } }
  const lost = { ...none, configured: { ca: ACME, isHeld: false } }
  it.each([
    ['not-issued', held, [step('configured')], 'configured in acme, and not issued yet', 'brine tick'],
    ['not-held', lost, [step('configured')], 'which does not hold 192.0.2.0/24', 'brine ca show acme'],
    ['resource-lost', lost, [step('lost')], 'lost 192.0.2.0/24 by seq 4', 'brine ca show acme'],
    ['removed', none, [step('removed')], 'removed from acme by seq 4', 'brine history show ca/acme 4'],
    ['ca-removed', none, [step('removed'), step('ca-removed')], 'CA acme was removed', 'brine history show ca/acme 4'],
    ['never', { ...none, holders: [ACME] }, [], 'no CA here ever had it; acme could', `brine roa add acme "${VRP}"`],
    ['outside', { ...none, near: ['a', 'b', 'c', 'd'] }, [], 'there is a, b, c and more', 'brine ca list shows'],
  ] as const)('%s', (code, facts, story, message, hint) => {
    const answer = absentAnswer(facts, story, payload)
    expect(answer.code).toBe(code)
    expect(answer.message).toContain(message)
    expect(answer.hint).toContain(hint)
  })
})

it.each([
  [false, 'not in effect yet: acme has it from 2026-12-01T00:00:00Z', 'brine roa list acme'],
  [true, 'not in effect yet: acme has it from 2026-12-01T00:00:00Z, and no tick has added it', 'brine tick'],
])('a VRP that is added later, due %s', (isDue, message, hint) => {
  const facts = { ...none, scheduled: { ca: ACME, dates, isDue } }
  // an earlier removal says nothing of what is to come
  expect(absentAnswer(facts, [step('removed')], payload)).toEqual({ code: 'scheduled', message, hint })
})
