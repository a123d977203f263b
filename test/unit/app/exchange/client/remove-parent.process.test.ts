/** Parents listed, shown and removed: what a report names, what is revoked at the parent, and what the CA loses. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { addCa } from '../../../../../src/core/app/authority/cas.js'
import { configureLocalRepository } from '../../../../../src/core/app/authority/parents.js'
import { roaArguments } from '../../../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../../../src/core/app/authority/roas.js'
import { type Deliver, deliverByHttp } from '../../../../../src/core/app/exchange/client/deliver.js'
import { listParents, showParent } from '../../../../../src/core/app/exchange/client/list-parents.js'
import { addRemoteParent, parentRequest } from '../../../../../src/core/app/exchange/client/parent-contact.js'
import { refreshParent } from '../../../../../src/core/app/exchange/client/refresh-parent.js'
import { removeParent } from '../../../../../src/core/app/exchange/client/remove-parent.js'
import { answerProvisioning } from '../../../../../src/core/app/exchange/server/answer-provisioning.js'
import { addRemoteChild } from '../../../../../src/core/app/exchange/server/child-contact.js'
import { caState } from '../../../../../src/core/app/session/context.js'
import type { Session } from '../../../../../src/core/app/session/session.js'
import { AppError } from '../../../../../src/core/base/errors.js'
import { type Handle, parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { Work } from '../../../../../src/core/eventsourcing/work.js'
import { readExchange } from '../../../../../src/core/peers/last-exchange.js'
import { parseResources } from '../../../../../src/core/resources/resource-set.js'
import { makeFixedKeys } from '../../../../support/rpki/fixed-keys.js'
import { newTestbed, quickSession, scratchFolder } from '../../../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const handle = (text: string): Handle => parseHandle(text) as Handle
const [TESTBED, KID, UP, LEAF] = [handle('testbed'), handle('kid'), handle('up'), handle('leaf')]
const scratch = scratchFolder('remove-parent')
let count = 0
let now: Instant
let parentDir: string
let childDir: string
let isDown: boolean

afterAll(() => scratch.remove())

async function open(dir: string): Promise<Session> {
  const both = await Promise.all([quickSession(parentDir, now), quickSession(childDir, now)])
  makeFixedKeys(both.flatMap(({ store }) => store.keys.list()))
  return dir === parentDir ? both[0] : both[1]
}

const deliver = async (): Promise<Deliver> =>
  deliverByHttp(await open(childDir), 'brine/test', async ({ body }) => {
    if (isDown) throw new AppError('remote', 'peer-unreachable', 'no route')
    return { body: (await answerProvisioning(await open(parentDir), TESTBED, body)).cms, peerTime: null }
  })

async function refresh(): Promise<void> {
  now = addSeconds(now, 60)
  await refreshParent(await open(childDir), KID, UP, { deliver: await deliver() })
}

async function remove(dryRun = false) {
  now = addSeconds(now, 60)
  return removeParent(await open(childDir), KID, UP, { deliver: await deliver(), dryRun })
}

const stateIn = async (dir: string, name: Handle) =>
  (await open(dir)).store.read(async (reader) => caState(new Work(reader), name))
const issued = async () => Object.keys((await stateIn(parentDir, TESTBED)).children['kid']?.issued ?? {})

beforeEach(async () => {
  count += 1
  now = NOW
  isDown = false
  parentDir = `${scratch.dir}/parent-${count}`
  childDir = `${scratch.dir}/child-${count}`
  await newTestbed(parentDir, NOW)
  await newTestbed(childDir, NOW)
  await addCa(await open(childDir), KID, undefined)
  await configureLocalRepository(await open(childDir), KID)
  const { request } = await parentRequest(await open(childDir), KID)
  const added = await addRemoteChild(await open(parentDir), TESTBED, {
    ...{ child: KID, resources: parseResources('10.0.0.0/8, AS64496'), request: Buffer.from(request) },
    serviceBase: 'https://rpki.example.net/',
  })
  const contact = { response: Buffer.from(added.response ?? ''), permissions: { allowPrivate: true } }
  await addRemoteParent(await open(childDir), KID, UP, contact)
})

test('a parent that was never asked is listed and shown', async () => {
  const row = { parent: 'up', transport: 'rfc6492', exchange: null, nextDue: null, resources: { ipv4: '' } }
  expect(await listParents(await open(childDir), KID)).toMatchObject({
    ca: 'kid',
    parents: [{ ...row, serviceUri: 'https://rpki.example.net/rfc6492/testbed', doubts: 0, openRequests: 0 }],
  })
  expect(await showParent(await open(childDir), KID, UP)).toMatchObject({
    ...{ ...row, aggregate: null, classes: [], requests: [] },
    contact: { childName: 'kid', parentName: 'testbed', allowPrivate: true, tlsInsecure: false },
  })
  await expect(showParent(await open(childDir), KID, handle('upp'))).rejects.toMatchObject({ code: 'parent-unknown' })
})

test('one that answered is shown with its exchange, class and next time', async () => {
  await refresh()
  const at = expect.stringMatching(/^2026-11-22T1[23]:/)
  const shown = await showParent(await open(childDir), KID, UP)
  expect(shown).toMatchObject({
    exchange: { outcome: 'success', at: now, lastSuccess: now, code: null },
    ...{ nextDue: at, classes: [{ class: '0', resources: { ipv4: '10.0.0.0/8' } }], requests: [] },
  })
  const ids = (await stateIn(childDir, KID)).ids ?? []
  expect(shown.contact?.id).toEqual({ ski: ids[0]?.ski, notAfter: ids[0]?.notAfter })
  expect(shown.contact?.peer.ski).toBe((await stateIn(parentDir, TESTBED)).ids?.[0]?.ski)
})

test('a parent of the same directory is listed without an exchange', async () => {
  const { parents } = await listParents(await open(childDir), TESTBED)
  expect(parents).toMatchObject([{ transport: 'local', serviceUri: null, exchange: null, nextDue: null }])
})

describe('removing', () => {
  beforeEach(async () => {
    await refresh()
    await updateRoas(await open(childDir), KID, roaArguments({ add: ['10.0.0.0/24 => 64496'] }))
    const under = { parent: KID, resources: parseResources('10.1.0.0/16') }
    await addCa(await open(childDir), LEAF, under)
  })

  test('names in a dry run what is lost, and changes and sends nothing', async () => {
    isDown = true
    const before = await stateIn(childDir, KID)
    expect(await remove(true)).toMatchObject({
      ...{ dryRun: true, changed: true, revocations: [], children: ['leaf'] },
      lost: [{ ca: 'kid', roa: '10.0.0.0/24-24 => 64496' }],
    })
    expect(await stateIn(childDir, KID)).toEqual(before)
  })

  test('revokes at the parent, withdraws, and keeps the ROAs in the configuration', async () => {
    expect(await issued()).toHaveLength(1)
    const report = await remove()
    expect(report).toMatchObject({ changed: true, revocations: [{ class: '0', outcome: 'revoked', message: null }] })
    expect(await issued()).toEqual([])
    const { parents, classes, roas } = await stateIn(childDir, KID)
    expect([parents, classes]).toEqual([{}, {}])
    expect(Object.keys(roas)).toEqual(['10.0.0.0/24-24 => 64496'])
    expect((await stateIn(childDir, LEAF)).classes).toEqual({})
    expect(readExchange(childDir, { kind: 'parent', ca: 'kid', peer: 'up' })).toBeUndefined()
  })

  test('from a parent that cannot be reached reports the key that it still certifies', async () => {
    isDown = true
    expect(await remove()).toMatchObject({ changed: true, revocations: [{ outcome: 'failed', message: 'no route' }] })
    expect((await stateIn(childDir, KID)).parents).toEqual({})
    expect(await issued()).toHaveLength(1)
  })

  test('of a parent in the same directory has its certificate revoked in the same commit', async () => {
    now = addSeconds(now, 60)
    const none = await deliver()
    const session = await open(childDir)
    const report = await removeParent(session, LEAF, KID, { deliver: none })
    expect(report).toMatchObject({ changed: true, revocations: [] })
    expect((await stateIn(childDir, LEAF)).parents).toEqual({})
    expect((await stateIn(childDir, KID)).children['leaf']?.issued).toEqual({})
  })
})
