/** Parents elsewhere in `tick`: when each is asked, what a host that is down costs the others, and what is reported. */
import { readdirSync } from 'node:fs'
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { addCa } from '../../../../src/core/app/authority/cas.js'
import { updateChild } from '../../../../src/core/app/authority/children.js'
import { configureLocalRepository } from '../../../../src/core/app/authority/parents.js'
import { roaArguments } from '../../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../../src/core/app/authority/roas.js'
import { deliverByHttp } from '../../../../src/core/app/exchange/client/deliver.js'
import { addRemoteParent, parentRequest } from '../../../../src/core/app/exchange/client/parent-contact.js'
import { sealMessage } from '../../../../src/core/app/exchange/messages.js'
import { answerProvisioning } from '../../../../src/core/app/exchange/server/answer-provisioning.js'
import { addRemoteChild } from '../../../../src/core/app/exchange/server/child-contact.js'
import { type TickReport, tick } from '../../../../src/core/app/operations/tick.js'
import { caState } from '../../../../src/core/app/session/context.js'
import type { Session } from '../../../../src/core/app/session/session.js'
import { withMessageSigner } from '../../../../src/core/app/session/signing.js'
import { status } from '../../../../src/core/app/status/status.js'
import { AppError } from '../../../../src/core/base/errors.js'
import { type Handle, parseHandle } from '../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { CONFIRM_SECONDS } from '../../../../src/core/ca/parent-lists.js'
import { systemRandom } from '../../../../src/core/crypto/random.js'
import { Work } from '../../../../src/core/eventsourcing/work.js'
import { newestId } from '../../../../src/core/identity/id-keys.js'
import { readExchange } from '../../../../src/core/peers/last-exchange.js'
import type { Send } from '../../../../src/core/peers/message.js'
import { encodeProvisioning } from '../../../../src/core/protocols/provisioning/encode.js'
import { parseResources } from '../../../../src/core/resources/resource-set.js'
import { makeFixedKeys } from '../../../support/rpki/fixed-keys.js'
import { newTestbed, quickSession, scratchFolder } from '../../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const handle = (text: string): Handle => parseHandle(text) as Handle
const [TESTBED, UP] = [handle('testbed'), handle('up')]
const HOSTS = { ant: 'one.example.net', bee: 'one.example.net', cow: 'two.example.net' } as const
type Name = keyof typeof HOSTS
const NAMES = Object.keys(HOSTS) as readonly Name[]
const scratch = scratchFolder('tick-parents')
let count = 0
let now: Instant
let parentDir: string
let childDir: string
/** Hosts of the messages that were sent, in their order. */
let sent: string[]
let inFlight: number
let most: number
/** What happens instead of an answer. */
let onSend: (host: string, answered: () => Promise<Uint8Array>) => Promise<Uint8Array>

afterAll(() => scratch.remove())

async function open(dir: string): Promise<Session> {
  const both = await Promise.all([quickSession(parentDir, now), quickSession(childDir, now)])
  makeFixedKeys(both.flatMap(({ store }) => store.keys.list()))
  return dir === parentDir ? both[0] : both[1]
}

async function addUnder(name: Name): Promise<void> {
  const ca = handle(name)
  await addCa(await open(childDir), ca, undefined)
  await configureLocalRepository(await open(childDir), ca)
  const { request } = await parentRequest(await open(childDir), ca)
  const added = await addRemoteChild(await open(parentDir), TESTBED, {
    ...{ child: ca, resources: parseResources('10.0.0.0/8'), request: Buffer.from(request) },
    serviceBase: `https://${HOSTS[name]}/`,
  })
  const contact = { response: Buffer.from(added.response ?? ''), permissions: {} }
  await addRemoteParent(await open(childDir), ca, UP, contact)
}

beforeEach(async () => {
  count += 1
  now = NOW
  sent = []
  inFlight = 0
  most = 0
  onSend = (_, answered) => answered()
  parentDir = `${scratch.dir}/parent-${count}`
  childDir = `${scratch.dir}/child-${count}`
  await newTestbed(parentDir, NOW)
  await newTestbed(childDir, NOW)
  for (const name of NAMES) await addUnder(name)
})

