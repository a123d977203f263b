/** Repositories elsewhere in `tick`: when each is synchronised, what a dead one costs the others, and what is reported. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import { addCa } from '../../../../src/core/app/authority/cas.js'
import { addChild, updateChild } from '../../../../src/core/app/authority/children.js'
import { addLocalParent } from '../../../../src/core/app/authority/parents.js'
import { roaArguments } from '../../../../src/core/app/authority/roa-set.js'
import { listRoas, updateRoas } from '../../../../src/core/app/authority/roas.js'
import { deliverByHttp } from '../../../../src/core/app/exchange/client/deliver.js'
import { addRemoteParent, parentRequest } from '../../../../src/core/app/exchange/client/parent-contact.js'
import {
  configureRemoteRepository,
  repositoryRequest,
} from '../../../../src/core/app/exchange/client/repository-contact.js'
import { answerProvisioning } from '../../../../src/core/app/exchange/server/answer-provisioning.js'
import { answerPublication } from '../../../../src/core/app/exchange/server/answer-publication.js'
import { addRemoteChild } from '../../../../src/core/app/exchange/server/child-contact.js'
import { addPublisher } from '../../../../src/core/app/exchange/server/publisher-contact.js'
import { type TickReport, tick } from '../../../../src/core/app/operations/tick.js'
import { caState, pubdState, runPubd, TA_HANDLE } from '../../../../src/core/app/session/context.js'
import type { Session } from '../../../../src/core/app/session/session.js'
import { status } from '../../../../src/core/app/status/status.js'
import { transact } from '../../../../src/core/app/transaction/transact.js'
import { AppError } from '../../../../src/core/base/errors.js'
import { type Handle, parseHandle } from '../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { publishedFiles } from '../../../../src/core/ca/state/files.js'
import { Work } from '../../../../src/core/eventsourcing/work.js'
import type { Send } from '../../../../src/core/peers/message.js'
import { parseResources } from '../../../../src/core/resources/resource-set.js'
import { makeFixedKeys } from '../../../support/rpki/fixed-keys.js'
import { newTestbed, quickSession, scratchFolder } from '../../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const [ANT, BEE, COW, UP] = ['ant', 'bee', 'cow', 'up'].map(parseHandle) as [Handle, Handle, Handle, Handle]
const TESTBED = parseHandle('testbed')
/** `cow` has a parent elsewhere as well, at another host. */
const HOSTS: Readonly<Record<string, string>> = {
  ant: 'one.example.net',
  bee: 'two.example.net',
  cow: 'two.example.net',
}
const PARENT_HOST = 'up.example.net'
const scratch = scratchFolder('tick-repositories')
let count = 0
let now: Instant
let serverDir: string
let caDir: string
/** Service URIs of the messages that were sent, in their order, without the scheme. */
let sent: string[]
let onSend: (host: string, answered: () => Promise<Uint8Array>) => Promise<Uint8Array>

afterAll(() => scratch.remove())

async function open(dir: string): Promise<Session> {
  const both = await Promise.all([quickSession(serverDir, now), quickSession(caDir, now)])
  makeFixedKeys(both.flatMap(({ store }) => store.keys.list()))
  return dir === serverDir ? both[0] : both[1]
}

async function addPublishing(ca: Handle): Promise<void> {
  await addCa(await open(caDir), ca, undefined)
  const { request } = await repositoryRequest(await open(caDir), ca)
  const serviceBase = `https://${HOSTS[ca]}/`
  const added = await addPublisher(await open(serverDir), {
    ...{ publisher: ca, request: Buffer.from(request), serviceBase },
  })
  const response = Buffer.from(added.response ?? '')
  await configureRemoteRepository(await open(caDir), ca, { response, permissions: {} })
}

