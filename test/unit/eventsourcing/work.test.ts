/** The unit of work: commands see each other, one record per aggregate, rejections kept apart, unknown events refused. */
import { describe, expect, test } from 'vitest'
import { parseHandle } from '../../../src/core/base/handle.js'
import { isInteger } from '../../../src/core/base/shape.js'
import { type CommandOf, commandsOn, declare, type EventOf, eventsOn } from '../../../src/core/eventsourcing/declare.js'
import type { Loaded, Reader } from '../../../src/core/eventsourcing/store.js'
import { Rejected, replay, Work } from '../../../src/core/eventsourcing/work.js'

const events = { counted: eventsOn<number>()({ by: isInteger }, (state, { by }) => state + by) }
type CountEvent = EventOf<typeof events>
const commands = {
  count: commandsOn<number, CountEvent, undefined>()<{ readonly by: number }>({
    check: (state, { by }) =>
      state + by < 0 ? [{ code: 'count-negative', message: `${state} and ${by} are below 0` }] : [],
    decide: (_, { by }) => (by === 0 ? [] : [{ type: 'counted', by }]),
    publishesOnly: false,
    summarize: ({ by }) => ({ by }),
  }),
}
type CountCommand = CommandOf<typeof commands>
const counter = declare<number, CountCommand, CountEvent, undefined>({
  kind: 'ha',
  initial: () => 0,
  events,
  commands,
  logical: (state) => state,
})
const A = parseHandle('a')
const B = parseHandle('b')
const count = (by: number): CountCommand => ({ type: 'count', by })

function readerOf(stored: Loaded | undefined): Reader {
  const none = (): never => {
    throw new Error('not asked for')
  }
  const roster = () => (stored === undefined ? [] : [{ kind: 'ha' as const, handle: A }])
  return {
    head: 1,
    at: undefined,
    generation: 1,
    roster,
    load: ({ handle }) => (handle === A ? stored : undefined),
    command: none,
    eventsOf: none,
    object: none,
  }
}

describe('a unit of work', () => {
  test('later commands see what earlier ones did; one record with all events, named by the first command', async () => {
    const work = new Work(readerOf(undefined))
    await work.run(counter, A, count(2), undefined)
    await work.run(counter, A, count(-1), undefined)
    await work.run(counter, B, count(5), undefined)
    expect(work.state(counter, A)).toBe(1)
    expect(work.staged()).toMatchObject([
      {
        id: { handle: 'a' },
        version: 0,
        command: { args: { by: 2 } },
        effect: { events: [{ by: 2 }, { by: -1 }], state: 1 },
      },
      { id: { handle: 'b' }, effect: { state: 5 } },
    ])
  })

  test('a forecast shows what an event leads to, and cannot be committed', async () => {
    const work = new Work(readerOf(undefined))
    await work.run(counter, B, count(5), undefined)
    work.assume(counter, A, count(2), { type: 'counted', by: 2 })
    expect([work.state(counter, A), work.before(counter, A), work.changed]).toEqual([2, 0, true])
    expect(() => work.staged()).toThrow('a forecast cannot be committed')
    // its rejection can be recorded
    const refused = work.refusal({ kind: 'ha', handle: A }, [{ code: 'held', message: 'too much' }])
    expect(work.rejected(refused)).toMatchObject({ command: { args: { by: 2 } }, effect: { code: 'held' } })
  })

  test('a no-op leaves nothing to commit', async () => {
    const work = new Work(readerOf(undefined))
    expect(await work.run(counter, A, count(0), undefined)).toEqual([])
    expect([work.changed, work.staged(), work.exists('ha', A)]).toEqual([false, [], false])
  })

  test('a rejection names its violations, changes nothing, and can be recorded against what was loaded', async () => {
    const stored: Loaded = {
      version: 7,
      sequence: 9,
      snapshot: { version: 5, state: 3 },
      events: [{ type: 'counted', by: 1 } as CountEvent],
      lastAt: undefined,
    }
    const work = new Work(readerOf(stored))
    const error = await work.run(counter, A, count(-10), undefined).catch((e: unknown) => e)
    if (!(error instanceof Rejected)) throw new Error('not rejected')
    expect(error.error).toMatchObject({ kind: 'rejected', code: 'count-negative' })
    expect(work.state(counter, A)).toBe(4)
    expect(work.rejected(error)).toMatchObject({
      version: 7,
      sequence: 9,
      effect: { result: 'rejected', code: 'count-negative' },
    })
  })
})

test('an event of a newer program stops the replay: no event is skipped', () => {
  const loaded = { snapshot: undefined, events: [{ type: 'of.the.future' }] }
  expect(() => replay(counter, A, loaded)).toThrowError(
    expect.objectContaining({ kind: 'format', code: 'event-newer' }),
  )
})