let turn: Promise<unknown> = Promise.resolve()
const send: Send = async ({ uri, body }) => {
  const host = new URL(uri).hostname
  sent.push(host)
  inFlight += 1
  most = Math.max(most, inFlight)
  try {
    const answer = await onSend(host, () => {
      const mine = turn.then(async () => (await answerProvisioning(await open(parentDir), TESTBED, body)).cms)
      turn = mine.catch(() => undefined)
      return mine
    })
    return { body: answer, peerTime: null }
  } finally {
    inFlight -= 1
  }
}

async function tickAfter(seconds: number): Promise<TickReport> {
  now = addSeconds(now, seconds)
  sent = []
  most = 0
  const session = await open(childDir)
  return tick(session, deliverByHttp(session, 'brine/test', send))
}

const parentsIn = (report: TickReport) => report.done.filter(({ what }) => what === 'parent').map(({ on }) => on)
const exchange = (name: Name) => readExchange(childDir, { kind: 'parent', ca: name, peer: 'up' })
const down = async (): Promise<never> => {
  throw new AppError('remote', 'peer-unreachable', 'no route')
}

test('every parent is asked at the first tick, hosts in parallel, and not again before a day', async () => {
  // a host that answers late keeps no other one waiting
  let release = (): void => undefined
  const two = new Promise<void>((resolve) => {
    release = resolve
  })
  onSend = async (host, answered) => {
    if (host === HOSTS.cow) release()
    else await two
    return answered()
  }
  const report = await tickAfter(60)
  expect(parentsIn(report)).toEqual(['ant under up', 'bee under up', 'cow under up'])
  expect(report.failed).toEqual([])
  expect(most).toBe(2)
  expect(exchange('ant')).toMatchObject({ outcome: 'success', uri: 'https://one.example.net/rfc6492/testbed' })
  expect(readdirSync(`${childDir}/status/exchanges`)).toHaveLength(3)
  const idle = await tickAfter(3600)
  expect(sent).toEqual([])
  expect(idle.nextDue).not.toBeNull()
  await tickAfter(86_400 - 3601)
  expect(sent).toEqual([])
  await tickAfter(3602)
  expect(sent.sort()).toEqual(['one.example.net', 'one.example.net', 'two.example.net'])
})

test('a host that is down is asked once, and again after five minutes; the others are served', async () => {
  onSend = (host, answered) => (host === HOSTS.ant ? down() : answered())
  const report = await tickAfter(60)
  expect(sent.filter((host) => host === HOSTS.ant)).toHaveLength(1)
  expect(parentsIn(report)).toEqual(['cow under up'])
  expect(report.failed).toEqual([
    { ca: 'ant', code: 'peer-unreachable', message: 'parent up: no route' },
    { ca: 'bee', code: 'peer-host-down', message: 'parent up: not asked, as its host is down: no route' },
  ])
  expect(exchange('ant')).toMatchObject({ outcome: 'failure', code: 'peer-unreachable', lastSuccess: null })
  onSend = (_, answered) => answered()
  // `bee` has not been asked yet, and `ant` waits
  expect(parentsIn(await tickAfter(60))).toEqual(['bee under up'])
  const last = await tickAfter(240)
  expect(parentsIn(last)).toEqual(['ant under up'])
  expect(last.failed).toEqual([])
})

test('a peer that hangs behind a host does not keep the other one there from its answer, and is asked after it the next time', async () => {
  // given two CAs at one host; the first to be asked waits for its time-out
  const asked: string[] = []
  onSend = async (host, answered) => {
    if (host !== HOSTS.ant) return answered()
    asked.push('one')
    if (asked.length > 1) return answered()
    throw new AppError('remote', 'peer-timeout', 'no answer')
  }
  // when
  const report = await tickAfter(60)
  // then
  expect(report.failed).toEqual([{ ca: 'ant', code: 'peer-timeout', message: 'parent up: no answer' }])
  expect(parentsIn(report)).toEqual(['bee under up', 'cow under up'])

  // when all are due again, and the first to be asked at that host hangs
  asked.length = 0
  const next = await tickAfter(2 * 86_400)
  // then it was not the one that hung before
  expect(next.failed).toEqual([{ ca: 'bee', code: 'peer-timeout', message: 'parent up: no answer' }])
  expect(parentsIn(next)).toContain('ant under up')
})