beforeEach(async () => {
  count += 1
  now = NOW
  onSend = (_, answered) => answered()
  serverDir = `${scratch.dir}/server-${count}`
  caDir = `${scratch.dir}/ca-${count}`
  await newTestbed(serverDir, NOW)
  await newTestbed(caDir, NOW)
  for (const ca of [ANT, BEE, COW]) await addPublishing(ca)
  for (const ca of [ANT, BEE]) {
    await addChild(await open(caDir), TA_HANDLE, ca, parseResources('10.0.0.0/8, AS64496'))
    await addLocalParent(await open(caDir), ca, TA_HANDLE)
  }
  const { request } = await parentRequest(await open(caDir), COW)
  const added = await addRemoteChild(await open(serverDir), TESTBED, {
    ...{ child: COW, resources: parseResources('10.0.0.0/8'), request: Buffer.from(request) },
    serviceBase: `https://${PARENT_HOST}/`,
  })
  const contact = { response: Buffer.from(added.response ?? ''), permissions: {} }
  await addRemoteParent(await open(caDir), COW, UP, contact)
})

let turn: Promise<unknown> = Promise.resolve()
const send: Send = async ({ uri, body }) => {
  const { hostname, pathname } = new URL(uri)
  const name = parseHandle(pathname.split('/').at(-1) ?? '')
  sent.push(`${hostname}${pathname}`)
  const answer = await onSend(hostname, () => {
    const mine = turn.then(async () => {
      const session = await open(serverDir)
      const answered = pathname.startsWith('/rfc6492/')
        ? await answerProvisioning(session, name, body)
        : await answerPublication(session, name, body)
      return answered.cms
    })
    turn = mine.catch(() => undefined)
    return mine
  })
  return { body: answer, peerTime: null }
}

async function tickAfter(seconds: number): Promise<TickReport> {
  now = addSeconds(now, seconds)
  sent = []
  const session = await open(caDir)
  return tick(session, deliverByHttp(session, 'brine/test', send))
}

const repositoriesIn = ({ done }: TickReport) => done.filter(({ what }) => what === 'repository').map(({ on }) => on)
const sentTo = (ca: Handle) => sent.filter((uri) => uri.endsWith(`/rfc8181/${ca}`)).length
const addRoa = async (ca: Handle) => updateRoas(await open(caDir), ca, roaArguments({ add: ['10.0.0.0/24 => 64496'] }))
const down = async (): Promise<never> => {
  throw new AppError('remote', 'peer-unreachable', 'no route')
}

/** Hashes of what a CA wants published, and of what the server has of it. */
async function contentOf(ca: Handle): Promise<{ wanted: readonly string[]; held: readonly string[] }> {
  const wanted = await (await open(caDir)).store.read(async (reader) => publishedFiles(caState(new Work(reader), ca)))
  const held = await (await open(serverDir)).store.read(async (reader) =>
    Object.values(pubdState(new Work(reader)).publishers[ca]?.objects ?? {}),
  )
  const hashes = (files: readonly { sha256: string }[]) => files.map(({ sha256 }) => sha256).sort()
  return { wanted: hashes(wanted), held: hashes(held) }
}

async function expectHealed(ca: Handle, objects: number): Promise<void> {
  const { wanted, held } = await contentOf(ca)
  expect(wanted).toHaveLength(objects)
  expect(held).toEqual(wanted)
}

test('a first tick sends everything, what a parent elsewhere certified in the same tick included', async () => {
  const report = await tickAfter(60)
  expect(report.failed).toEqual([])
  expect(repositoriesIn(report)).toEqual(['ant: +2 -0 objects', 'bee: +2 -0 objects', 'cow: +2 -0 objects'])
  for (const ca of [ANT, BEE, COW]) await expectHealed(ca, 2)
  expect(await tickAfter(300)).toMatchObject({ done: [], failed: [] })
  expect(sent).toEqual([])
})

test('a change is sent by the next tick, and that of a day without one repairs a server that was emptied', async () => {
  await tickAfter(60)
  const changed = await addRoa(ANT)
  expect(changed).toMatchObject({ unsynced: ['ant'], unconfirmed: true })
  expect((await status(await open(caDir))).nextDue).toBe(now)
  expect(repositoriesIn(await tickAfter(60))).toEqual(['ant: +3 -0 objects'])
  expect(sent).toEqual(['one.example.net/rfc8181/ant', 'one.example.net/rfc8181/ant'])
  expect((await listRoas(await open(caDir), ANT)).roas).toMatchObject([{ state: 'published' }])
  const files = Object.keys(await publishedBy(ANT))
  await transact(await open(serverDir), async (tx) => {
    await runPubd(tx, { type: 'publish', changes: [{ publisher: ANT, put: [], drop: files }] })
  })
  await tickAfter(90_001)
  await expectHealed(ANT, 3)
})

