/** `repo show` and `repo status`: a repository of this data directory, and one elsewhere before, between and after its exchanges. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { addCa } from '../../../../src/core/app/authority/cas.js'
import { addChild } from '../../../../src/core/app/authority/children.js'
import { addLocalParent } from '../../../../src/core/app/authority/parents.js'
import type { Deliver } from '../../../../src/core/app/exchange/client/deliver.js'
import {
  configureRemoteRepository,
  repositoryRequest,
} from '../../../../src/core/app/exchange/client/repository-contact.js'
import { syncRepository } from '../../../../src/core/app/exchange/client/sync-repository.js'
import { answerPublication } from '../../../../src/core/app/exchange/server/answer-publication.js'
import { addPublisher } from '../../../../src/core/app/exchange/server/publisher-contact.js'
import { pubdState, runPubd, TA_HANDLE } from '../../../../src/core/app/session/context.js'
import { repoStatus, showRepository } from '../../../../src/core/app/status/repositories.js'
import { transact } from '../../../../src/core/app/transaction/transact.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { recordExchange } from '../../../../src/core/peers/last-exchange.js'
import { parseResources } from '../../../../src/core/resources/resource-set.js'
import { newTestbed, quickSession, scratchFolder } from '../../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const [KID, PUB, LOCAL] = ['kid', 'pub', 'testbed'].map(parseHandle) as [never, never, never]
const URI = 'https://rpki.example.net/rfc8181/pub'
const { dir, remove } = scratchFolder('repositories')
const [serverDir, caDir] = [`${dir}/server`, `${dir}/ca`]
const open = (at: Instant = NOW) => quickSession(caDir, at)

beforeAll(async () => {
  await newTestbed(serverDir, NOW)
  await newTestbed(caDir, NOW)
  await addCa(await open(), KID, undefined)
}, 60_000)
afterAll(remove)

test('a CA without a repository is refused by name and left out of the list', async () => {
  await expect(showRepository(await open(), KID)).rejects.toMatchObject({ code: 'repo-none' })
  await expect(repoStatus(await open(), KID)).rejects.toMatchObject({ code: 'repo-none' })
  await expect(showRepository(await open(), parseHandle('kidd'))).rejects.toMatchObject({ code: 'ca-unknown' })
  const { repositories } = await repoStatus(await open(), undefined)
  expect(repositories.map(({ ca }) => ca)).toEqual([LOCAL])
})

test('a repository in this data directory has all objects, and none after it went back', async () => {
  const before = await showRepository(await open(), LOCAL)
  expect(before).toMatchObject({ ca: 'testbed', transport: 'local', publisher: 'testbed', contact: null })
  expect(before).toMatchObject({ exchange: null, unconfirmed: 0, nextDue: null, confirmedAt: null })
  expect(before.objects.wanted).toBeGreaterThan(1)
  expect(before.objects.published).toBe(before.objects.wanted)
  expect(before.staleAt?.slice(0, 10)).toBe('2026-11-22')
  await transact(await open(), async (tx) => {
    const drop = Object.keys(pubdState(tx.work).publishers[LOCAL]?.objects ?? {})
    await runPubd(tx, { type: 'publish', changes: [{ publisher: LOCAL, put: [], drop }] })
  })
  const { wanted } = before.objects
  expect(await showRepository(await open(), LOCAL)).toMatchObject({
    ...{ unconfirmed: wanted, objects: { wanted, published: 0 } },
  })
})

test('one elsewhere shows its contact, then what it has confirmed, then what fails', async () => {
  await addChild(await open(), TA_HANDLE, KID, parseResources('10.0.0.0/8, AS64496'))
  await addLocalParent(await open(), KID, TA_HANDLE)
  const request = Buffer.from((await repositoryRequest(await open(), KID)).request)
  const serviceBase = 'https://rpki.example.net/'
  const added = await addPublisher(await quickSession(serverDir, NOW), { publisher: PUB, request, serviceBase })
  const response = Buffer.from(added.response ?? '')
  await configureRemoteRepository(await open(), KID, { response, permissions: { acceptStaleCrl: true } })
  expect(await showRepository(await open(), KID)).toMatchObject({
    ...{ transport: 'rfc8181', base: added.base, publisher: 'pub', exchange: null, confirmedAt: null, unconfirmed: 2 },
    contact: { serviceUri: URI, acceptStaleCrl: true, tlsInsecure: false },
    ...{ objects: { wanted: 2, published: null }, staleAt: null, nextDue: null },
  })

  const deliver: Deliver = async ({ seal, open: read }) =>
    read((await answerPublication(await quickSession(serverDir, NOW), PUB, await seal(NOW))).cms)
  await syncRepository(await open(), KID, { deliver })
  const peer = { kind: 'repository', ca: KID, peer: 'rpki.example.net', uri: URI } as const
  recordExchange(caDir, { ...peer, at: NOW, outcome: 'success' })
  const row = {
    ca: 'kid',
    unconfirmed: 0,
    confirmedAt: expect.any(String),
    exchange: { outcome: 'success', lastSuccess: NOW },
  }
  const confirmed = await showRepository(await open(), KID)
  expect(confirmed).toMatchObject({ ...row, objects: { wanted: 2, published: 2 } })
  expect(await repoStatus(await open(), KID)).toMatchObject({ verdict: 'ok', concerns: [], repositories: [row] })

  const failedAt = addSeconds(NOW, 60)
  recordExchange(caDir, { ...peer, at: failedAt, outcome: 'failure', code: 'peer-timeout' })
  const late = await repoStatus(await open(confirmed.staleAt ?? NOW), undefined)
  expect(late).toMatchObject({ verdict: 'critical', concerns: [{ code: 'repository-failing' }], failed: [] })
  expect(late.repositories.find(({ ca }) => ca === KID)).toMatchObject({
    ...{ serviceUri: URI, exchange: { outcome: 'failure', lastSuccess: NOW, since: failedAt } },
    ...{ staleAt: confirmed.staleAt, nextDue: addSeconds(failedAt, 300) },
  })
}, 60_000)
