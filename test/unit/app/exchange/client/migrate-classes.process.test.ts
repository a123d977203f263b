/** Migration of a CA with two parents elsewhere and three classes, of which one parent does not answer in the middle. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { addCa } from '../../../../../src/core/app/authority/cas.js'
import { addChild } from '../../../../../src/core/app/authority/children.js'
import { addLocalParent, configureLocalRepository } from '../../../../../src/core/app/authority/parents.js'
import { listRoas } from '../../../../../src/core/app/authority/roas.js'
import { migrateRepository } from '../../../../../src/core/app/exchange/client/migrate-repository.js'
import { addRemoteParent, parentRequest } from '../../../../../src/core/app/exchange/client/parent-contact.js'
import {
  configureRemoteRepository,
  repositoryRequest,
} from '../../../../../src/core/app/exchange/client/repository-contact.js'
import { addRemoteChild } from '../../../../../src/core/app/exchange/server/child-contact.js'
import { addPublisher } from '../../../../../src/core/app/exchange/server/publisher-contact.js'
import { tick } from '../../../../../src/core/app/operations/tick.js'
import { TA_HANDLE } from '../../../../../src/core/app/session/context.js'
import { showRepository } from '../../../../../src/core/app/status/repositories.js'
import { AppError } from '../../../../../src/core/base/errors.js'
import { type Handle, parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import type { ResourceClass } from '../../../../../src/core/ca/state/state.js'
import type { Send } from '../../../../../src/core/peers/message.js'
import { parseResources } from '../../../../../src/core/resources/resource-set.js'
import { addRoa, deliverTo, expectAudited, sendTo, servedFiles } from '../../../../support/sites/exchanges.js'
import {
  KID,
  newDirectories,
  PUB,
  SERVICE,
  TESTBED,
  type TwoDirectories,
  UP,
} from '../../../../support/sites/two-directories.js'
import { fastest } from '../../../../support/store/store.js'

const [MID, OTHER, SECOND] = ['mid', 'other', 'second'].map(parseHandle) as [Handle, Handle, Handle]
const DAY = 86_400
const folder = mkdtempSync(join(fastest(), 'brine-classes-'))
let now = '2026-11-21T12:00:00Z' as Instant
/** Names of services that do not answer. */
const down = new Set<string>()

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const deliver = async (two: TwoDirectories) => {
  const send: Send = (message) => {
    const name = message.uri.split('/').at(-1) ?? ''
    if (down.has(name)) return Promise.reject(new AppError('remote', 'peer-unreachable', `${name} is down`))
    return sendTo(two)(message)
  }
  const session = await two.here()
  return { session, deliver: deliverTo(session, two, send) }
}

async function runTick(two: TwoDirectories, seconds = 600): Promise<void> {
  now = addSeconds(now, seconds)
  const { session, deliver: by } = await deliver(two)
  await tick(session, by)
}

/** `mid` of the server has a class under the trust anchor and one under `testbed`; `testbed` is the other parent of `kid`. */
async function newSite(): Promise<TwoDirectories> {
  const two = await newDirectories(folder, () => now)
  await addCa(await two.there(), MID, undefined)
  await configureLocalRepository(await two.there(), MID)
  await addChild(await two.there(), TA_HANDLE, MID, parseResources('10.0.0.0/8'))
  await addChild(await two.there(), TESTBED, MID, parseResources('172.16.0.0/12'))
  await addLocalParent(await two.there(), MID, TA_HANDLE)
  await addLocalParent(await two.there(), MID, TESTBED)
  await configureRemoteRepository(await two.here(), KID, await responseFor(two, PUB))
  for (const [parent, name, resources] of [
    [TESTBED, UP, '192.0.2.0/24'],
    [MID, OTHER, '10.0.0.0/16, 172.16.0.0/16'],
  ] as const) {
    const request = Buffer.from((await parentRequest(await two.here(), KID)).request)
    // each peer has a host of its own: one that does not answer is not asked for another peer in the same run
    const serviceBase = `https://${name}.example.net/`
    const child = { child: KID, resources: parseResources(resources), request, serviceBase }
    const response = Buffer.from((await addRemoteChild(await two.there(), parent, child)).response ?? '')
    await addRemoteParent(await two.here(), KID, name, { response, permissions: { allowPrivate: true } })
  }
  await runTick(two)
  for (const prefix of ['192.0.2.0/24', '10.0.0.0/24', '172.16.0.0/24']) await addRoa(two, `${prefix} => 64496`)
  await runTick(two)
  return two
}

