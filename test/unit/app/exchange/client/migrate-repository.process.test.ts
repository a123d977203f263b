/** Migrations of a CA between two data directories: what either server publishes after each step, and what happens while one of them is down. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { addCa, removeCa } from '../../../../../src/core/app/authority/cas.js'
import { addChild } from '../../../../../src/core/app/authority/children.js'
import { activateKeyroll } from '../../../../../src/core/app/authority/keyroll.js'
import { addLocalParent, configureLocalRepository } from '../../../../../src/core/app/authority/parents.js'
import { roaArguments } from '../../../../../src/core/app/authority/roa-set.js'
import { listRoas, updateRoas } from '../../../../../src/core/app/authority/roas.js'
import type { Deliver } from '../../../../../src/core/app/exchange/client/deliver.js'
import { type Migration, migrateRepository } from '../../../../../src/core/app/exchange/client/migrate-repository.js'
import {
  configureRemoteRepository,
  repositoryRequest,
} from '../../../../../src/core/app/exchange/client/repository-contact.js'
import { syncRepository } from '../../../../../src/core/app/exchange/client/sync-repository.js'
import { answerPublication } from '../../../../../src/core/app/exchange/server/answer-publication.js'
import { addPublisher } from '../../../../../src/core/app/exchange/server/publisher-contact.js'
import { tick } from '../../../../../src/core/app/operations/tick.js'
import { auditVerify } from '../../../../../src/core/app/proof/audit.js'
import { TA_HANDLE } from '../../../../../src/core/app/session/context.js'
import type { Session } from '../../../../../src/core/app/session/session.js'
import { repoStatus, showRepository } from '../../../../../src/core/app/status/repositories.js'
import { AppError } from '../../../../../src/core/base/errors.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { recordExchange } from '../../../../../src/core/peers/last-exchange.js'
import { parseResources } from '../../../../../src/core/resources/resource-set.js'
import { makeFixedKeys } from '../../../../support/rpki/fixed-keys.js'
import { newTestbed, quickSession, scratchFolder } from '../../../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
/** A day after a step that took a second more. */
const DAY = 86_400 + 60
const KID = parseHandle('kid') as never
const [ONE, TWO] = ['one', 'two'].map(parseHandle) as [never, never]
const scratch = scratchFolder('migrate')
let count = 0
let now: Instant
let [serverDir, caDir] = ['', '']
/** Publishers whose service does not answer. */
let down: Set<string>
let asked: string[]

afterAll(() => scratch.remove())

async function open(dir: string): Promise<Session> {
  const both = await Promise.all([quickSession(serverDir, now), quickSession(caDir, now)])
  makeFixedKeys(both.flatMap(({ store }) => store.keys.list()))
  return dir === serverDir ? both[0] : both[1]
}

beforeEach(async () => {
  count += 1
  now = NOW
  down = new Set()
  asked = []
  serverDir = `${scratch.dir}/server-${count}`
  caDir = `${scratch.dir}/ca-${count}`
  await newTestbed(serverDir, NOW)
  await newTestbed(caDir, NOW)
  await addCa(await open(caDir), KID, undefined)
  await addChild(await open(caDir), TA_HANDLE, KID, parseResources('10.0.0.0/8, AS64496'))
  await addLocalParent(await open(caDir), KID, TA_HANDLE)
})

const deliver: Deliver = async ({ to, seal, open: read }) => {
  const publisher = to.serviceUri.split('/').at(-1) ?? ''
  const cms = await seal(now)
  asked.push(publisher)
  const outcome = down.has(publisher) ? 'failure' : 'success'
  const peer = new URL(to.serviceUri).host
  recordExchange(caDir, { kind: 'repository', ca: KID, peer, uri: to.serviceUri, at: now, outcome })
  if (outcome === 'failure') throw new AppError('remote', 'peer-unreachable', `${publisher} is down`)
  return read((await answerPublication(await open(serverDir), parseHandle(publisher) as never, cms)).cms)
}

/** The repository_response of the server for a publisher of this name. */
async function responseFor(publisher: never): Promise<Uint8Array> {
  const { request } = await repositoryRequest(await open(caDir), KID)
  const added = await addPublisher(await open(serverDir), {
    ...{ publisher, request: Buffer.from(request) },
    // two servers have two hosts
    serviceBase: `https://${publisher}.example.net/`,
  })
  return Buffer.from(added.response ?? '')
}

async function publishAt(publisher: never): Promise<void> {
  await configureRemoteRepository(await open(caDir), KID, { response: await responseFor(publisher), permissions: {} })
  await updateRoas(await open(caDir), KID, roaArguments({ add: ['10.0.0.0/24 => 64496'] }))
  await sync()
}