test('nextDue counts a parent that failed', async () => {
  onSend = down
  const at = addSeconds(now, 60)
  expect(await tickAfter(60)).toMatchObject({ nextDue: at })
  expect(await tickAfter(60)).toMatchObject({ nextDue: addSeconds(at, 300) })
})

test('a loss in doubt is confirmed after its time', async () => {
  await tickAfter(60)
  await updateChild(await open(parentDir), TESTBED, handle('cow'), () => parseResources('192.0.2.0/24'))
  await tickAfter(90_000)
  expect((await cow()).classes['0']?.doubt).toMatchObject({ held: false })
  // the clock of a test directory is a second ahead of the one before each commit
  await tickAfter(CONFIRM_SECONDS - 5)
  expect(sent).toEqual([])
  await tickAfter(10)
  expect((await cow()).classes['0']?.doubt).toBeUndefined()
  expect(sent).not.toEqual([])
})

const cow = async () => (await open(childDir)).store.read(async (reader) => caState(new Work(reader), handle('cow')))

describe('a request', () => {
  async function answerIssue(status: number): Promise<void> {
    let asked = 0
    onSend = async (host, answered) => {
      if (host !== HOSTS.cow) return answered()
      asked += 1
      // the list is answered, the request is not
      if (asked === 1) return answered()
      const session = await open(parentDir)
      const id = await session.store.read(async (reader) => newestId(caState(new Work(reader), TESTBED)))
      if (id === undefined) throw new Error('the parent has no ID key')
      const body = { type: 'error_response', status, descriptions: [] } as const
      const xml = encodeProvisioning({ sender: 'testbed', recipient: 'cow', body })
      return withMessageSigner(session, (signer) => sealMessage({ signer, random: systemRandom }, id, xml, now))
    }
  }

  test.each([1101, 1104])('that waits (%d) is asked again after five minutes', async (status) => {
    await answerIssue(status)
    expect((await tickAfter(60)).failed).toEqual([])
    onSend = (_, answered) => answered()
    await tickAfter(299)
    expect(sent).toEqual([])
    expect(parentsIn(await tickAfter(1))).toEqual(['cow under up'])
  })

  test('that is refused is a failure of this parent', async () => {
    await answerIssue(1203)
    const { failed } = await tickAfter(60)
    expect(failed).toEqual([
      { ca: 'cow', code: 'parent-refused', message: expect.stringMatching(/issue of key .* refused: status 1203/) },
    ])
    expect(exchange('cow')).toMatchObject({ outcome: 'failure', code: 'parent-refused' })
  })
})

test('status names each parent, a day of failures, and a loss that waits for the operator', async () => {
  await tickAfter(60)
  const roas = [1, 2, 3, 4, 5, 6].map((n) => `10.0.${n}.0/24 => 64496`)
  await updateRoas(await open(childDir), handle('ant'), roaArguments({ add: roas }))
  await updateChild(await open(parentDir), TESTBED, handle('ant'), () => parseResources('192.0.2.0/24'))
  onSend = (host, answered) => (host === HOSTS.cow ? down() : answered())
  await tickAfter(90_000)
  await tickAfter(CONFIRM_SECONDS + 10)
  const { parents, concerns } = await status(await open(childDir))
  const doubts = { waiting: 0, held: 1 }
  expect(parents).toMatchObject([
    { ca: 'ant', parent: 'up', serviceUri: 'https://one.example.net/rfc6492/testbed', doubts },
    { ca: 'bee', exchange: { outcome: 'success', code: null } },
    { ca: 'cow', exchange: { outcome: 'failure', code: 'peer-unreachable' }, openRequests: 0 },
  ])
  const found = concerns.filter(({ code }) => code.startsWith('parent-'))
  expect(found).toMatchObject([
    { code: 'parent-failing', message: expect.stringMatching(/^parent up of cow: no success since .*: no route$/) },
    { code: 'parent-doubt', hint: 'brine parent refresh ant up --accept-loss --reason …' },
  ])
})

test('a stand-by asks no parent', async () => {
  const session = await open(childDir)
  vi.spyOn(session.store, 'role').mockReturnValue({ role: 'standby', reason: 'demoted', host: undefined })
  expect(await tick(session, deliverByHttp(session, 'brine/test', send))).toMatchObject({ role: 'standby', done: [] })
  expect(sent).toEqual([])
})
