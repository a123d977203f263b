/** An aggregate declared as tables: given events, when a command runs, then these events follow. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import { parseHandle } from '../../../src/core/base/handle.js'
import { isCount, isText } from '../../../src/core/base/shape.js'
import {
  type CommandOf,
  commandsOn,
  declare,
  type EventOf,
  eventsOn,
  joined,
  storedMismatch,
} from '../../../src/core/eventsourcing/declare.js'

interface Account {
  readonly owner: string
  readonly balance: number
  readonly bonus: number
}

const event = eventsOn<Account>()
const events = {
  'account.opened': event({ owner: isText }, (state, { owner }) => ({ ...state, owner })),
  'money.paid': event({ amount: isCount, 'note?': isText }, (state, { amount }) => ({
    ...state,
    balance: state.balance + amount,
  })),
  'bonus.granted': event({ at: isCount }, (state, { at }) => ({ ...state, bonus: at })),
}
type AccountEvent = EventOf<typeof events>

const command = commandsOn<Account, AccountEvent, { readonly limit: number }>()
const commands = {
  'account.open': command<{ readonly owner: string }>({
    check: () => [],
    decide: (_, { owner }) => [{ type: 'account.opened', owner }],
    publishesOnly: false,
    summarize: ({ owner }) => ({ owner }),
  }),
  pay: command<{ readonly amount: number; readonly secret: string }>({
    check: (_, { amount }) => (amount < 0 ? [{ code: 'amount-negative', message: `${amount} is below 0` }] : []),
    decide: (_, { amount }, { limit }) =>
      amount === 0
        ? []
        : {
            events: [{ type: 'money.paid', amount }],
            followUp: ({ balance }) => (balance > limit ? [{ type: 'bonus.granted', at: balance }] : []),
          },
    publishesOnly: false,
    summarize: ({ amount }) => ({ amount }),
  }),
  show: command({ check: () => [], decide: () => [], publishesOnly: true, summarize: () => ({}) }),
}
type AccountCommand = CommandOf<typeof commands>

const account = declare<Account, AccountCommand, AccountEvent, { readonly limit: number }>({
  kind: 'ha',
  initial: () => ({ owner: '', balance: 0, bonus: 0 }),
  events,
  commands,
  precondition: (state, { type }) =>
    state.owner === '' && type !== 'account.open' ? [{ code: 'account-unknown', message: 'there is no account' }] : [],
  elapsed: ({ owner, balance }) => (owner === 'late' && balance === 0 ? [{ type: 'money.paid', amount: 1 }] : []),
  logical: (state) => ({ ...state }),
})

function given(...history: readonly AccountEvent[]) {
  const state = history.reduce(account.evolve, account.initial(parseHandle('a')))
  return {
    state,
    violations: (wanted: AccountCommand) => account.check(state, wanted).map(({ code }) => code),
    when: (wanted: AccountCommand, limit = 100) => account.decide(state, wanted, { limit }),
  }
}
const opened: AccountEvent = { type: 'account.opened', owner: 'ann' }
const pay = (amount: number): AccountCommand => ({ type: 'pay', amount, secret: 'x' })

describe('a declared aggregate', () => {
  test('derives the unions from its tables', () => {
    expectTypeOf<Extract<AccountEvent, { type: 'money.paid' }>>().toEqualTypeOf<{
      readonly type: 'money.paid'
      readonly amount: number
      readonly note?: string
    }>()
    expectTypeOf<Extract<AccountCommand, { type: 'account.open' }>>().toEqualTypeOf<{
      readonly type: 'account.open'
      readonly owner: string
    }>()
    expectTypeOf<AccountCommand['type']>().toEqualTypeOf<'account.open' | 'pay' | 'show'>()
  })

  test('requires a rule for every type, and rejects an event that is in no table', () => {
    const { 'bonus.granted': _, ...rest } = events
    const base = { kind: 'ha', initial: account.initial, commands, logical: account.logical } as const
    // @ts-expect-error an event without a rule
    declare<Account, AccountCommand, AccountEvent, { readonly limit: number }>({ ...base, events: rest })
    // @ts-expect-error commands result in an event that is not among the events
    declare<Account, AccountCommand, EventOf<typeof rest>, { readonly limit: number }>({ ...base, events: rest })
  })

  test('evolves by the rule of the type and leaves the state as it is at an unknown event', () => {
    const { state } = given(opened, { type: 'money.paid', amount: 5 })
    expect(state).toEqual({ owner: 'ann', balance: 5, bonus: 0 })
    for (const type of ['of.the.future', 'constructor', '__proto__'])
      expect(account.evolve(state, { type } as never)).toBe(state)
  })

  test('checks the precondition before the rule of the command', () => {
    expect(given().violations(pay(-1))).toEqual(['account-unknown'])
    expect(given(opened).violations(pay(-1))).toEqual(['amount-negative'])
    expect(given().violations({ type: 'account.open', owner: 'ann' })).toEqual([])
    expect(() => given(opened).violations({ type: 'constructor' } as never)).toThrowError(TypeError)
  })

  test('decides what follows on the state after the events', async () => {
    expect(await given(opened).when(pay(0))).toEqual([])
    expect(await given(opened).when(pay(100))).toEqual([{ type: 'money.paid', amount: 100 }])
    const rich = given(opened, { type: 'money.paid', amount: 60 })
    expect(await rich.when(pay(60))).toEqual([
      { type: 'money.paid', amount: 60 },
      { type: 'bonus.granted', at: 120 },
    ])
  })

  test('applies the passing of time before any command, and the command sees it', async () => {
    const late = given({ type: 'account.opened', owner: 'late' })
    expect(await late.when({ type: 'show' })).toEqual([{ type: 'money.paid', amount: 1 }])
    expect(await late.when(pay(100))).toContainEqual({ type: 'bonus.granted', at: 101 })
  })

  test('summarizes a command by its rule, and knows which only publish', () => {
    expect(account.summarize(pay(3))).toEqual({ type: 'pay', args: { amount: 3 } })
    expect(['pay', 'show', 'constructor', 'later'].map((type) => account.publishesOnly(type))).toEqual([
      false,
      true,
      false,
      false,
    ])
  })
})

test('tables are joined, and a type that two of them declare is an error of the program', () => {
  expect(joined({ a: 1 }, { b: 2 }, { c: 3 })).toEqual({ a: 1, b: 2, c: 3 })
  expect(() => joined({ a: 1, b: 2 }, { c: 3, b: 2 })).toThrow('two tables declare b')
})

describe('the stored members of an event', () => {
  test.each<[string, object, string | undefined]>([
    ['all of them', { type: 'money.paid', amount: 1 }, undefined],
    ['all and the optional one', { type: 'money.paid', amount: 1, note: '' }, undefined],
    ['a member under another name', { type: 'money.paid', sum: 1 }, '$.event.sum unknown member'],
    ['none', { type: 'money.paid' }, '$.event.amount missing member'],
    ['another type of value', { type: 'money.paid', amount: '1' }, '$.event.amount wrong value'],
    ['a type that is not known', { type: 'of.the.future', sum: 1 }, undefined],
  ])('%s', (_, stored, expected) => {
    const found = storedMismatch(account, stored as AccountEvent, '$.event')
    expect(found === undefined ? undefined : `${found.path} ${found.problem}`).toBe(expected)
  })
})
