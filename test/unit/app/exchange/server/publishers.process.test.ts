/** Publishers elsewhere as the operator sees them: listed, shown, silent, removed; objects purged; the server cleared. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import {
  clearPubserver,
  initPubserver,
  pubserverStats,
  resetSession,
} from '../../../../../src/core/app/authority/pubserver.js'
import { answerPublication } from '../../../../../src/core/app/exchange/server/answer-publication.js'
import { listPublishers, showPublisher } from '../../../../../src/core/app/exchange/server/publishers.js'
import { purgeObjects, removePublishers } from '../../../../../src/core/app/exchange/server/remove-publishers.js'
import { auditVerify } from '../../../../../src/core/app/proof/audit.js'
import { status } from '../../../../../src/core/app/status/status.js'
import { parseHandle } from '../../../../../src/core/base/handle.js'
import { addSeconds, type Duration, type Instant } from '../../../../../src/core/base/time.js'
import type { Pdu } from '../../../../../src/core/protocols/publication/types.js'
import { type ForeignPublisher, foreignPublisher, hashOf } from '../../../../support/peers/publisher.js'
import { brineOk, newTestbed, quickSession, scratchFolder } from '../../../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const DAY = 86_400 as Duration
const scratch = scratchFolder('publishers')
afterAll(() => scratch.remove())

let dir: string
let count = 0
let now: Instant
let one: ForeignPublisher
let two: ForeignPublisher

const session = () => {
  now = addSeconds(now, 60)
  return quickSession(dir, now)
}
const served = (publisher: ForeignPublisher, name: string) =>
  existsSync(join(dir, 'repo/rsync/current', publisher.handle, name))
const putBytes = (name: string, bytes: Uint8Array): Pdu => ({ kind: 'publish', tag: name, uri: one.base + name, bytes })
const serial = async () => (await pubserverStats(await session())).rrdpSerial
const names = async (stale?: Duration) =>
  (await listPublishers(await session(), stale)).publishers.map(({ publisher }) => publisher)
const verified = async () => {
  const { ok, problems, aggregates } = await auditVerify(await session(), { full: true })
  expect([...problems, ...aggregates.flatMap((one) => one.problems)]).toEqual([])
  expect(ok).toBe(true)
}

beforeEach(async () => {
  count += 1
  dir = `${scratch.dir}/${count}`
  now = NOW
  await newTestbed(dir, NOW)
  one = await foreignPublisher(await session(), 'one', 38)
  two = await foreignPublisher(await session(), 'two', 39)
})

describe('the list', () => {
  test('has everyone who publishes, with content and last message', async () => {
    await one.ask(await session(), [one.put('a/x.roa', 'ex'), one.put('b.cer', 'bee')])
    const changed = now
    const { publishers } = await listPublishers(await session())
    expect(publishers.map(({ publisher, transport }) => [publisher, transport])).toEqual([
      ['one', 'rfc8181'],
      ['ta', 'local'],
      ['testbed', 'local'],
      ['two', 'rfc8181'],
    ])
    expect(publishers[0]).toMatchObject({
      base: one.base,
      objects: 2,
      bytes: 5,
      lastMessage: changed,
      updatedAt: changed,
    })
    expect(publishers[1]).toMatchObject({ lastMessage: null })
    expect(publishers[3]).toMatchObject({ objects: 0, lastMessage: null })
  })

  test('names as stale who sent nothing for that time, since it was added at the latest', async () => {
    now = addSeconds(now, DAY)
    await one.ask(await session())
    expect(await names(DAY)).toEqual(['two'])
    expect((await listPublishers(await session())).publishers[0]?.lastMessage).toBe(addSeconds(now, -120))
    now = addSeconds(now, DAY)
    expect(await names(DAY)).toEqual(['one', 'two'])
  })
})

test('a publisher is shown with its keys, its objects and how its last message ended', async () => {
  await one.ask(await session(), [one.put('a/x.roa', 'ex')])
  await one.ask(await session(), [one.put('a/x.roa', 'other')])
  const shown = await showPublisher(await session(), one.handle)
  expect(shown).toMatchObject({
    ...{ transport: 'rfc8181', files: [{ uri: `${one.base}a/x.roa`, sha256: hashOf('ex'), size: 2 }] },
    id: { peer: { ski: one.party.id.ski }, own: { ski: expect.stringMatching(/^[0-9A-F]{40}$/) } },
    exchange: { outcome: 'failure', code: 'object_already_present', message: expect.stringContaining('a/x.roa') },
  })
  expect(await showPublisher(await session(), parseHandle('testbed'))).toMatchObject({ id: null, exchange: null })
  await expect(showPublisher(await session(), parseHandle('on'))).rejects.toThrow(/did you mean one/)
})

test('status counts the time to the end of its manifest, its silence and its size', async () => {
  const root = join(dir, 'repo/rsync/current/testbed')
  const manifest = readdirSync(root, { recursive: true }).find((name) => String(name).endsWith('.mft'))
  const bytes = readFileSync(join(root, String(manifest)))
  await one.ask(await session(), [putBytes('a/x.mft', bytes), one.put('a/y.mft', 'no manifest')])
  const heard = now
  const codes = async (): Promise<readonly string[]> => {
    const { concerns } = await status(await session())
    return concerns.filter(({ code }) => code.startsWith('publisher-')).map(({ code, message }) => `${code} ${message}`)
  }
  const { staleAt, idUntil } = (await listPublishers(await session())).publishers[0] ?? {}
  expect(idUntil).toEqual({ own: expect.any(String), peer: one.party.certificate.notAfter })
  expect(staleAt).toMatch(/^2026-11-2[12]T/)
  expect(await showPublisher(await session(), one.handle)).toMatchObject({ staleAt })
  const report = await status(await session())
  expect(report.publishers).toEqual([
    {
      publisher: 'one',
      addedAt: expect.any(String),
      lastMessage: heard,
      objects: 2,
      bytes: expect.any(Number),
      ...{ staleAt, idUntil },
    },
    expect.objectContaining({ publisher: 'two', lastMessage: null, staleAt: null }),
  ])
  expect(await codes()).toEqual([])
  now = addSeconds(staleAt as Instant, -2 * 3600 - 120)
  expect(await codes()).toEqual([])
  expect(await codes()).toEqual([
    expect.stringMatching(/^publisher-stale publisher one has a manifest that goes stale at /),
  ])
  now = staleAt as Instant
  expect(await codes()).toEqual([
    expect.stringMatching(/^publisher-stale publisher one has a manifest that is stale since /),
  ])
  now = addSeconds(heard, 2 * DAY)
  writeFileSync(join(dir, 'brine.toml'), 'publisher_warn_mb = 1\n')
  await one.ask(await session(), [putBytes('a/big.roa', new Uint8Array(1_000_001))])
  expect(await codes()).toEqual([
    expect.stringMatching(/^publisher-stale publisher one /),
    expect.stringMatching(/^publisher-large publisher one has 1 MB here, more than publisher_warn_mb = 1$/),
    expect.stringMatching(/^publisher-silent publisher two has sent no message since it was added at 2026-11-21T12:0/),
  ])
})

describe('removing', () => {
  test('withdraws the objects in one serial, and its messages are refused from then on', async () => {
    await one.ask(await session(), [one.put('a/x.roa', 'ex'), one.put('b.cer', 'bee')])
    const before = await serial()
    const preview = await removePublishers(await session(), { publisher: one.handle }, { dryRun: true })
    expect(preview).toMatchObject({ publishers: ['one'], objects: 2, changed: true })
    expect(preview.changes.map(({ change, item }) => `${change} ${item}`)).toEqual([
      ...['remove publisher', 'remove object', 'remove object', 'update rrdp'],
    ])
    expect(served(one, 'b.cer')).toBe(true)
    const done = await removePublishers(await session(), { publisher: one.handle })
    expect(done).toMatchObject({ publishers: ['one'], objects: 2, serial: before + 1 })
    expect(done.changes).toEqual(preview.changes)
    expect(served(one, 'b.cer')).toBe(false)
    expect(await names()).toEqual(['ta', 'testbed', 'two'])
    await expect(one.ask(await session())).rejects.toMatchObject({ code: 'publisher-unknown' })
    await verified()
    one = await foreignPublisher(await session(), 'one', 38)
    expect((await listPublishers(await session())).publishers[0]).toMatchObject({ objects: 0, lastMessage: null })
  })

  test('leaves its messages replays after it was added again', async () => {
    const first = await one.message(addSeconds(now, 60), [one.put('x.roa', 'ex')])
    const answer = async (message: Uint8Array) => (await answerPublication(await session(), one.handle, message)).reply
    expect(await answer(first)).toEqual({ type: 'success' })
    await removePublishers(await session(), { publisher: one.handle })
    one = await foreignPublisher(await session(), 'one', 38)
    await expect(answer(first)).rejects.toThrow(/a replay: .* removed after a message/)
    expect(await one.ask(await session())).toEqual({ type: 'list', objects: [] })
    expect(await one.ask(await session(), [one.put('x.roa', 'ex')])).toEqual({ type: 'success' })
    await verified()
  })

  test('all that are stale is one serial; if none is, nothing happens', async () => {
    await one.ask(await session(), [one.put('x.roa', 'ex')])
    await two.ask(await session(), [two.put('x.roa', 'ex')])
    const before = await serial()
    expect(await removePublishers(await session(), { stale: DAY })).toMatchObject({ publishers: [], changed: false })
    now = addSeconds(now, DAY)
    const only = [one.handle]
    expect((await removePublishers(await session(), { stale: DAY, only }, { dryRun: true })).publishers).toEqual(only)
    const done = await removePublishers(await session(), { stale: DAY })
    expect(done).toMatchObject({ publishers: ['one', 'two'], objects: 2, serial: before + 1 })
    expect([served(one, 'x.roa'), served(two, 'x.roa')]).toEqual([false, false])
    await verified()
  })

  test('a CA or trust anchor of this data directory is refused', async () => {
    const remove = async (name: string) => removePublishers(await session(), { publisher: parseHandle(name) })
    await expect(remove('testbed')).rejects.toMatchObject({
      ...{ code: 'publisher-local', hint: 'brine ca remove testbed --dry-run' },
    })
    await expect(remove('ta')).rejects.toMatchObject({ code: 'publisher-local' })
    await expect(remove('none')).rejects.toMatchObject({ code: 'publisher-unknown' })
  })
})

describe('purging', () => {
  beforeEach(async () => {
    await one.ask(await session(), [one.put('a/x.roa', 'ex'), one.put('a/y.roa', 'why'), one.put('ab.cer', 'bee')])
  })

  test('withdraws one object, or all below a folder, and the publisher may publish again', async () => {
    const object = await purgeObjects(await session(), `${one.base}ab.cer`)
    expect(object).toMatchObject({ publishers: ['one'], objects: 1, changed: true })
    expect(await purgeObjects(await session(), `${one.base}a/`, { dryRun: true })).toMatchObject({ objects: 2 })
    expect(await purgeObjects(await session(), `${one.base}a/`)).toMatchObject({ objects: 2, published: true })
    expect([served(one, 'ab.cer'), served(one, 'a')]).toEqual([false, false])
    expect(await one.ask(await session())).toEqual({ type: 'list', objects: [] })
    expect(await one.ask(await session(), [one.put('a/x.roa', 'ex')])).toEqual({ type: 'success' })
    expect(served(one, 'a/x.roa')).toBe(true)
    await verified()
  })

  test.each<[string, () => string, RegExp]>([
    ['object-unknown', () => `${one.base}none.roa`, /no object is published at/],
    ['object-unknown', () => `${one.base}a`, /is a folder/],
    ['object-unknown', () => `${one.base}none/`, /no object is published below/],
    ['object-unknown', () => 'rsync://elsewhere.example/', /no object is published below/],
    ['publisher-local', () => one.base.replace(/one\/$/, 'testbed/'), /testbed is a CA/],
    ['publisher-local', () => one.base.replace(/one\/$/, ''), /of this data directory/],
  ])('is refused with %s: %#', async (code, uri, message) => {
    const before = await serial()
    await expect(purgeObjects(await session(), uri())).rejects.toMatchObject({
      ...{ code, message: expect.stringMatching(message) },
    })
    expect(await serial()).toBe(before)
  })
})

describe('clearing', () => {
  const bases = ['rsync://new.example.net/repo/', 'https://new.example.net/rrdp/'] as const

  test('is refused while there are publishers', async () => {
    await expect(clearPubserver(await session())).rejects.toThrow(/has publishers: one ta testbed two; /)
  })

  test('lets the server be set up with other URIs', async () => {
    dir = `${scratch.dir}/bare-${count}`
    await brineOk(dir, ['init', '--test'], NOW)
    await initPubserver(await session(), 'rsync://old.example.net/repo/', 'https://old.example.net/rrdp/')
    one = await foreignPublisher(await session(), 'one', 38)
    const list = await one.message(now)
    await one.ask(await session(), [one.put('x.roa', 'ex')])
    await removePublishers(await session(), { publisher: one.handle })
    await expect(initPubserver(await session(), ...bases)).rejects.toThrow(/already set up/)
    expect(await clearPubserver(await session(), { dryRun: true })).toMatchObject({ changed: true, dryRun: true })
    const cleared = await clearPubserver(await session())
    expect(cleared).toMatchObject({ changed: true, rsyncBase: 'rsync://old.example.net/repo/' })
    await expect(resetSession(await session())).rejects.toThrow(/not set up/)
    await verified()
    expect(await initPubserver(await session(), ...bases)).toMatchObject({ rsyncBase: bases[0], published: true })
    one = await foreignPublisher(await session(), 'one', 38)
    await expect(answerPublication(await session(), one.handle, list)).rejects.toThrow(/a replay/)
    await one.ask(await session(), [one.put('x.roa', 'ex')])
    expect(served(one, 'x.roa')).toBe(true)
    await verified()
  })
})
