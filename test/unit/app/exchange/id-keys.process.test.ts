/** A planned change of ID keys: each peer goes on with the key that it knows until it was given the new one. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { removeChild } from '../../../../src/core/app/authority/children.js'
import { configureLocalRepository } from '../../../../src/core/app/authority/parents.js'
import { type Deliver, deliverByHttp } from '../../../../src/core/app/exchange/client/deliver.js'
import { showParent } from '../../../../src/core/app/exchange/client/list-parents.js'
import { addRemoteParent, parentRequest } from '../../../../src/core/app/exchange/client/parent-contact.js'
import { refreshParent } from '../../../../src/core/app/exchange/client/refresh-parent.js'
import {
  configureRemoteRepository,
  repositoryRequest,
} from '../../../../src/core/app/exchange/client/repository-contact.js'
import { syncRepository } from '../../../../src/core/app/exchange/client/sync-repository.js'
import { addId, renewId, retireId, showIds, useId } from '../../../../src/core/app/exchange/id-keys.js'
import { childResponse, updateChildId } from '../../../../src/core/app/exchange/server/child-contact.js'
import {
  addPublisher,
  publisherResponse,
  updatePublisherId,
} from '../../../../src/core/app/exchange/server/publisher-contact.js'
import { showPublisher } from '../../../../src/core/app/exchange/server/publishers.js'
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
const DAY = 86_400
const YEARS_15 = 15 * 365 * DAY
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

/** Returns the end of our ID certificate that `parent show` gives. */
const shown = async () => (await showParent(await here(), KID, UP)).contact?.id.notAfter

/** Returns the end of the server's ID certificate that `pubserver publisher show` gives. */
const shownOfPublisher = async () => (await showPublisher(await there(), KID)).id?.own.notAfter

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
const heldOf = async (session: Session, ca: Handle | null) =>
  (await idsOf(session, ca)).flatMap(({ users }) => users.map(({ kind, until }) => [kind, until]))
