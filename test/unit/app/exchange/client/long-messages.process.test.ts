/** Messages that a repository server does not accept for their length: what is learned, and how a closed connection counts. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { addCa } from '../../../../../src/core/app/authority/cas.js'
import { addChild } from '../../../../../src/core/app/authority/children.js'
import { addLocalParent } from '../../../../../src/core/app/authority/parents.js'
import type { RepoSyncReport } from '../../../../../src/core/app/authority/repo-sync.js'
import { roaArguments } from '../../../../../src/core/app/authority/roa-set.js'
import { updateRoas } from '../../../../../src/core/app/authority/roas.js'
import type { Deliver } from '../../../../../src/core/app/exchange/client/deliver.js'
import {
  configureRemoteRepository,
  repositoryRequest,
} from '../../../../../src/core/app/exchange/client/repository-contact.js'
import { syncRepository } from '../../../../../src/core/app/exchange/client/sync-repository.js'
import { openMessage } from '../../../../../src/core/app/exchange/messages.js'
import { answerPublication } from '../../../../../src/core/app/exchange/server/answer-publication.js'
import { addPublisher } from '../../../../../src/core/app/exchange/server/publisher-contact.js'
import { caState, TA_HANDLE } from '../../../../../src/core/app/session/context.js'
import type { Session } from '../../../../../src/core/app/session/session.js'
import { AppError } from '../../../../../src/core/base/errors.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { publishedFiles } from '../../../../../src/core/ca/state/files.js'
import type { CaState } from '../../../../../src/core/ca/state/state.js'
import { Work } from '../../../../../src/core/eventsourcing/work.js'
import { newestId } from '../../../../../src/core/identity/id-keys.js'
import { decodePublicationQuery } from '../../../../../src/core/protocols/publication/decode.js'
import type { PublicationQuery } from '../../../../../src/core/protocols/publication/types.js'
import { parseResources } from '../../../../../src/core/resources/resource-set.js'
import { makeFixedKeys } from '../../../../support/rpki/fixed-keys.js'
import { newTestbed, quickSession, scratchFolder } from '../../../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const [KID, PUB] = ['kid', 'pub'].map(parseHandle) as [never, never]
const scratch = scratchFolder('sync-elsewhere')
let count = 0
let now: Instant
let serverDir: string
let caDir: string
let response: Uint8Array
/** What the test does with each message: `type` of the query, and the delivery to the server. */
let onMessage: (type: string, answered: () => Promise<Uint8Array>) => Promise<Uint8Array>
let sent: string[]
/** Length of the last message. */
let octets: number
/** True for a message that the server answers with status 413. */
let isTooLong: (query: PublicationQuery, octets: number) => boolean

afterAll(() => scratch.remove())

async function open(dir: string): Promise<Session> {
  const both = await Promise.all([quickSession(serverDir, now), quickSession(caDir, now)])
  makeFixedKeys(both.flatMap(({ store }) => store.keys.list()))
  return dir === serverDir ? both[0] : both[1]
}

const kid = async (): Promise<CaState> =>
  (await open(caDir)).store.read(async (reader) => caState(new Work(reader), KID))
const answered = async (cms: Uint8Array) => (await answerPublication(await open(serverDir), PUB, cms)).cms

beforeEach(async () => {
  count += 1
  now = NOW
  onMessage = (_, deliver) => deliver()
  isTooLong = () => false
  serverDir = `${scratch.dir}/server-${count}`
  caDir = `${scratch.dir}/ca-${count}`
  await newTestbed(serverDir, NOW)
  await newTestbed(caDir, NOW)
  await addCa(await open(caDir), KID, undefined)
  await addChild(await open(caDir), TA_HANDLE, KID, parseResources('10.0.0.0/8, AS64496'))
  await addLocalParent(await open(caDir), KID, TA_HANDLE)
  const { request } = await repositoryRequest(await open(caDir), KID)
  const serviceBase = 'https://rpki.example.net/'
  const added = await addPublisher(await open(serverDir), {
    publisher: PUB,
    request: Buffer.from(request),
    serviceBase,
  })
  response = Buffer.from(added.response ?? '')
  const report = await configureRemoteRepository(await open(caDir), KID, { response, permissions: {} })
  expect(report).toMatchObject({
    changed: true,
    repository: { transport: 'rfc8181', base: added.base, publisher: 'pub', serviceUri: `${serviceBase}rfc8181/pub` },
  })
})

