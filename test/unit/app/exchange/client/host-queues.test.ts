/** Queues of exchanges by host: order, parallel hosts, a host that is down, and a fault of the program. */
import { describe, expect, test } from 'vitest'
import { type Fault, HostQueues, MOST_TIMEOUTS } from '../../../../../src/core/app/exchange/client/host-queues.js'
import { AppError } from '../../../../../src/core/base/errors.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'

const TO = { kind: 'parent', ca: parseHandle('acme') } as const
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

/** Adds an exchange of a peer at host `one` that sends a message, which ends with this code; undefined: it is answered. */
function asks(queues: HostQueues, peer: string, code?: string, options: { isLast?: boolean } = {}): void {
  const sends = (): Promise<void> =>
    queues.send('one', { ...TO, peer }, async () => {
      log.push(`${peer} sent`)
      if (code !== undefined) throw new AppError('remote', code, `${peer} ended with ${code}`)
    })
  const run = () =>
    sends().then(
      () => undefined,
      ({ code: of, message }: AppError) => ({ code: of, message }),
    )
  const onFault = ({ code: of }: Fault): void => void log.push(`${peer} ${of}`)
  queues.add('one', { run, onFault, ...options })
}

describe('a host that no connection reaches', () => {
  test.each(['peer-unreachable', 'peer-tls', 'peer-host-busy'])('is asked once after %s', async (code) => {
    // given
    log.length = 0
    const queues = new HostQueues()
    // when
    asks(queues, 'a', code)
    asks(queues, 'b')
    await queues.drained()
    // then
    expect(log).toEqual(['a sent', `a ${code}`, 'b peer-host-down'])
  })
})

describe('a peer that connects and does not answer', () => {
  test('is left alone for the run, and the others at its host are asked', async () => {
    // given
    log.length = 0
    const queues = new HostQueues()
    // when
    asks(queues, 'a', 'peer-timeout')
    asks(queues, 'b')
    asks(queues, 'a')
    await queues.drained()
    // then
    expect(log).toEqual(['a sent', 'a peer-timeout', 'b sent', 'a peer-silent'])
  })

  test('waits for the others at its host if it did not answer last time', async () => {
    // given
    log.length = 0
    const queues = new HostQueues()
    // when
    asks(queues, 'first')
    asks(queues, 'hangs', 'peer-timeout', { isLast: true })
    asks(queues, 'b')
    asks(queues, 'c')
    await queues.drained()
    // then
    expect(log).toEqual(['first sent', 'b sent', 'c sent', 'hangs sent', 'hangs peer-timeout'])
  })

  test('counts its host as down with the third such peer, however often each is asked', async () => {
    // given
    log.length = 0
    const queues = new HostQueues()
    const peers = Array.from({ length: MOST_TIMEOUTS }, (_, n) => `p${n}`)
    // when
    for (const peer of peers.slice(1)) for (let n = 0; n < 3; n += 1) asks(queues, peer, 'peer-timeout')
    asks(queues, 'between')
    asks(queues, peers[0] ?? '', 'peer-timeout')
    asks(queues, 'after')
    await queues.drained()
    // then
    expect(log.filter((line) => line.endsWith(' sent'))).toEqual(['p1 sent', 'p2 sent', 'between sent', 'p0 sent'])
    expect([MOST_TIMEOUTS, log.at(-1)]).toEqual([3, 'after peer-host-down'])
  })
})

test.each(['answer-invalid', 'peer-closed', 'peer-tls-untrusted', 'peer-private-address'])(
  'after %s the next peer is asked',
  async (code) => {
    log.length = 0
    const queues = new HostQueues()
    asks(queues, 'a', code)
    asks(queues, 'b')
    await queues.drained()
    expect(log).toEqual(['a sent', `a ${code}`, 'b sent'])
  },
)

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
        await queues.send('one', { ...TO, peer: name }, async () => {
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
        const sent = queues.send('one', { ...TO, peer: name }, async () => {
          said.push(name)
          throw new AppError('remote', 'peer-unreachable', 'no route')
        })
        await sent.catch((error: AppError) => said.push(error.code))
      },
      [
        ['a', 'ant'],
        ['b', 'bee'],
      ],
    )
    expect(said).toEqual(['a', 'peer-unreachable', 'peer-host-down'])
  })
})
