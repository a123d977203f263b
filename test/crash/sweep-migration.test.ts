/**
 * Migrations to another repository and new certificates of ID keys with failing file operations: all or nothing, and the exchange of messages
 * goes on afterwards, to the end of the migration. A sample of the cases; all of them with SLOW=1.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { activateKeyroll } from '../../src/core/app/authority/keyroll.js'
import { type Migration, migrateRepository } from '../../src/core/app/exchange/client/migrate-repository.js'
import { repositoryRequest } from '../../src/core/app/exchange/client/repository-contact.js'
import { renewId, useId } from '../../src/core/app/exchange/id-keys.js'
import { addPublisher } from '../../src/core/app/exchange/server/publisher-contact.js'
import { tick } from '../../src/core/app/operations/tick.js'
import { pubdState } from '../../src/core/app/session/context.js'
import { parseHandle } from '../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../src/core/base/time.js'
import { Work } from '../../src/core/eventsourcing/work.js'
import { copyDir } from '../support/processes/cli.js'
import { KINDS, type Subject, sweep } from '../support/processes/sweep.js'
import { subjectsIn } from '../support/sites/exchange-subject.js'
import {
  addRoa,
  deliverTo,
  directoriesIn,
  expectAudited,
  keysOf,
  servedFiles,
  sync,
} from '../support/sites/exchanges.js'
import { KID, newDirectories, PUB, repositoryElsewhere, type TwoDirectories } from '../support/sites/two-directories.js'
import { fastest } from '../support/store/store.js'

const START = '2026-11-21T12:00:00Z' as Instant
const NOW = '2026-11-21T12:30:00Z' as Instant
const SECOND = parseHandle('second')
const folder = mkdtempSync(join(fastest(), 'brine-sweep-migration-'))
const [publishing, migrating, due] = ['publishing', 'migrating', 'due'].map((name) => join(folder, name)) as [
  ...[string, string, string],
]
/** The repository_response of the second repository. */
let response: Buffer

beforeAll(async () => {
  let now = START
  const next = () => {
    now = addSeconds(now, 60)
  }
  const two = await newDirectories(publishing, () => now)
  await repositoryElsewhere(two)
  await addRoa(two)
  await sync(two)
  next()
  const request = Buffer.from((await repositoryRequest(await two.here(), KID)).request)
  // two servers have two hosts
  const added = await addPublisher(await two.there(), {
    ...{ publisher: SECOND, request, serviceBase: 'https://second.example.net/' },
  })
  response = Buffer.from(added.response ?? '')
  next()
  copyDir(publishing, migrating)
  await migrate(directoriesIn(migrating, now))
  await sync(directoriesIn(migrating, now))
  // activated by the next tick
  copyDir(publishing, due)
  await migrate(directoriesIn(due, now), { activateAfter: 600 })
  await sync(directoriesIn(due, now))
}, 240_000)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const migrate = async (two: TwoDirectories, rest: Partial<Migration> = {}) =>
  migrateRepository(await two.here(), KID, {
    ...{ to: { response, permissions: {} }, activateAfter: null, abandonsOld: false, ...rest },
  })
const cancel = (two: TwoDirectories) => migrate(two, { to: 'none', cancels: true })
const abandon = (two: TwoDirectories) => migrate(two, { to: 'none', abandonsOld: true })
const runTick = async (two: TwoDirectories) => {
  const session = await two.here()
  return tick(session, deliverTo(session, two))
}
const pubd = async (two: TwoDirectories) =>
  (await two.there()).store.read(async (reader) => pubdState(new Work(reader)))
const isLeaving = async (two: TwoDirectories) => (await two.stateHere(KID)).leaving !== undefined
const baseOf = async (two: TwoDirectories) => (await two.stateHere(KID)).repository?.base
const whereItIs = async (two: TwoDirectories) => {
  const { leaving } = await two.stateHere(KID)
  return [await baseOf(two), leaving?.repository.base, (await keysOf(two)).map(({ state }) => state)]
}
const served = (two: TwoDirectories, publisher: string) =>
  servedFiles(two.server, publisher)
    .map((name) => name.split('.').at(-1))
    .sort()
    .join(' ')
