/** The client of RFC 8181 against the server, each with its own data directory: what a CA publishes comes there, and what happens when it does not. */
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { RepoSyncReport } from '../../../../../src/core/app/authority/repo-sync.js'
import { roaArguments } from '../../../../../src/core/app/authority/roa-set.js'
import { listRoas, updateRoas } from '../../../../../src/core/app/authority/roas.js'
import type { Deliver } from '../../../../../src/core/app/exchange/client/deliver.js'
import {
  configureRemoteRepository,
  repositoryRequest,
} from '../../../../../src/core/app/exchange/client/repository-contact.js'
import { syncRepository } from '../../../../../src/core/app/exchange/client/sync-repository.js'
import { openMessage, sealMessage } from '../../../../../src/core/app/exchange/messages.js'
import { caState, pubdState, runPubd } from '../../../../../src/core/app/session/context.js'
import { openSession } from '../../../../../src/core/app/session/session.js'
import { withMessageSigner } from '../../../../../src/core/app/session/signing.js'
import { transact } from '../../../../../src/core/app/transaction/transact.js'
import { AppError } from '../../../../../src/core/base/errors.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { publishedFiles } from '../../../../../src/core/ca/state/files.js'
import type { CaState } from '../../../../../src/core/ca/state/state.js'
import { systemRandom } from '../../../../../src/core/crypto/random.js'
import { Work } from '../../../../../src/core/eventsourcing/work.js'
import { newestId } from '../../../../../src/core/identity/id-keys.js'
import { decodePublicationQuery } from '../../../../../src/core/protocols/publication/decode.js'
import { encodePublicationReply } from '../../../../../src/core/protocols/publication/encode.js'
import type { PublicationQuery, PublicationReply } from '../../../../../src/core/protocols/publication/types.js'
import { scratchFolder } from '../../../../support/sites/testbed.js'
import {
  KID,
  newDirectories,
  PUB,
  repositoryElsewhere,
  SERVICE,
  type TwoDirectories,
} from '../../../../support/sites/two-directories.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const scratch = scratchFolder('sync-elsewhere')
let count = 0
let now: Instant
let two: TwoDirectories
let response: Uint8Array
/** What the test does with each message: `type` of the query, and the delivery to the server. */
let onMessage: (type: string, answered: () => Promise<Uint8Array>) => Promise<Uint8Array>
let sent: string[]
/** True for a message that the server answers with status 413. */
let isTooLong: (query: PublicationQuery, octets: number) => boolean

afterAll(() => scratch.remove())

const kid = (): Promise<CaState> => two.stateHere(KID)

beforeEach(async () => {
  count += 1
  now = NOW
  onMessage = (_, deliver) => deliver()
  isTooLong = () => false
  two = await newDirectories(`${scratch.dir}/${count}`, () => now)
  const added = await repositoryElsewhere(two)
  response = added.response
  expect(added.report).toMatchObject({
    changed: true,
    repository: { transport: 'rfc8181', base: added.base, publisher: 'pub', serviceUri: `${SERVICE}rfc8181/pub` },
  })
})

const deliver: Deliver = async ({ to, seal, open: read }) => {
  const cms = await seal(now)
  const { content } = await openMessage(cms, { peer: newestId(await kid())?.certificate ?? '' }, now)
  const query = decodePublicationQuery(content)
  const { type } = query
  sent.push(type)
  if (isTooLong(query, cms.length))
    throw new AppError('remote', 'peer-status', 'answered with status 413', { details: { status: 413 } })
  return read(await onMessage(type, () => two.answer(to.serviceUri, cms)))
}

async function sync(options: { readonly dryRun?: boolean } = {}): Promise<RepoSyncReport> {
  sent = []
  now = addSeconds(now, 60)
  return syncRepository(await two.here(), KID, { deliver, ...options })
}

/** Files below the base of the publisher in the tree that the server serves, with their bytes. */
function served(): Readonly<Record<string, string>> {
  const root = join(two.server, 'repo', 'rsync', 'current', 'pub')
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((e) => e.isFile())
  const paths = files.map((e) => join(e.parentPath, e.name))
  return Object.fromEntries(paths.map((path) => [path.slice(root.length + 1), readFileSync(path, 'base64')]))
}

async function wanted(): Promise<Readonly<Record<string, string>>> {
  return (await two.here()).store.read(async (reader) => {
    const work = new Work(reader)
    const files = publishedFiles(caState(work, KID))
    return Object.fromEntries(
      files.map(({ name, sha256 }) => [name, Buffer.from(work.object(sha256)).toString('base64')]),
    )
  })
}

const addRoa = async (roa: string) => updateRoas(await two.here(), KID, roaArguments({ add: [roa] }))
const roaStates = async () => (await listRoas(await two.here(), KID)).roas.map(({ state }) => state)