const idFindingsOf = async (session: Session) =>
  (await status(session)).concerns.filter(({ code }) => code === 'id-expiring')
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
    expect(await refreshFails()).toContain('has no child with the ID key')
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

  test('status names what replaces a key that runs out where a newer one exists, then its retirement', async () => {
    const { id: first } = await addParent(await addChild(await request()))
    const hints = async () => {
      now = addSeconds(NOW, YEARS_15 - DAY)
      return (await idFindingsOf(await here())).filter(({ message }) => message.includes(first)).map(({ hint }) => hint)
    }
    const give = (id: string) =>
      `brine parent request kid up, send it, then brine parent add kid up --response FILE (without a response: brine ca id use kid ${id} --parent up)`
    expect(await hints()).toEqual([`brine ca id renew kid ${first}; ${give(first)}`])
    const second = await newIdHere()
    expect(await hints()).toEqual([give(second)])
    await useId(await here(), KID, second as typeof first, [{ kind: 'parent', name: UP }])
    expect(await hints()).toEqual([`brine ca id retire kid ${first}`])
  })

  test('a renewed certificate: status counts down to the end of what the parent holds, until it answers the new request', async () => {
    const response = await addChild(await request())
    const { id, idUntil } = await addParent(response)
    now = addSeconds(idUntil, -30 * DAY)
    const findings = async () => (await idFindingsOf(await here())).filter(({ message }) => message.includes(id))
    expect(await findings()).toMatchObject([
      {
        ...{
          level: 'warning',
          hint: expect.stringContaining(`brine ca id renew kid ${id}; brine parent request kid up`),
        },
        message: `the ID certificate of kid (key ${id}) that parent up holds expires at ${idUntil}, in 30d`,
      },
    ])
    const dry = await renewId(await here(), KID, null, { dryRun: true })
    expect(dry).toMatchObject({ id, dryRun: true })
    expect(await idsOf(await here(), KID)).toMatchObject([{ ski: id, notAfter: idUntil }])
    const { ids } = await renewId(await here(), KID, null)
    const later = ids[0]?.notAfter ?? now
    expect(await shown()).toBe(idUntil)
    expect(later >= addSeconds(now, YEARS_15)).toBe(true)
    expect(ids).toMatchObject([{ ski: id, users: [{ kind: 'parent', name: 'up', until: idUntil }] }])
    // neither the response to the former request nor a certificate that is not sent changes what the parent holds
    expect(await addParent(response)).toMatchObject({ id, idUntil, changed: false })
    expect(await findings()).toMatchObject([{ hint: expect.stringMatching(/^brine parent request kid up, send it/) }])
    const renewed = Buffer.from((await parentRequest(await here(), KID, UP)).request)
    expect(await findings()).toHaveLength(1)
    await updateChildId(await there(), TESTBED, KID, renewed)
    expect(await refreshFails()).toBeNull()
    expect(await addParent(response)).toMatchObject({ id, idUntil: later, formerId: null, changed: true })
    expect(await shown()).toBe(later)
    expect(await findings()).toEqual([])
    expect(await addParent(response)).toMatchObject({ changed: false })
    expect(await refreshFails()).toBeNull()
    // and from then on to the end of the new one
    now = addSeconds(later, -DAY)
    expect(await findings()).toMatchObject([
      { level: 'critical', message: expect.stringContaining(`expires at ${later}, in 1d`) },
    ])
  })

  test('a parent that gives no new response, and a second request without its name', async () => {
    const response = await addChild(await request())
    const { id } = await addParent(response)
    now = addSeconds(now, DAY)
    const until = (await renewId(await here(), KID, id)).ids[0]?.notAfter
    await useId(await here(), KID, id, [{ kind: 'parent', name: UP }])
    expect(await heldOf(await here(), KID)).toEqual([['parent', until]])
    // a response to the request before does not take it back
    expect(await addParent(response)).toMatchObject({ idUntil: until, changed: false })
    now = addSeconds(now, DAY)
    const later = (await renewId(await here(), KID, null)).ids[0]?.notAfter
    await request()
    expect(later).not.toBe(until)
    expect(await addParent(response)).toMatchObject({ idUntil: later, changed: true })
  })

  test('a renewed certificate of a key that is not the newest is the one of new requests', async () => {
    const { id: first } = await addParent(await addChild(await request()))
    const second = await newIdHere()
    await renewId(await here(), KID, first)
    expect(await idsOf(await here(), KID)).toMatchObject([{ ski: second }, { ski: first, newest: true }])
    await expect(renewId(await here(), KID, 'A'.repeat(40) as typeof first)).rejects.toMatchObject({
      code: 'id-unknown',
    })
    await expect(renewId(await there(), null, null)).rejects.toMatchObject({ code: 'id-none' })
  })

  test('a wrong guess is put right by hand', async () => {
    const response = await addChild(await request())
    const [first] = await idsOf(await here(), KID)
    const second = await newIdHere()
    await request()
    expect(await addParent(response)).toMatchObject({ id: second, otherIds: [first?.ski] })
    expect(await refreshFails()).toContain('has no child with the ID key')
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

test('children, publishers and repositories hold the former certificate of a key until they have the new one', async () => {
  await configureLocalRepository(await here(), KID)
  const response = await addChild(await request())
  await addParent(response)
  const own = {
    publisher: KID,
    request: Buffer.from((await repositoryRequest(await here(), KID)).request),
    serviceBase: SERVICE,
  }
  await addPublisher(await there(), own)
  now = addSeconds(NOW, YEARS_15 - DAY)
  const [caId] = await idsOf(await there(), TESTBED)
  const [serverId] = await idsOf(await there(), null)
  if (caId === undefined || serverId === undefined) throw new Error('no ID key')
  const hints = async () =>
    (await idFindingsOf(await there())).map(({ hint }) => hint).filter((hint) => hint?.includes('URI'))
  const child = `brine child response testbed kid --service-uri URI, send it, then brine ca id use testbed ${caId.ski} --child kid`
  const publisher = `brine pubserver publisher response kid --service-uri URI, send it, then brine pubserver id use ${serverId.ski} --publisher kid`
  expect(await hints()).toEqual([
    `brine ca id renew testbed ${caId.ski}; ${child}`,
    `brine pubserver id renew ${serverId.ski}; ${publisher}`,
  ])
  const later = (await renewId(await there(), TESTBED, null)).ids[0]?.notAfter
  const serverLater = (await renewId(await there(), null, serverId.ski)).ids[0]?.notAfter
  expect(later).not.toBe(caId.notAfter)
  expect(await hints()).toEqual([child, publisher])
  expect(serverLater).not.toBe(serverId.notAfter)
  expect(await shownOfPublisher()).toBe(serverId.notAfter)

  // a certificate of the peer leaves what it holds of ours as it is
  await renewId(await here(), KID, null)
  await updateChildId(await there(), TESTBED, KID, await request())
  await updatePublisherId(await there(), KID, Buffer.from((await repositoryRequest(await here(), KID)).request))
  expect(await heldOf(await there(), TESTBED)).toEqual([['child', caId.notAfter]])
  expect(await heldOf(await there(), null)).toEqual([['publisher', serverId.notAfter]])

  const again = await childResponse(await there(), TESTBED, KID, SERVICE)
  expect(notices).toEqual([])
  await addParent(again.response)
  expect(await refreshFails()).toBeNull()
  await useId(await there(), TESTBED, caId.ski, [{ kind: 'child', name: KID }])
  await useId(await there(), null, serverId.ski, [{ kind: 'publisher', name: KID }])
  expect(await heldOf(await there(), TESTBED)).toEqual([['child', later]])
  expect(await heldOf(await there(), null)).toEqual([['publisher', serverLater]])
  expect(await shownOfPublisher()).toBe(serverLater)
  expect(await hints()).toEqual([])
  expect(await idFindingsOf(await there())).toEqual([])

  // a peer's certificate of the same key counts on
  await updateChildId(await there(), TESTBED, KID, await request())
  expect(await heldOf(await there(), TESTBED)).toEqual([['child', later]])
  expect(await refreshFails()).toBeNull()

  // one that is added after a renewal holds the new certificate
  await removeChild(await there(), TESTBED, KID)
  await addChild(await request())
  expect(await heldOf(await there(), TESTBED)).toEqual([['child', later]])
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