const isCurrentAt = async (two: TwoDirectories, there: string, left: string) => {
  await sync(two)
  await sync(two)
  expect([served(two, there), served(two, left), await isLeaving(two)]).toEqual(['crl mft roa', '', false])
  await expectAudited(two)
}

const on = subjectsIn(folder, NOW)
const subjects: readonly Subject[] = [
  on('client', 'repo migrate --response', 'publishing', {
    run: (two) => migrate(two),
    state: whereItIs,
    next: async (two) => {
      if (!(await isLeaving(two))) await migrate(two)
      await sync(two)
      await activateKeyroll(await two.here(), KID, { className: null, now: true, compromised: false })
      await isCurrentAt(two, 'second', 'pub')
    },
  }),
  on('client', 'repo migrate --cancel', 'migrating', {
    run: cancel,
    state: whereItIs,
    next: async (two) => {
      if ((await baseOf(two))?.includes('second') === true) await cancel(two)
      await isCurrentAt(two, 'pub', 'second')
    },
  }),
  on('client', 'tick that activates', 'due', {
    run: runTick,
    // of its commits any number may be there: at none of them a product is missing
    state: async (two) => (`${served(two, 'pub')} ${served(two, 'second')}`.includes('roa') ? 'served' : 'missing'),
    next: async (two) => {
      await runTick(two)
      await runTick(two)
      await isCurrentAt(two, 'second', 'pub')
    },
  }),
  on('client', 'repo migrate --abandon-old', 'migrating', {
    run: abandon,
    state: async (two) => [await whereItIs(two), (await two.stateHere(KID)).leaving?.abandonedAt !== undefined],
    next: async (two) => {
      const { leaving } = await two.stateHere(KID)
      if (leaving !== undefined && leaving.abandonedAt === undefined) await abandon(two)
      await runTick(two)
      await runTick(two)
      // nothing is sent to the old one any more
      expect([served(two, 'second'), served(two, 'pub'), await isLeaving(two)]).toEqual([
        'crl mft roa',
        'crl mft roa',
        false,
      ])
      await expectAudited(two)
    },
  }),
  on('client', 'repo migrate --response --abandon-old', 'publishing', {
    run: (two) => migrate(two, { abandonsOld: true }),
    state: async (two) => [await whereItIs(two), (await two.stateHere(KID)).leaving?.abandonedAt !== undefined],
    next: async (two) => {
      // in one commit: never a migration that still sends to the old one
      const { leaving } = await two.stateHere(KID)
      expect(leaving === undefined || leaving.abandonedAt !== undefined).toBe(true)
      if (leaving === undefined) await migrate(two, { abandonsOld: true })
      await sync(two)
      await activateKeyroll(await two.here(), KID, { className: null, now: true, compromised: false })
      await sync(two)
      await sync(two)
      expect([served(two, 'second'), served(two, 'pub'), await isLeaving(two)]).toEqual([
        'crl mft roa',
        'crl mft roa',
        false,
      ])
      await expectAudited(two)
    },
  }),
  on('client', 'ca id renew', 'publishing', {
    run: async (two) => renewId(await two.here(), KID, null),
    state: async (two) => (await two.stateHere(KID)).ids?.map(({ notAfter }) => notAfter),
    next: async (two) => {
      await renewId(await two.here(), KID, null)
      await addRoa(two, '10.1.0.0/16 => 64496')
      await sync(two)
      expect(served(two, 'pub')).toBe('crl mft roa roa')
    },
  }),
  on('server', 'pubserver id renew', 'publishing', {
    run: async (two) => renewId(await two.there(), null, null),
    state: async (two) => (await pubd(two)).ids?.map(({ notAfter }) => notAfter),
    next: async (two) => {
      const { id } = await renewId(await two.there(), null, null)
      if (id === null) throw new Error('no ID key')
      await useId(await two.there(), null, id, [{ kind: 'publisher', name: PUB }])
      await addRoa(two, '10.1.0.0/16 => 64496')
      await sync(two)
      expect(served(two, 'pub')).toBe('crl mft roa roa')
    },
  }),
]

it.each(subjects.map((s) => [s.name, s] as const))(
  '%s',
  async (_, subject) => {
    const { operations, complaints } = await sweep(subject, KINDS, 4)
    expect(operations.length).toBeGreaterThan(10)
    expect(complaints).toEqual([])
  },
  7_200_000,
)
