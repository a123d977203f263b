/** No message to a peer is sent under the write lock: another command of the directory goes on while a server takes its time. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { roaArguments } from '../../../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../../../src/core/app/authority/roas.js'
import { deliverByHttp } from '../../../../../src/core/app/exchange/client/deliver.js'
import { refreshParent } from '../../../../../src/core/app/exchange/client/refresh-parent.js'
import { syncRepository } from '../../../../../src/core/app/exchange/client/sync-repository.js'
import { tick } from '../../../../../src/core/app/operations/tick.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import type { Send } from '../../../../../src/core/peers/message.js'
import { acquireLock } from '../../../../../src/core/store/directory/lock.js'
import { scratchFolder } from '../../../../support/sites/testbed.js'
import {
  KID,
  newDirectories,
  parentElsewhere,
  repositoryElsewhere,
  type TwoDirectories,
  UP,
} from '../../../../support/sites/two-directories.js'

const LOCK = { command: 'test', long: false, warn: () => undefined } as const
const scratch = scratchFolder('no-lock')
let now = '2026-11-21T12:00:00Z' as Instant
let [child, publisher]: readonly TwoDirectories[] = []

beforeAll(async () => {
  child = await newDirectories(`${scratch.dir}/child`, () => now)
  await parentElsewhere(child)
  publisher = await newDirectories(`${scratch.dir}/publisher`, () => now)
  await repositoryElsewhere(publisher)
}, 60_000)
afterAll(() => scratch.remove())

/** Runs `work` with a delivery during which the write lock of the client is tried. Returns how often that succeeded, of how many. */
async function tried(
  two: TwoDirectories,
  work: (session: Awaited<ReturnType<TwoDirectories['here']>>, send: Send) => Promise<unknown>,
): Promise<readonly boolean[]> {
  now = addSeconds(now, 60)
  const session = await two.here()
  const isFree: boolean[] = []
  const send: Send = async ({ uri, body }) => {
    const lock = await acquireLock(session.store.layout, { ...LOCK, timeout: 0 }).catch(() => undefined)
    isFree.push(lock !== undefined)
    await lock?.release()
    return { body: await two.answer(uri, body), peerTime: null }
  }
  await work(session, send)
  return isFree
}

test('a lock that is held is noticed', async () => {
  const { layout } = (await (child as TwoDirectories).here()).store
  const lock = await acquireLock(layout, { ...LOCK, timeout: 0 })
  const isFree = await tried(child as TwoDirectories, (_, send) =>
    send({ uri: '', contentType: '', body: new Uint8Array(), userAgent: '' }).catch(() => undefined),
  )
  await lock.release()
  expect(isFree).toEqual([false])
})

test('the messages to a parent', async () => {
  const isFree = await tried(child as TwoDirectories, (session, send) =>
    refreshParent(session, KID, UP, { deliver: deliverByHttp(session, 'brine/test', send) }),
  )
  expect(isFree).toEqual([true, true])
})

test('the messages to a repository, also those of tick', async () => {
  const two = publisher as TwoDirectories
  const sync = (session: Awaited<ReturnType<TwoDirectories['here']>>, send: Send) =>
    syncRepository(session, KID, { deliver: deliverByHttp(session, 'brine/test', send) })
  expect(await tried(two, sync)).toEqual([true, true])
  await updateRoas(await two.here(), KID, roaArguments({ add: ['10.0.0.0/24 => 64496'] }))
  const isFree = await tried(two, (session, send) => tick(session, deliverByHttp(session, 'brine/test', send)))
  expect(isFree).toEqual([true, true])
})