async function sync(): Promise<void> {
  now = addSeconds(now, 60)
  await syncRepository(await open(caDir), KID, { deliver })
}

async function runTick(seconds = 600): Promise<readonly string[]> {
  now = addSeconds(now, seconds)
  const { failed } = await tick(await open(caDir), deliver)
  return failed.map(({ code }) => code)
}

const migrate = async (to: Migration['to'], rest: Partial<Migration> = {}) =>
  migrateRepository(await open(caDir), KID, { to, activateAfter: null, abandonsOld: false, ...rest })
const toPublisher = async (publisher: never) => ({ response: await responseFor(publisher), permissions: {} })
const activate = async () =>
  activateKeyroll(await open(caDir), KID, { className: null, now: false, compromised: false })
const shown = async () => {
  const { base, leaving } = await showRepository(await open(caDir), KID)
  return [base.split('/').at(-2), leaving === null ? null : `${leaving.base.split('/').at(-2)}: ${leaving.stage}`]
}
const roaStates = async () => (await listRoas(await open(caDir), KID)).roas.map(({ state }) => state)

/** Kinds of the files that a server serves for a publisher. */
function served(publisher: string, dir = serverDir): string {
  const root = join(dir, 'repo', 'rsync', 'current', publisher)
  if (!existsSync(root)) return ''
  const names = readdirSync(root, { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
  return names
    .map(({ name }) => name.split('.').at(-1))
    .sort()
    .join(' ')
}
const here = () => served('kid', caDir)
const [PRODUCTS, EMPTY] = ['crl mft roa', 'crl mft']

async function isProven(): Promise<void> {
  expect(await auditVerify(await open(caDir), {})).toMatchObject({ problems: [] })
}

test('from one server to another: products are never missing, and the old one ends empty and forgotten', async () => {
  await publishAt(ONE)
  const report = await migrate(await toPublisher(TWO))
  expect(report).toMatchObject({ changed: true, leaving: { stage: 'activation', abandonedAt: null } })
  expect(report.rolls[0]?.keys.map(({ repository }) => repository?.split('/').at(-2))).toEqual(['one', 'two'])
  expect(await roaStates()).toEqual(['published'])
  await sync()
  expect([served('one'), served('two'), await shown()]).toEqual([PRODUCTS, EMPTY, ['two', 'one: activation']])
  now = addSeconds(now, DAY)
  await activate()
  expect([served('one'), served('two')]).toEqual([PRODUCTS, EMPTY])
  expect(await roaStates()).toEqual(['pending'])
  await sync()
  // the parent is here: it revoked the old key with the confirmation of the new repository
  expect([served('one'), served('two'), await shown()]).toEqual(['', PRODUCTS, ['two', null]])
  expect(await roaStates()).toEqual(['published'])
  asked = []
  await sync()
  expect(new Set(asked)).toEqual(new Set(['two']))
  await isProven()
})

test('tick does all of it with --activate-after', async () => {
  await publishAt(ONE)
  await migrate(await toPublisher(TWO), { activateAfter: 86_400 })
  expect(await runTick()).toEqual([])
  expect(await runTick()).toEqual([])
  expect([served('one'), served('two')]).toEqual([PRODUCTS, EMPTY])
  await runTick(DAY)
  await runTick()
  expect([served('one'), served('two'), await shown()]).toEqual(['', PRODUCTS, ['two', null]])
})

test('the new server is down at the activation: the old one keeps every product until it is back', async () => {
  await publishAt(ONE)
  await migrate(await toPublisher(TWO), { activateAfter: 86_400 })
  await runTick()
  down.add('two')
  expect(await runTick(DAY)).toEqual(['peer-unreachable'])
  expect(await runTick()).toEqual(['peer-unreachable'])
  expect([served('one'), served('two'), await shown()]).toEqual([PRODUCTS, EMPTY, ['two', 'one: revocation']])
  down.clear()
  expect(await runTick()).toEqual([])
  expect([served('one'), served('two'), await shown()]).toEqual(['', PRODUCTS, ['two', null]])
})

test('the old server is down: the migration goes on, and only the withdrawal waits, until it is back', async () => {
  await publishAt(ONE)
  await migrate(await toPublisher(TWO), { activateAfter: 86_400 })
  down.add('one')
  await runTick()
  await runTick(DAY)
  await runTick()
  expect([served('one'), served('two'), await shown()]).toEqual([PRODUCTS, PRODUCTS, ['two', 'one: withdrawal']])
  expect(await roaStates()).toEqual(['published'])
  const { repositories } = await repoStatus(await open(caDir), KID)
  expect(repositories.map(({ leaving, unconfirmed }) => [leaving, unconfirmed])).toEqual([
    [false, 0],
    [true, 3],
  ])
  now = addSeconds(now, DAY)
  const { concerns } = await repoStatus(await open(caDir), KID)
  expect(concerns.map(({ hint }) => hint)).toEqual([expect.stringContaining('--abandon-old')])
  await expect(removeCa(await open(caDir), KID)).rejects.toMatchObject({ code: 'ca-held-elsewhere' })
  down.clear()
  await runTick()
  expect([served('one'), await shown()]).toEqual(['', ['two', null]])
})

test('the old server is gone: it is abandoned in the middle, and never asked again', async () => {
  await publishAt(ONE)
  await migrate(await toPublisher(TWO), { activateAfter: 86_400 })
  down.add('one')
  await runTick()
  await runTick(DAY)
  await runTick()
  await expect(migrate('none')).resolves.toMatchObject({ changed: false })
  expect(await migrate('none', { abandonsOld: true })).toMatchObject({ changed: true, leaving: null })
  asked = []
  await runTick()
  await sync()
  expect(asked).not.toContain('one')
  await isProven()
})

test('the old server is gone from the first: the CA is at the new one after two runs of tick', async () => {
  await publishAt(ONE)
  down.add('one')
  await migrate(await toPublisher(TWO), { abandonsOld: true })
  asked = []
  await runTick()
  await runTick()
  expect([served('two'), await shown(), await roaStates()]).toEqual([PRODUCTS, ['two', null], ['published']])
  expect(asked).not.toContain('one')
})

test('from a server to this directory and on to another: each old place ends empty', async () => {
  await publishAt(ONE)
  await migrate('local')
  expect([served('one'), here()]).toEqual([PRODUCTS, EMPTY])
  now = addSeconds(now, DAY)
  await activate()
  expect([served('one'), here(), await shown()]).toEqual([PRODUCTS, PRODUCTS, ['kid', 'one: withdrawal']])
  await sync()
  expect([served('one'), here(), await shown()]).toEqual(['', PRODUCTS, ['kid', null]])

  await migrate(await toPublisher(TWO))
  await sync()
  now = addSeconds(now, DAY)
  await activate()
  expect([here(), served('two'), await roaStates()]).toEqual([PRODUCTS, EMPTY, ['pending']])
  await runTick()
  expect([here(), served('two'), await shown()]).toEqual(['', PRODUCTS, ['two', null]])
  await isProven()
})

test('a migration that is taken back: the old server has what it had, and the new one ends empty and forgotten', async () => {
  await publishAt(ONE)
  await migrate(await toPublisher(TWO), { activateAfter: 86_400 })
  await sync()
  expect(
    await migrate('none', { cancels: true }).then(({ repository, leaving }) => [repository?.base, leaving?.base]),
  ).toEqual([expect.stringMatching(/one\/$/), expect.stringMatching(/two\/$/)])
  expect([served('one'), served('two'), await shown()]).toEqual([PRODUCTS, EMPTY, ['one', 'two: withdrawal']])
  down.add('two')
  expect(await runTick()).toEqual(['peer-unreachable'])
  down.clear()
  expect(await runTick()).toEqual([])
  expect([served('one'), served('two'), await shown(), await roaStates()]).toEqual([
    ...[PRODUCTS, '', ['one', null]],
    ['published'],
  ])
  await runTick(DAY)
  expect([served('one'), await shown()]).toEqual([PRODUCTS, ['one', null]])
  await expect(migrate('none', { cancels: true })).rejects.toMatchObject({
    code: 'repository-leaving-none',
    hint: expect.stringContaining('repo show'),
  })
  await isProven()
})

test('a migration to where it publishes, and one without a repository, are rejected with the way out', async () => {
  await expect(migrate('local')).rejects.toMatchObject({
    code: 'repo-none',
    hint: expect.stringContaining('configure'),
  })
  await configureLocalRepository(await open(caDir), KID)
  await expect(migrate('local')).rejects.toMatchObject({ code: 'repository-same' })
  await expect(migrate('none', { abandonsOld: true })).rejects.toMatchObject({ code: 'repository-leaving-none' })
  const dry = await migrateRepository(
    await open(caDir),
    KID,
    { to: await toPublisher(TWO), activateAfter: null, abandonsOld: false },
    { dryRun: true },
  )
  expect(dry).toMatchObject({ changed: true, dryRun: true, leaving: { transport: 'local' } })
  expect(await shown()).toEqual(['kid', null])
})