/** Answers a query with another reply, signed by the server. */
function replyWith(to: string, reply: PublicationReply, times = Number.POSITIVE_INFINITY): void {
  let left = times
  onMessage = async (type, deliver) => {
    if (type !== to || left <= 0) return deliver()
    left -= 1
    const session = await two.there()
    const id = await session.store.read(async (reader) => newestId(pubdState(new Work(reader))))
    if (id === undefined) throw new Error('the server has no ID key')
    const xml = encodePublicationReply(reply)
    return withMessageSigner(session, (signer) => sealMessage({ signer, random: systemRandom }, id, xml, now))
  }
}

test('the objects of a CA come to the server in one delta, and its ROAs count as published only then', async () => {
  expect(await sync()).toMatchObject({ changed: true, put: 2, withdrawn: 0, published: true })
  expect(sent).toEqual(['list', 'delta'])
  expect(served()).toEqual(await wanted())
  await addRoa('10.0.0.0/24 => 64496')
  expect(await roaStates()).toEqual(['pending'])
  expect(await sync({ dryRun: true })).toMatchObject({ put: 3, withdrawn: 0, dryRun: true })
  expect(sent).toEqual(['list'])
  expect(await roaStates()).toEqual(['pending'])
  expect(await sync()).toMatchObject({ put: 3, withdrawn: 0 })
  expect(await roaStates()).toEqual(['published'])
  expect(served()).toEqual(await wanted())
  expect(Object.keys(served())).toHaveLength(3)
})

test('a ROA that the repository has stays published while another one waits', async () => {
  await addRoa('10.0.0.0/24 => 64496')
  await sync()
  await addRoa('10.0.1.0/24 => 64496')
  expect(await roaStates()).toEqual(['published', 'pending'])
  // without the file it is not known which of them it has
  rmSync(join(two.client, 'status', 'confirmed'), { recursive: true })
  expect(await roaStates()).toEqual(['pending', 'pending'])
  await sync()
  expect(await roaStates()).toEqual(['published', 'published'])
  await addRoa('10.0.2.0/24 => 64496')
  expect(await roaStates()).toEqual(['published', 'published', 'pending'])
})

test('a repetition sends a list only and records nothing', async () => {
  await sync()
  const before = (await kid()).synced
  expect(await sync()).toMatchObject({ changed: false, put: 0, withdrawn: 0, sequence: null })
  expect(sent).toEqual(['list'])
  expect((await kid()).synced).toEqual(before)
})

test('what the server has lost or kept too long is repaired', async () => {
  await sync()
  await transact(await two.there(), async (tx) => {
    const [first = ''] = Object.keys(served())
    const stray = { sha256: tx.ports.objects.put(Buffer.from('stray'), now), size: 5 }
    await runPubd(tx, {
      type: 'publish',
      changes: [{ publisher: PUB, put: [{ name: 'stray.roa', ...stray }], drop: [first] }],
    })
  })
  expect(await sync()).toMatchObject({ changed: true, put: 1, withdrawn: 1 })
  expect(served()).toEqual(await wanted())
})

describe('a refused delta', () => {
  const error: PublicationReply = { type: 'error', errors: [{ code: 'no_object_present', text: 'it changed' }] }

  test('is made again once from a fresh list', async () => {
    replyWith('delta', error, 1)
    expect(await sync()).toMatchObject({ changed: true, put: 2 })
    expect(sent).toEqual(['list', 'delta', 'list', 'delta'])
    expect(served()).toEqual(await wanted())
  })

  test('for the second time is an error, and what waits is pending', async () => {
    replyWith('delta', error)
    const message = expect.stringMatching(/has not confirmed.*refused the changes: no_object_present: it changed/)
    await expect(sync()).rejects.toMatchObject({ kind: 'pending', code: 'repository-refused', message })
    expect(sent).toEqual(['list', 'delta', 'list', 'delta'])
    expect((await kid()).synced).toBeUndefined()
  })
})

describe('a server that does not accept long messages', () => {
  const roas = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => `10.0.${from + i}.0/24 => 64496`)

  beforeEach(async () => {
    await updateRoas(await two.here(), KID, roaArguments({ add: roas(0, 3) }))
    await sync()
    await updateRoas(await two.here(), KID, roaArguments({ add: roas(3, 12), remove: roas(0, 2) }))
  })

  test('gets the delta in parts; the manifest changes after what it names is there, before the rest is withdrawn', async () => {
    const [before, after] = [served(), await wanted()]
    const mft = Object.keys(after).find((name) => name.endsWith('.mft')) ?? ''
    const seen: string[] = []
    isTooLong = (_, octets) => octets > 14_000
    onMessage = async (type, deliver) => {
      const cms = await deliver()
      if (type !== 'delta') return cms
      const [tree, isNew] = [served(), served()[mft] === after[mft]]
      expect(tree).toMatchObject(isNew ? after : before)
      seen.push(isNew ? 'new' : 'old')
      return cms
    }
    expect(await sync()).toMatchObject({ changed: true, put: 11, withdrawn: 2, published: true })
    expect(seen).toEqual([...seen].sort().reverse())
    expect(new Set(seen)).toEqual(new Set(['old', 'new']))
    expect(sent.filter((type) => type === 'list')).toHaveLength(1)
    expect(sent.length - 1).toBeGreaterThan(seen.length)
    expect(served()).toEqual(after)
    expect(await roaStates()).not.toContain('pending')
  })

  test('and not a manifest with its CRL is named with the size that it needs; what is served stays valid', async () => {
    const before = served()
    isTooLong = (query) => query.type === 'delta' && query.pdus.some(({ uri }) => uri.endsWith('.mft'))
    const message = expect.stringMatching(/2 objects of rsync:.*replaced together, need \d+ octets.*status 413/)
    const hint = expect.stringMatching(/accept messages of \d+ octets, then brine repo sync kid/)
    const code = 'repository-delta-too-long'
    await expect(sync()).rejects.toMatchObject({ kind: 'pending', code, message, hint })
    expect(served()).toMatchObject(before)
    expect(await roaStates()).toContain('pending')
    isTooLong = () => false
    await sync()
    expect(served()).toEqual(await wanted())
  })
})

