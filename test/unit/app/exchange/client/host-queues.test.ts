/** Queues of exchanges by host: order, parallel hosts, a host that is down, and a fault of the program. */
import { describe, expect, test } from 'vitest'
import { type Fault, HostQueues } from '../../../../../src/core/app/exchange/client/host-queues.js'
import { AppError } from '../../../../../src/core/base/errors.js'

const log: string[] = []
const exchange = (name: string, work: () => Promise<Fault | undefined> = async () => undefined) => ({
  run: async () => {
    log.push(`${name} begins`)
    const fault = await work()
    log.push(`${name} ends`)
    return fault
  },
  onFault: ({ code }: Fault) => void log.push(`${name} ${code}`),
})
const later = async () => {
  await new Promise((resolve) => setImmediate(resolve))
  return undefined
}

test('one after the other at a host, and hosts at once', async () => {
  log.length = 0
  const queues = new HostQueues()
  queues.add('one', exchange('a', later))
  queues.add('one', exchange('b'))
  queues.add('two', exchange('c'))
  await queues.drained()
  expect(log).toEqual(['a begins', 'c begins', 'c ends', 'a ends', 'b begins', 'b ends'])
})

test('what an exchange adds is waited for, at a host whose queue was empty as well', async () => {
  log.length = 0
  const queues = new HostQueues()
  queues.add(
    'one',
    exchange('a', async () => {
      queues.add('two', exchange('b', later))
      return undefined
    }),
  )
  await queues.drained()
  expect(log.at(-1)).toBe('b ends')
})

test.each(['peer-timeout', 'peer-unreachable', 'peer-host-busy'])('a host with %s is asked once', async (code) => {
  log.length = 0
  const queues = new HostQueues()
  queues.add(
    'one',
    exchange('a', async () => ({ code, message: 'down' })),
  )
  queues.add('one', exchange('b'))
  await queues.drained()
  expect(log).toEqual(['a begins', 'a ends', `a ${code}`, 'b peer-host-down'])
})

test('another fault lets the next exchange run', async () => {
  log.length = 0
  const queues = new HostQueues()
  queues.add(
    'one',
    exchange('a', async () => ({ code: 'answer-invalid', message: 'bad' })),
  )
  queues.add('one', exchange('b'))
  await queues.drained()
  expect(log.slice(2)).toEqual(['a answer-invalid', 'b begins', 'b ends'])
})

test('an error that is no fault of a peer is thrown after the other hosts are served', async () => {
  log.length = 0
  const queues = new HostQueues()
  const fails = exchange('a', () => Promise.reject(new TypeError('wrong')))
  queues.add('one', fails)
  queues.add('two', exchange('b', later))
  await expect(queues.drained()).rejects.toThrow('wrong')
  expect(log.at(-1)).toBe('b ends')
})

describe('exchanges that change different CAs', () => {
  const order = async (
    work: (queues: HostQueues, name: string) => Promise<unknown>,
    names: readonly [string, string?][],
  ) => {
    log.length = 0
    const queues = new HostQueues()
    for (const [name, changes] of names) {
      const run = async (): Promise<Fault | undefined> => {
        await work(queues, name)
        return undefined
      }
      queues.add('one', { ...exchange(name, run), ...(changes === undefined ? {} : { changes }) })
    }
    await queues.drained()
    return log
  }

  test('overlap, two at a host; one of the same CA, and one that may change anything, wait', async () => {
    const said = await order(later, [['a', 'ant'], ['b', 'bee'], ['c', 'bee'], ['d']])
    expect(said).toEqual(['a begins', 'b begins', 'a ends', 'b ends', 'c begins', 'c ends', 'd begins', 'd ends'])
  })

  test('send one message at a time, the second while the answer to the first is taken over', async () => {
    const said = await order(
      async (queues, name) => {
        await queues.send('one', async () => {
          log.push(`${name} sends`)
          await later()
          log.push(`${name} answered`)
        })
        for (let n = 0; n < 5; n += 1) await later()
      },
      [
        ['a', 'ant'],
        ['b', 'bee'],
      ],
    )
    expect(said.slice(2)).toEqual(['a sends', 'a answered', 'b sends', 'b answered', 'a ends', 'b ends'])
  })

  test('send nothing more once the host is down, by whichever it was found', async () => {
    const said: string[] = []
    await order(
      async (queues, name) => {
        const sent = queues.send('one', async () => {
          said.push(name)
          throw new AppError('remote', 'peer-timeout', 'no answer')
        })
        await sent.catch((error: AppError) => said.push(error.code))
      },
      [
        ['a', 'ant'],
        ['b', 'bee'],
      ],
    )
    expect(said).toEqual(['a', 'peer-timeout', 'peer-host-down'])
  })
})
