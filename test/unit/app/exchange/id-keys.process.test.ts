/** A planned change of ID keys: each peer goes on with the key that it knows until it was given the new one. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { configureLocalRepository } from '../../../../src/core/app/authority/parents.js'
import { type Deliver, deliverByHttp } from '../../../../src/core/app/exchange/client/deliver.js'
import { addRemoteParent, parentRequest } from '../../../../src/core/app/exchange/client/parent-contact.js'
import { refreshParent } from '../../../../src/core/app/exchange/client/refresh-parent.js'
import {
  configureRemoteRepository,
  repositoryRequest,
} from '../../../../src/core/app/exchange/client/repository-contact.js'
import { syncRepository } from '../../../../src/core/app/exchange/client/sync-repository.js'
import { addId, retireId, showIds, useId } from '../../../../src/core/app/exchange/id-keys.js'
import { childResponse, updateChildId } from '../../../../src/core/app/exchange/server/child-contact.js'
import {
  addPublisher,
  publisherResponse,
  updatePublisherId,
} from '../../../../src/core/app/exchange/server/publisher-contact.js'
import type { Session } from '../../../../src/core/app/session/session.js'
import { status } from '../../../../src/core/app/status/status.js'
import { type Handle, parseHandle } from '../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { scratchFolder } from '../../../support/sites/testbed.js'
import {
  childElsewhere,
  childRequest,
  KID,
  newDirectories,
  SERVICE,
  TESTBED,
  type TwoDirectories,
  UP,
} from '../../../support/sites/two-directories.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const permissions = { allowPrivate: true }
const scratch = scratchFolder('id-keys')
let count = 0
let now: Instant
let two: TwoDirectories
let notices: string[]

afterAll(() => scratch.remove())

const heeding = (session: Session): Session => ({
  ...session,
  options: { ...session.options, onNotice: (text) => void notices.push(text) },
})
const here = async () => heeding(await two.here())
const there = async () => heeding(await two.there())

const deliver = async (): Promise<Deliver> =>
  deliverByHttp(await here(), 'brine/test', async ({ uri, body }) => {
    return { body: await two.answer(uri, body), peerTime: null }
  })

/** Returns the error of a refresh of the parent; null: none. */
async function refreshFails(): Promise<string | null> {
  now = addSeconds(now, 60)
  return refreshParent(await here(), KID, UP, { deliver: await deliver() }).then(
    () => null,
    (error: Error) => error.message,
  )
}

const request = () => childRequest(two)
const addParent = async (response: string) =>
  addRemoteParent(await here(), KID, UP, { response: Buffer.from(response), permissions })
const addChild = async (child: Uint8Array) => (await childElsewhere(two, child)).toString()
const idsOf = async (session: Session, ca: Handle | null) => (await showIds(session, ca)).ids
const newIdHere = async () => (await addId(await here(), KID)).id ?? ''

beforeEach(async () => {
  count += 1
  now = NOW
  notices = []
  two = await newDirectories(`${scratch.dir}/${count}`, () => now)
})

describe('toward a parent', () => {
  beforeEach(async () => {
    await configureLocalRepository(await here(), KID)
  })

  test('a response is used with the key of the request, though another key was made since', async () => {
    const response = await addChild(await request())
    const [first] = await idsOf(await here(), KID)
    await addId(await here(), KID)
    const added = await addParent(response)
    expect(added).toMatchObject({ id: first?.ski, formerId: null })
    expect(added.otherIds).toHaveLength(1)
    expect(await refreshFails()).toBeNull()
  })

  test('the response to a new request changes the key, and the old one can be retired then', async () => {
    const response = await addChild(await request())
    const { id: first } = await addParent(response)
    expect(await refreshFails()).toBeNull()
    const second = await newIdHere()
    expect(await addParent(response)).toMatchObject({ id: first, formerId: null, changed: false })
    const renewed = await request()
    expect(await refreshFails()).toBeNull()
    await expect(retireId(await here(), KID, first)).rejects.toMatchObject({
      ...{ code: 'id-in-use', hint: expect.stringContaining('brine parent request kid up') },
      message: expect.stringContaining('parent up'),
    })
    await updateChildId(await there(), TESTBED, KID, renewed)
    expect(await refreshFails()).toContain('is not signed by the ID key')
    expect(await addParent(response)).toMatchObject({ id: second, formerId: first, changed: true })
    expect(await refreshFails()).toBeNull()
    expect((await retireId(await here(), KID, first)).ids).toMatchObject([
      { ski: second, newest: true, users: [{ kind: 'parent', name: 'up' }], offered: ['parents'] },
    ])
  })

  test('a request that names its parent is remembered for it, whatever is asked of others meanwhile', async () => {
    const named = Buffer.from((await parentRequest(await here(), KID, UP)).request)
    const response = await addChild(named)
    const [first] = await idsOf(await here(), KID)
    const second = await newIdHere()
    await request()
    expect(await idsOf(await here(), KID)).toMatchObject([
      { ski: first?.ski, offered: [], offeredTo: ['up'] },
      { ski: second, offered: ['parents'], offeredTo: [] },
    ])
    expect(await addParent(response)).toMatchObject({ id: first?.ski, formerId: null, otherIds: [] })
    expect(await refreshFails()).toBeNull()
    expect((await parentRequest(await here(), KID, UP)).parent).toBe('up')
    expect(await idsOf(await here(), KID)).toMatchObject([{ offeredTo: [] }, { offeredTo: ['up'] }])
  })

  test('status names what replaces a key that runs out: a newer one, its peers one after the other, then nothing', async () => {
    const { id: first } = await addParent(await addChild(await request()))
    const hints = async (): Promise<readonly (string | null)[]> => {
      now = addSeconds(NOW, 15 * 365 * 86_400 - 86_400)
      const { concerns } = await status(await here())
      return concerns
        .filter(({ code, message }) => code === 'id-expiring' && message.includes(first))
        .map(({ hint }) => hint)
    }
    const give = 'brine parent request kid up, then brine parent add kid up --response FILE'
    expect(await hints()).toEqual([`brine ca id add kid; ${give}`])
    const second = await newIdHere()
    expect(await hints()).toEqual([give])
    await useId(await here(), KID, second as typeof first, [{ kind: 'parent', name: UP }])
    expect(await hints()).toEqual([`brine ca id retire kid ${first}`])
  })

  test('a wrong guess is put right by hand', async () => {
    const response = await addChild(await request())
    const [first] = await idsOf(await here(), KID)
    const second = await newIdHere()
    await request()
    expect(await addParent(response)).toMatchObject({ id: second, otherIds: [first?.ski] })
    expect(await refreshFails()).toContain('is not signed by the ID key')
    const peer = { kind: 'parent', name: UP } as const
    if (first === undefined) throw new Error('no ID key')
    await useId(await here(), KID, first.ski, [peer])
    expect(await refreshFails()).toBeNull()
  })
})

