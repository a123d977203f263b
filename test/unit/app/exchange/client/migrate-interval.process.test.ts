/** Migrations and key rolls within `rrdp_interval` of the last delta: nothing of an old key or an old repository goes before what replaces it is served. */
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { activateKeyroll, initKeyroll } from '../../../../../src/core/app/authority/keyroll.js'
import { roaArguments } from '../../../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../../../src/core/app/authority/roas.js'
import { migrateRepository } from '../../../../../src/core/app/exchange/client/migrate-repository.js'
import { repositoryRequest } from '../../../../../src/core/app/exchange/client/repository-contact.js'
import { addPublisher } from '../../../../../src/core/app/exchange/server/publisher-contact.js'
import { tick } from '../../../../../src/core/app/operations/tick.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { currentKey } from '../../../../../src/core/ca/state/state.js'
import { sha256Hex } from '../../../../../src/core/crypto/digest.js'
import { addRoa, deliverTo, expectAudited, refresh, servedFiles, sync } from '../../../../support/sites/exchanges.js'
import {
  KID,
  newDirectories,
  parentElsewhere,
  repositoryElsewhere,
  SERVICE,
  TESTBED,
  type TwoDirectories,
} from '../../../../support/sites/two-directories.js'
import { fastest } from '../../../../support/store/store.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const DAY = 86_400 + 60
const NOTHING = { className: null, now: false, compromised: false }
const [PRODUCTS, EMPTY] = ['crl mft roa', 'crl mft']
const folder = mkdtempSync(join(fastest(), 'brine-interval-'))
let two: TwoDirectories
let now: Instant
let count = 0

afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeEach(async () => {
  now = NOW
  count += 1
  two = await newDirectories(join(folder, String(count)), () => now)
})

const pass = (seconds: number): void => {
  now = addSeconds(now, seconds)
}

function holdPublications(): void {
  appendFileSync(join(two.client, 'brine.toml'), 'rrdp_interval = "1h"\n')
}

/** Publishes something of another CA, so that what follows within an hour is held. */
async function publishAnother(): Promise<void> {
  const prefix = `10.${count}.${new Date(now).getUTCDate()}.0/24`
  await updateRoas(await two.here(), TESTBED, roaArguments({ add: [`${prefix} => 64500`] }))
  pass(60)
}

const served = (dir: string, publisher: string): string =>
  servedFiles(dir, publisher)
    .map((name) => name.split('.').at(-1))
    .sort()
    .join(' ')
const places = () => [served(two.server, 'pub'), served(two.client, 'kid')]
const isLeaving = async () => (await two.stateHere(KID)).leaving !== undefined
const activate = async () => activateKeyroll(await two.here(), KID, NOTHING)
const runTick = async () => {
  const session = await two.here()
  expect((await tick(session, deliverTo(session, two))).failed).toEqual([])
}

/** The products of the current key are what is served in this directory. */
async function expectServedHere(): Promise<void> {
  const own = (await two.stateHere(KID)).classes['0'] ?? expect.fail('no class')
  const root = join(two.client, 'repo/rsync/current/kid/0')
  const hashes = new Set(readdirSync(root).map((name) => sha256Hex(readFileSync(join(root, name)))))
  const wanted = Object.values(currentKey(own)?.point.objects ?? {}).map(({ sha256 }) => sha256)
  expect(wanted.filter((sha256) => !hashes.has(sha256))).toEqual([])
}

test('to this directory: the old repository keeps its objects until the new key has them published here', async () => {
  await repositoryElsewhere(two)
  await addRoa(two)
  await sync(two)
  holdPublications()
  pass(DAY)
  await publishAnother()
  await migrateRepository(await two.here(), KID, { to: 'local', activateAfter: null, abandonsOld: false })
  expect(places()).toEqual([PRODUCTS, EMPTY])
  // the parent is here: its certificate of the new key is served as well
  const staged = (await two.stateHere(KID)).classes['0']?.keys.at(-1)
  expect(servedFiles(two.client, 'ta')).toContain(`0/${staged?.ski}.cer`)
  pass(DAY)
  await publishAnother()
  await activate()
  expect(places()).toEqual([PRODUCTS, PRODUCTS])
  await sync(two)
  expect([...places(), await isLeaving()]).toEqual(['', PRODUCTS, false])
  await expectServedHere()
  await expectAudited(two)
})

test('the same by tick', async () => {
  await repositoryElsewhere(two)
  await addRoa(two)
  await sync(two)
  holdPublications()
  pass(DAY)
  await publishAnother()
  await migrateRepository(await two.here(), KID, { to: 'local', activateAfter: 86_400, abandonsOld: false })
  pass(DAY)
  await publishAnother()
  await runTick()
  expect([...places(), await isLeaving()]).toEqual(['', PRODUCTS, false])
  await expectServedHere()
})

test('from this directory: it is emptied after the other has confirmed, with the next delta', async () => {
  await parentElsewhere(two)
  await refresh(two)
  await addRoa(two)
  const request = Buffer.from((await repositoryRequest(await two.here(), KID)).request)
  const added = await addPublisher(await two.there(), { publisher: parseHandle('pub'), request, serviceBase: SERVICE })
  const to = { response: Buffer.from(added.response ?? ''), permissions: {} }
  holdPublications()
  pass(DAY)
  await publishAnother()
  await migrateRepository(await two.here(), KID, { to, activateAfter: null, abandonsOld: false })
  await refresh(two)
  await sync(two)
  expect(places()).toEqual([EMPTY, PRODUCTS])
  pass(DAY)
  await publishAnother()
  await activate()
  await refresh(two)
  expect(places()).toEqual([EMPTY, PRODUCTS])
  await sync(two)
  await refresh(two)
  expect([...places(), await isLeaving()]).toEqual([PRODUCTS, PRODUCTS, true])
  pass(3600)
  await runTick()
  expect([...places(), await isLeaving()]).toEqual([PRODUCTS, '', false])
  await expectAudited(two)
})

test('a key roll under a parent elsewhere: it revokes the old key after the objects of the new one are served', async () => {
  await parentElsewhere(two)
  await refresh(two)
  await addRoa(two)
  holdPublications()
  pass(DAY)
  await initKeyroll(await two.here(), KID, { className: null, activateAfter: null, compromised: false })
  await refresh(two)
  pass(DAY)
  await publishAnother()
  await activate()
  await expectServedHere()
  await refresh(two)
  expect((await two.stateHere(KID)).classes['0']?.keys).toHaveLength(1)
  await expectServedHere()
  // what is no step of a roll waits as before
  await addRoa(two, '10.0.1.0/24 => 64496')
  expect(served(two.client, 'kid')).not.toContain('roa roa')
})
