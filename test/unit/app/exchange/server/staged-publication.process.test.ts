/** `rrdp_interval` for publishers elsewhere: a change within it is accepted, listed and durable, and the next delta has it. Dates of their objects. */
import { appendFileSync, existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { pubserverStats } from '../../../../../src/core/app/authority/pubserver.js'
import { listPublishers } from '../../../../../src/core/app/exchange/server/publishers.js'
import { purgeObjects, removePublishers } from '../../../../../src/core/app/exchange/server/remove-publishers.js'
import { auditVerify } from '../../../../../src/core/app/proof/audit.js'
import { republish } from '../../../../../src/core/app/republishing/republish.js'
import { status } from '../../../../../src/core/app/status/status.js'
import { addSeconds, type Instant } from '../../../../../src/core/base/time.js'
import { sha256Hex } from '../../../../../src/core/crypto/digest.js'
import { utcOrGeneralized } from '../../../../../src/core/der/writer.js'
import type { Pdu } from '../../../../../src/core/protocols/publication/types.js'
import { type ForeignPublisher, foreignPublisher, hashOf } from '../../../../support/peers/publisher.js'
import { certificate, crl, roa } from '../../../../support/rpki/objects.js'
import { newTestbed, quickSession, scratchFolder } from '../../../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z' as Instant
const scratch = scratchFolder('staged')
afterAll(() => scratch.remove())

let dir: string
let count = 0
let now: Instant
let one: ForeignPublisher
let two: ForeignPublisher

const at = (seconds: number) => {
  now = addSeconds(now, seconds)
  return quickSession(dir, now)
}
const path = (publisher: ForeignPublisher, name: string) => join(dir, 'repo/rsync/current', publisher.handle, name)
const serial = async () => (await pubserverStats(await at(0))).rrdpSerial
const listed = async (publisher = one) => {
  const reply = await publisher.ask(await at(0))
  return reply.type === 'list' ? reply.objects.map(({ uri, hash }) => [uri.slice(publisher.base.length), hash]) : reply
}
const send = async (seconds: number, ...pdus: readonly Pdu[]) => one.ask(await at(seconds), pdus)
const waiting = async () => (await status(await at(0))).unpublished
const verified = async () => {
  const { problems, aggregates } = await auditVerify(await at(0), { full: true })
  expect([...problems, ...aggregates.flatMap((each) => each.problems)]).toEqual([])
}

beforeEach(async () => {
  count += 1
  dir = `${scratch.dir}/${count}`
  now = NOW
  await newTestbed(dir, NOW)
  appendFileSync(join(dir, 'brine.toml'), 'rrdp_interval = "1m"\n')
  one = await foreignPublisher(await at(60), 'one', 38)
  two = await foreignPublisher(await at(60), 'two', 39)
  expect(await send(60, one.put('a.cer', 'a'), one.put('b.cer', 'b'))).toEqual({ type: 'success' })
})

test('changes within the interval are listed and durable, and the next tick publishes them as one delta', async () => {
  const before = await serial()
  expect(await send(5, one.put('a.cer', 'new', 'a'), one.put('x/c.cer', 'c'))).toEqual({ type: 'success' })
  expect(await send(5, one.drop('b.cer', 'b'), one.put('x/c.cer', 'sea', 'c'))).toEqual({ type: 'success' })
  expect(await two.ask(await at(5), [two.put('z.cer', 'z')])).toEqual({ type: 'success' })
  expect(await serial()).toBe(before)
  expect(existsSync(path(one, 'b.cer'))).toBe(true)
  expect(await listed()).toEqual([
    ['a.cer', hashOf('new')],
    ['x/c.cer', hashOf('sea')],
  ])
  expect(await waiting()).toEqual(['one', 'two'])
  expect((await listPublishers(await at(0))).publishers.map(({ staged }) => staged)).toEqual([3, 0, 0, 1])
  await verified()
  expect(await republish(await at(5))).toMatchObject({ changed: false })
  expect(await serial()).toBe(before)
  expect(await republish(await at(60))).toMatchObject({ changed: true, serial: before + 1 })
  expect(await waiting()).toEqual([])
  expect([existsSync(path(one, 'b.cer')), existsSync(path(one, 'x/c.cer')), existsSync(path(two, 'z.cer'))]).toEqual([
    ...[false, true, true],
  ])
  expect(await listed(two)).toEqual([['z.cer', hashOf('z')]])
  await verified()
})

test('the next message after the interval publishes all that waits', async () => {
  const before = await serial()
  await two.ask(await at(5), [two.put('z.cer', 'z')])
  await send(5, one.put('c.cer', 'c'))
  expect(await send(60, one.put('d.cer', 'd'))).toEqual({ type: 'success' })
  expect(await serial()).toBe(before + 1)
  for (const file of [path(one, 'c.cer'), path(one, 'd.cer'), path(two, 'z.cer')]) expect(existsSync(file)).toBe(true)
  await verified()
})

test('hashes are compared with what is staged, and errors leave it as it is', async () => {
  await send(5, one.put('a.cer', 'new', 'a'), one.drop('b.cer', 'b'))
  const code = async (pdu: Pdu) => {
    const reply = await send(1, one.put('other.cer', 'o'), pdu)
    return reply.type === 'error' ? reply.errors.map((error) => error.code) : reply
  }
  expect(await code(one.put('a.cer', 'newer', 'a'))).toEqual(['no_object_matching_hash'])
  expect(await code(one.drop('b.cer', 'b'))).toEqual(['no_object_present'])
  expect(await code(one.put('a.cer/x.cer', 'x'))).toEqual(['consistency_problem'])
  expect(await listed()).toEqual([['a.cer', hashOf('new')]])
})

test('a change that takes back what was staged leaves nothing to publish', async () => {
  const before = await serial()
  await send(5, one.put('a.cer', 'new', 'a'))
  await send(60, one.put('a.cer', 'a', 'new'))
  expect(await listed()).toEqual([
    ['a.cer', hashOf('a')],
    ['b.cer', hashOf('b')],
  ])
  expect(await waiting()).toEqual([])
  expect(await serial()).toBe(before)
  await verified()
})

test('a publisher that is removed takes what it staged with it, and a purged object does not come back', async () => {
  await send(5, one.put('a.cer', 'new', 'a'), one.put('c.cer', 'c'))
  await two.ask(await at(5), [two.put('z.cer', 'z')])
  await purgeObjects(await at(60), `${one.base}a.cer`)
  expect([existsSync(path(one, 'a.cer')), existsSync(path(one, 'c.cer'))]).toEqual([false, true])
  await send(5, one.put('d.cer', 'd'))
  expect(await removePublishers(await at(5), { publisher: one.handle })).toMatchObject({ objects: 3 })
  expect(existsSync(path(one, 'b.cer'))).toBe(false)
  await republish(await at(60))
  expect([existsSync(path(one, 'd.cer')), existsSync(path(two, 'z.cer'))]).toEqual([false, true])
  await verified()
})

test('purging takes what is staged, too: all below a folder, and an object that is not published yet', async () => {
  await send(5, one.put('c.cer', 'c'), one.drop('b.cer', 'b'))
  await two.ask(await at(5), [two.put('z.cer', 'z')])
  const before = await serial()
  const staged = await purgeObjects(await at(5), `${two.base}z.cer`)
  expect(staged).toMatchObject({ publishers: ['two'], objects: 1, changed: true })
  expect([await listed(two), await waiting(), await serial()]).toEqual([[], ['one'], before])
  await two.ask(await at(5), [two.put('y.cer', 'y')])
  expect(await purgeObjects(await at(5), one.base)).toMatchObject({ publishers: ['one'], objects: 2 })
  expect([await listed(), await serial(), await waiting()]).toEqual([[], before + 1, ['two']])
  expect(['a.cer', 'b.cer', 'c.cer'].filter((name) => existsSync(path(one, name)))).toEqual([])
  await verified()
})

test('purging an object that is withdrawn with the next delta withdraws it at once', async () => {
  await send(5, one.drop('b.cer', 'b'))
  const before = await serial()
  expect(await purgeObjects(await at(5), `${one.base}b.cer`)).toMatchObject({ changed: true })
  expect([await serial(), existsSync(path(one, 'b.cer')), await waiting()]).toEqual([before + 1, false, []])
  await verified()
})

test('the files have the dates that their objects state, or the time of receipt where rsync could not see the change', async () => {
  const object = (name: string, bytes: Uint8Array, before?: Uint8Array): Pdu => ({
    ...{ kind: 'publish', tag: name, uri: one.base + name, bytes },
    ...(before === undefined ? {} : { hash: sha256Hex(before) }),
  })
  const date = (name: string) => statSync(path(one, name)).mtime.toISOString().replace('.000', '')
  const first = roa()
  const second = first.with(-1, (first.at(-1) ?? 0) ^ 1)
  const early = crl((parts) =>
    Object.assign(parts, { thisUpdate: utcOrGeneralized('2027-01-01T00:00:00Z' as Instant) }),
  )
  await send(
    60,
    object('x.roa', first),
    object('x.crl', crl()),
    object('x.cer', certificate('ca')),
    object('y.crl', early),
  )
  expect(['x.roa', 'x.crl', 'x.cer'].map(date)).toEqual([
    ...['2026-06-01T00:00:00Z', '2026-06-01T00:00:00Z', '2026-01-01T00:00:00Z'],
  ])
  expect([date('y.crl'), date('a.cer')]).toEqual([now, addSeconds(now, -60)])
  await send(60, object('x.roa', second, first))
  expect(date('x.roa')).toBe(now)
})