const publishedBy = async (ca: Handle) =>
  (await open(serverDir)).store.read(
    async (reader) => pubdState(new Work(reader)).publishers[ca]?.objects ?? ({} as Readonly<Record<string, unknown>>),
  )

test('a host that is down is asked once and again in five minutes; the others are served, and status says so', async () => {
  onSend = (host, answered) => (host === HOSTS['bee'] ? down() : answered())
  const report = await tickAfter(60)
  expect(sent.filter((uri) => uri.startsWith('two.'))).toHaveLength(1)
  expect(repositoriesIn(report)).toEqual(['ant: +2 -0 objects'])
  expect(report.failed).toMatchObject([
    {
      ca: 'bee',
      code: 'peer-unreachable',
      message: expect.stringMatching(/^repository two\.example\.net: .*no route/),
    },
    { ca: 'cow', code: 'peer-host-down' },
  ])
  await expectHealed(ANT, 2)
  const seen = await status(await open(caDir))
  expect(seen.lastTick).toMatchObject({ failed: 0, failedPeers: 2 })
  expect(seen.repositories).toMatchObject([
    { ca: 'ant', exchange: { outcome: 'success' }, unconfirmed: 0, confirmedAt: expect.any(String) },
    { ca: 'bee', exchange: { outcome: 'failure', code: 'peer-unreachable' }, unconfirmed: 2, confirmedAt: null },
    { ca: 'cow', unconfirmed: 2, staleAt: null },
  ])
  onSend = (_, answered) => answered()
  await tickAfter(240)
  expect(sentTo(BEE)).toBe(0)
  expect(repositoriesIn(await tickAfter(60))).toEqual(['bee: +2 -0 objects'])
  await addRoa(BEE)
  onSend = (host, answered) => (host === HOSTS['bee'] ? down() : answered())
  await tickAfter(60)
  expect((await status(await open(caDir))).concerns.filter(({ code }) => code === 'repository-failing')).toEqual([])
  await tickAfter(3600)
  const late = await status(await open(caDir))
  expect(late.concerns.filter(({ code }) => code === 'repository-failing')).toMatchObject([
    {
      level: 'warning',
      hint: 'brine repo sync bee',
      message: expect.stringMatching(/; 3 objects wait for it; what it has/),
    },
  ])
})

test('a dead parent keeps no repository waiting', async () => {
  await tickAfter(60)
  await updateChild(await open(serverDir), TESTBED, COW, () => parseResources('10.0.0.0/9'))
  await addRoa(ANT)
  let release = (): void => undefined
  const served = new Promise<void>((resolve) => {
    release = resolve
  })
  now = addSeconds(now, 90_000)
  onSend = async (host, answered) => {
    if (host === PARENT_HOST) {
      await served
      return down()
    }
    const answer = await answered()
    if (host === HOSTS['ant']) release()
    return answer
  }
  const report = await tickAfter(60)
  expect(report.failed).toMatchObject([{ ca: 'cow', code: 'peer-unreachable' }])
  await expectHealed(ANT, 3)
})

test('a stand-by synchronises nothing', async () => {
  const session = await open(caDir)
  sent = []
  vi.spyOn(session.store, 'role').mockReturnValue({ role: 'standby', reason: 'demoted', host: undefined })
  expect(await tick(session, deliverByHttp(session, 'brine/test', send))).toMatchObject({ role: 'standby', done: [] })
  expect(sent).toEqual([])
})

test('what is recorded of a tick without failures names none', async () => {
  await tickAfter(60)
  const text = readFileSync(join(caDir, 'status', 'last-tick.json'), 'utf8')
  expect(text).not.toContain('failedPeers')
})