describe('a server that cannot be reached', () => {
  beforeEach(() => {
    onMessage = async () => {
      throw new AppError('remote', 'peer-timeout', 'no answer')
    }
  })

  test('leaves what is not confirmed pending, and changes nothing', async () => {
    const before = await kid()
    await expect(sync()).rejects.toMatchObject({ kind: 'pending', code: 'peer-timeout' })
    expect(await kid()).toEqual(before)
  })

  test('is a remote error where everything is confirmed', async () => {
    const silent = onMessage
    onMessage = (_, deliver) => deliver()
    await sync()
    onMessage = silent
    await expect(sync()).rejects.toMatchObject({ kind: 'remote', code: 'peer-timeout', message: 'no answer' })
  })
})

test('a delta whose answer was lost is confirmed by the next list', async () => {
  onMessage = async (type, deliver) => {
    const cms = await deliver()
    if (type === 'delta') throw new AppError('remote', 'peer-closed', 'the connection was closed')
    return cms
  }
  await expect(sync()).rejects.toMatchObject({ kind: 'pending' })
  expect(served()).toEqual(await wanted())
  onMessage = (_, deliver) => deliver()
  expect(await sync()).toMatchObject({ changed: true, put: 0, withdrawn: 0 })
  expect(sent).toEqual(['list'])
})

test('a change between list and delta is sent, not the older content', async () => {
  await sync()
  let changed = false
  onMessage = async (type, deliver) => {
    const cms = await deliver()
    if (type === 'list' && !changed) {
      changed = true
      await addRoa('10.0.0.0/24 => 64496')
    }
    return cms
  }
  await sync()
  expect(served()).toEqual(await wanted())
  expect(await roaStates()).toEqual(['published'])
})

test('an answer to another question, and one that the server did not sign, are not acted on', async () => {
  replyWith('list', { type: 'success' })
  await expect(sync()).rejects.toMatchObject({ code: 'answer-invalid' })
  replyWith('delta', { type: 'list', objects: [] })
  await expect(sync()).rejects.toMatchObject({ code: 'answer-invalid' })
  onMessage = async () => Uint8Array.of(0x30, 0)
  await expect(sync()).rejects.toMatchObject({ code: 'answer-invalid' })
  expect((await kid()).synced).toBeUndefined()
})

/** The directory as a copy, which is a stand-by. */
const openCopy = () => {
  const who = { actor: 'tester', osUser: 'tester', host: 'host.example', command: 'test' }
  return openSession({ dataDir: two.client, ...who, nowOverride: now, asCopy: true })
}

test('a stand-by sends nothing', async () => {
  await sync()
  await addRoa('10.0.0.0/24 => 64496')
  sent = []
  await expect(syncRepository(await openCopy(), KID, { deliver })).rejects.toMatchObject({ kind: 'standby' })
  expect(sent).toEqual([])
})

test('in a new generation the objects are renumbered before they are sent', async () => {
  await sync()
  const number = async () => (await kid()).classes['0']?.keys[0]?.point.number ?? 0
  const before = await number()
  await (await openCopy()).store.promote(now)
  expect(await sync()).toMatchObject({ changed: true, put: 2 })
  expect(await number()).toBeGreaterThan(before + 1000)
  expect(served()).toEqual(await wanted())
})

test('a response given again changes nothing; another kind of file and another place are refused', async () => {
  const configure = async (file: Uint8Array) =>
    configureRemoteRepository(await two.here(), KID, { response: file, permissions: {} })
  expect(await configure(response)).toMatchObject({ changed: false })
  const { request } = await repositoryRequest(await two.here(), KID)
  await expect(configure(Buffer.from(request))).rejects.toMatchObject({ code: 'setup-kind' })
  const moved = (to: string) =>
    Buffer.from(
      Buffer.from(response)
        .toString()
        .replace(/sia_base="[^"]*"/, `sia_base="${to}"`),
    )
  await expect(configure(moved('rsync://other.example/repo/kid/'))).rejects.toMatchObject({
    code: 'repository-differs',
  })
  await expect(configure(moved('rsync://other.example/'))).rejects.toMatchObject({ code: 'repository-uri' })
})