async function responseFor(two: TwoDirectories, publisher: Handle) {
  const request = Buffer.from((await repositoryRequest(await two.here(), KID)).request)
  const serviceBase = publisher === PUB ? SERVICE : 'https://second.example.net/'
  const added = await addPublisher(await two.there(), { publisher, request, serviceBase })
  return { response: Buffer.from(added.response ?? ''), permissions: {} }
}

/** For each class: kinds of the files that each repository serves. */
async function served(two: TwoDirectories): Promise<readonly string[]> {
  const { server } = two
  const classes = await classesOf(two)
  return ['pub', 'second'].map((publisher) =>
    classes
      .map(({ name }) =>
        servedFiles(server, publisher)
          .filter((file) => file.startsWith(`${name}/`))
          .map((file) => file.split('.').at(-1))
          .sort()
          .join('+'),
      )
      .join(' '),
  )
}
/** Its classes, that of `testbed` first: which parent is asked first, and has class 0, is left open. */
async function classesOf(two: TwoDirectories): Promise<readonly ResourceClass[]> {
  const classes = Object.values((await two.stateHere(KID)).classes)
  return classes.sort((a, b) => Number(b.parent === UP) - Number(a.parent === UP))
}
const states = async (two: TwoDirectories) =>
  (await classesOf(two)).map(({ keys }) => keys.map(({ state }) => state).join('+'))
const roaStates = async (two: TwoDirectories) =>
  (await listRoas(await two.here(), KID)).roas.map(({ state }) => state).join(' ')
const stage = async (two: TwoDirectories) => (await showRepository(await two.here(), KID)).leaving?.stage ?? null

test('each class goes when its parent has certified it, and the old repository is left after the last', async () => {
  const two = await newSite()
  const [FULL, EMPTY] = ['crl+mft+roa', 'crl+mft']
  expect(await served(two)).toEqual([`${FULL} ${FULL} ${FULL}`, '  '])
  down.add('mid')
  const to = await responseFor(two, SECOND)
  await migrateRepository(await two.here(), KID, { to, activateAfter: DAY, abandonsOld: false })
  await runTick(two)
  await runTick(two)
  // `testbed` has certified its class, `mid` neither of its two
  expect(await states(two)).toEqual(['current+new', 'current+pending', 'current+pending'])
  expect(await served(two)).toEqual([`${FULL} ${FULL} ${FULL}`, `${EMPTY}  `])
  await runTick(two, DAY + 60)
  await runTick(two)
  await runTick(two)
  expect(await states(two)).toEqual(['current', 'current+pending', 'current+pending'])
  // the parent revoked the old key after the repositories were asked
  await runTick(two)
  // what is left of the first class in the old repository is an empty folder; the others are untouched
  expect(await served(two)).toEqual([` ${FULL} ${FULL}`, `${FULL}  `])
  expect([await stage(two), await roaStates(two)]).toEqual(['activation', 'published published published'])
  // one class has taken over: it cannot be taken back any more
  const back = { to: 'none', activateAfter: null, abandonsOld: false, cancels: true } as const
  await expect(migrateRepository(await two.here(), KID, back)).rejects.toMatchObject({ code: 'repository-active' })

  down.clear()
  down.add('pub')
  await runTick(two)
  await runTick(two)
  expect(await states(two)).toEqual(['current', 'current+new', 'current+new'])
  await runTick(two, DAY + 60)
  await runTick(two)
  await runTick(two)
  // the old repository does not answer: it keeps what it has, and only the withdrawal waits
  expect(await states(two)).toEqual(['current', 'current', 'current'])
  expect(await served(two)).toEqual([` ${FULL} ${FULL}`, `${FULL} ${FULL} ${FULL}`])
  expect(await stage(two)).toBe('withdrawal')
  down.clear()
  await runTick(two)
  expect([await served(two), await stage(two)]).toEqual([['  ', `${FULL} ${FULL} ${FULL}`], null])
  expect(await roaStates(two)).toBe('published published published')
  await expectAudited(two)
}, 120_000)