const deliver: Deliver = async ({ seal, open: read }) => {
  const cms = await seal(now)
  const { content } = await openMessage(cms, { peer: newestId(await kid())?.certificate ?? '' }, now)
  const query = decodePublicationQuery(content)
  const { type } = query
  sent.push(type)
  if (isTooLong(query, cms.length))
    throw new AppError('remote', 'peer-status', 'answered with status 413', { details: { status: 413 } })
  return read(await onMessage(type, () => answered(cms)))
}

async function sync(options: { readonly dryRun?: boolean } = {}): Promise<RepoSyncReport> {
  sent = []
  now = addSeconds(now, 60)
  return syncRepository(await open(caDir), KID, { deliver, ...options })
}

/** Files below the base of the publisher in the tree that the server serves, with their bytes. */
function served(): Readonly<Record<string, string>> {
  const root = join(serverDir, 'repo', 'rsync', 'current', 'pub')
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
  const paths = files.map((e) => join(e.parentPath, e.name))
  return Object.fromEntries(paths.map((path) => [path.slice(root.length + 1), readFileSync(path, 'base64')]))
}

async function wanted(): Promise<Readonly<Record<string, string>>> {
  return (await open(caDir)).store.read(async (reader) => {
    const work = new Work(reader)
    const files = publishedFiles(caState(work, KID))
    return Object.fromEntries(
      files.map(({ name, sha256 }) => [name, Buffer.from(work.object(sha256)).toString('base64')]),
    )
  })
}

describe('a server that does not accept long messages', () => {
  const roas = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `10.0.${from + i}.0/24 => 64496`)

  beforeEach(async () => {
    await updateRoas(await open(caDir), KID, roaArguments({ add: roas(0, 3) }))
    await sync()
    await updateRoas(await open(caDir), KID, roaArguments({ add: roas(3, 12), remove: roas(0, 2) }))
  })

  test('gets short messages at once the next time, and a long one again after a month', async () => {
    isTooLong = (_, octets) => octets > 14_000
    await sync()
    const refused = sent.length
    await updateRoas(await open(caDir), KID, roaArguments({ add: roas(12, 20) }))
    let tooLong = 0
    isTooLong = (query, octets) => {
      if (query.type === 'delta' && octets > 14_000) tooLong += 1
      return octets > 14_000
    }
    expect(await sync()).toMatchObject({ changed: true, published: true })
    expect([tooLong, sent.length]).toEqual([0, expect.any(Number)])
    expect(served()).toEqual(await wanted())
    expect(refused).toBeGreaterThan(2)
    now = addSeconds(now, 31 * 86_400)
    isTooLong = () => false
    await updateRoas(await open(caDir), KID, roaArguments({ add: roas(20, 28) }))
    expect(await sync()).toMatchObject({ changed: true })
    expect(sent).toEqual(['list', 'delta'])
  })

  test('and closes the connection instead gets shorter ones, after a fresh list', async () => {
    const many = Array.from({ length: 800 }, (_, i) => `10.1.${i % 256}.0/24 => ${65_000 + i}`)
    await updateRoas(await open(caDir), KID, roaArguments({ add: many }))
    const closed = (phase: string) => new AppError('remote', 'peer-closed', 'it closed', { details: { phase } })
    let closes = 0
    onMessage = async (type, deliver) => {
      const cms = await deliver()
      // carried out, and the connection closed before the answer
      if (type === 'delta' && octets > 1_300_000 && closes === 0) {
        closes += 1
        throw closed('headers')
      }
      return cms
    }
    isTooLong = (query, length) => {
      octets = length
      if (query.type === 'delta' && length > 1_300_000 && closes > 0) throw closed('send')
      return false
    }
    expect(await sync()).toMatchObject({ changed: true, published: true })
    expect(closes).toBe(1)
    expect(sent).toEqual(['list', 'delta', 'list'])
    expect(served()).toEqual(await wanted())

    await updateRoas(await open(caDir), KID, roaArguments({ remove: many }))
    await sync()
    rmSync(join(caDir, 'status', 'limits'), { recursive: true })
    await updateRoas(await open(caDir), KID, roaArguments({ add: many }))
    expect(await sync()).toMatchObject({ changed: true, published: true })
    expect(sent).toEqual(['list', 'delta', 'list', 'delta', 'delta', 'delta'])
    expect(served()).toEqual(await wanted())
  })

  test('a connection that ends during a short message is no sign of its length', async () => {
    onMessage = async (type, deliver) => {
      if (type === 'delta') throw new AppError('remote', 'peer-closed', 'it closed', { details: { phase: 'send' } })
      return deliver()
    }
    await expect(sync()).rejects.toMatchObject({ kind: 'pending', code: 'peer-closed' })
    expect(sent).toEqual(['list', 'delta'])
  })
})