test('answers to a child are signed with the key that it knows until it has the new response', async () => {
  await configureLocalRepository(await here(), KID)
  await addParent(await addChild(await request()))
  const [first] = await idsOf(await there(), TESTBED)
  const second = (await addId(await there(), TESTBED)).id
  if (first === undefined || second === null) throw new Error('no ID key')
  const again = await childResponse(await there(), TESTBED, KID, SERVICE)
  expect(again).toMatchObject({ id: second, usedId: first.ski })
  expect(notices).toEqual([expect.stringContaining(`brine ca id use testbed ${second} --child kid`)])
  expect(await refreshFails()).toBeNull()
  await addParent(again.response)
  expect(await refreshFails()).toContain('is not signed by the ID key')
  const peer = { kind: 'child', name: KID } as const
  expect(await useId(await there(), TESTBED, second, [peer])).toMatchObject({ changed: true })
  expect(await refreshFails()).toBeNull()
  expect(await useId(await there(), TESTBED, second, [peer])).toMatchObject({ changed: false })
  expect((await retireId(await there(), TESTBED, first.ski)).changed).toBe(true)
  expect(await refreshFails()).toBeNull()
})

test('a repository and a publisher change their keys in the same way', async () => {
  const sync = async () => {
    now = addSeconds(now, 60)
    return syncRepository(await here(), KID, { deliver: await deliver() }).then(
      () => null,
      (error: Error) => error.message,
    )
  }
  const publish = async () => Buffer.from((await repositoryRequest(await here(), KID)).request)
  const configure = async (response: string) =>
    configureRemoteRepository(await here(), KID, { response: Buffer.from(response), permissions })
  const own = { publisher: KID, request: await publish(), serviceBase: SERVICE }
  const first = await configure((await addPublisher(await there(), own)).response ?? '')
  expect(await sync()).toBeNull()

  // of the CA
  const second = await newIdHere()
  await updatePublisherId(await there(), KID, await publish())
  expect(await sync()).toContain('is not signed by the ID key')
  await useId(await here(), KID, second as typeof first.id, [{ kind: 'repository', name: null }])
  expect(await sync()).toBeNull()
  await retireId(await here(), KID, first.id)

  // of the server
  const [old] = await idsOf(await there(), null)
  const fresh = (await addId(await there(), null)).id
  if (old === undefined || fresh === null) throw new Error('no ID key')
  const { response } = await publisherResponse(await there(), KID, SERVICE)
  expect(await sync()).toBeNull()
  await expect(retireId(await there(), null, old.ski)).rejects.toMatchObject({
    ...{ code: 'id-in-use', hint: expect.stringContaining('brine pubserver publisher response kid') },
  })
  await configure(response)
  expect(await sync()).toContain('is not signed by the ID key')
  await useId(await there(), null, fresh, [{ kind: 'publisher', name: KID }])
  expect(await sync()).toBeNull()
  expect((await retireId(await there(), null, old.ski)).ids).toMatchObject([{ ski: fresh, newest: true }])
})

test('peers in the same directory, and those that are none, have no ID key', async () => {
  const [first] = await idsOf(await here(), KID)
  expect(first).toBeUndefined()
  const id = (await addId(await here(), TESTBED)).id
  if (id === null) throw new Error('no ID key')
  const use = async (kind: 'parent' | 'child' | 'repository', name: Handle | null) =>
    useId(await here(), TESTBED, id, [{ kind, name }]).catch((error: { code: string }) => error.code)
  expect(await use('parent', parseHandle('ta'))).toBe('parent-local')
  expect(await use('parent', KID)).toBe('parent-unknown')
  expect(await use('child', KID)).toBe('child-unknown')
  expect(await use('repository', null)).toBe('repo-none')
})
