/** Parents listed, shown and removed: what a report names, what is revoked at the parent, and what the CA loses. */
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { addCa } from '../../../../../src/core/app/authority/cas.js'
import { roaArguments } from '../../../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../../../src/core/app/authority/roas.js'
import { type Deliver, deliverByHttp } from '../../../../../src/core/app/exchange/client/deliver.js'
import { listParents, showParent } from '../../../../../src/core/app/exchange/client/list-parents.js'
import { refreshParent } from '../../../../../src/core/app/exchange/client/refresh-parent.js'
import { removeParent } from '../../../../../src/core/app/exchange/client/remove-parent.js'
import { AppError } from '../../../../../src/core/base/errors.js'
import { type Handle, parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { readExchange } from '../../../../../src/core/peers/last-exchange.js'
import { parseResources } from '../../../../../src/core/resources/resource-set.js'
import { scratchFolder } from '../../../../support/sites/testbed.js'
import {
  KID,
  newDirectories,
  parentElsewhere,
  TESTBED,
  type TwoDirectories,
  UP,
} from '../../../../support/sites/two-directories.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const handle = (text: string): Handle => parseHandle(text) as Handle
const LEAF = handle('leaf')
const scratch = scratchFolder('remove-parent')
let count = 0
let now: Instant
let two: TwoDirectories
let isDown: boolean

afterAll(() => scratch.remove())

const deliver = async (): Promise<Deliver> =>
  deliverByHttp(await two.here(), 'brine/test', async ({ uri, body }) => {
    if (isDown) throw new AppError('remote', 'peer-unreachable', 'no route')
    return { body: await two.answer(uri, body), peerTime: null }
  })

async function refresh(): Promise<void> {
  now = addSeconds(now, 60)
  await refreshParent(await two.here(), KID, UP, { deliver: await deliver() })
}

async function remove(dryRun = false) {
  now = addSeconds(now, 60)
  return removeParent(await two.here(), KID, UP, { deliver: await deliver(), dryRun })
}

const issued = async () => Object.keys((await two.stateThere(TESTBED)).children['kid']?.issued ?? {})

beforeEach(async () => {
  count += 1
  now = NOW
  isDown = false
  two = await newDirectories(`${scratch.dir}/${count}`, () => now)
  await parentElsewhere(two)
})

test('a parent that was never asked is listed and shown', async () => {
  const row = { parent: 'up', transport: 'rfc6492', exchange: null, nextDue: null, resources: { ipv4: '' } }
  expect(await listParents(await two.here(), KID)).toMatchObject({
    ca: 'kid',
    parents: [{ ...row, serviceUri: 'https://rpki.example.net/rfc6492/testbed', doubts: 0, openRequests: 0 }],
  })
  expect(await showParent(await two.here(), KID, UP)).toMatchObject({
    ...{ ...row, aggregate: null, classes: [], requests: [] },
    contact: { childName: 'kid', parentName: 'testbed', allowPrivate: true, tlsInsecure: false },
  })
  await expect(showParent(await two.here(), KID, handle('upp'))).rejects.toMatchObject({ code: 'parent-unknown' })
})

test('one that answered is shown with its exchange, class and next time', async () => {
  await refresh()
  const at = expect.stringMatching(/^2026-11-22T1[23]:/)
  const shown = await showParent(await two.here(), KID, UP)
  expect(shown).toMatchObject({
    exchange: { outcome: 'success', at: now, lastSuccess: now, code: null },
    ...{ nextDue: at, classes: [{ class: '0', resources: { ipv4: '10.0.0.0/8' } }], requests: [] },
  })
  const ids = (await two.stateHere(KID)).ids ?? []
  expect(shown.contact?.id).toEqual({ ski: ids[0]?.ski, notAfter: ids[0]?.notAfter })
  expect(shown.contact?.peer.ski).toBe((await two.stateThere(TESTBED)).ids?.[0]?.ski)
})

test('a parent of the same directory is listed without an exchange', async () => {
  const { parents } = await listParents(await two.here(), TESTBED)
  expect(parents).toMatchObject([{ transport: 'local', serviceUri: null, exchange: null, nextDue: null }])
})

describe('removing', () => {
  beforeEach(async () => {
    await refresh()
    await updateRoas(await two.here(), KID, roaArguments({ add: ['10.0.0.0/24 => 64496'] }))
    const under = { parent: KID, resources: parseResources('10.1.0.0/16') }
    await addCa(await two.here(), LEAF, under)
  })

  test('names in a dry run what is lost, and changes and sends nothing', async () => {
    isDown = true
    const before = await two.stateHere(KID)
    expect(await remove(true)).toMatchObject({
      ...{ dryRun: true, changed: true, revocations: [], children: ['leaf'] },
      lost: [{ ca: 'kid', roa: '10.0.0.0/24-24 => 64496' }],
    })
    expect(await two.stateHere(KID)).toEqual(before)
  })

  test('revokes at the parent, withdraws, and keeps the ROAs in the configuration', async () => {
    expect(await issued()).toHaveLength(1)
    const report = await remove()
    expect(report).toMatchObject({ changed: true, revocations: [{ class: '0', outcome: 'revoked', message: null }] })
    expect(await issued()).toEqual([])
    const { parents, classes, roas } = await two.stateHere(KID)
    expect([parents, classes]).toEqual([{}, {}])
    expect(Object.keys(roas)).toEqual(['10.0.0.0/24-24 => 64496'])
    expect((await two.stateHere(LEAF)).classes).toEqual({})
    expect(readExchange(two.client, { kind: 'parent', ca: 'kid', peer: 'up' })).toBeUndefined()
  })

  test('from a parent that cannot be reached reports the key that it still certifies', async () => {
    isDown = true
    expect(await remove()).toMatchObject({ changed: true, revocations: [{ outcome: 'failed', message: 'no route' }] })
    expect((await two.stateHere(KID)).parents).toEqual({})
    expect(await issued()).toHaveLength(1)
  })

  test('of a parent in the same directory has its certificate revoked in the same commit', async () => {
    now = addSeconds(now, 60)
    const none = await deliver()
    const session = await two.here()
    const report = await removeParent(session, LEAF, KID, { deliver: none })
    expect(report).toMatchObject({ changed: true, revocations: [] })
    expect((await two.stateHere(LEAF)).parents).toEqual({})
    expect((await two.stateHere(KID)).children['leaf']?.issued).toEqual({})
  })
})
