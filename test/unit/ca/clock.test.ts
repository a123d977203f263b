/** A CA and a trust anchor after the clock was ahead: what is of the future is issued again at the present, and numbers rise. */
import { describe, expect, test } from 'vitest'
import { runCa, runTa, TA_HANDLE } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import type { PublicationPoint } from '../../../src/core/issuing/point.js'
import { revocationsAt } from '../../../src/core/issuing/point.js'
import { parseRoaPayload } from '../../../src/core/resources/roa-payload.js'
import { decodeCrl } from '../../../src/core/rpki/crl.js'
import { decodeSignedObject } from '../../../src/core/rpki/signed-object/decode-envelope.js'
import { decodeCertificate } from '../../../src/core/rpki/x509/decode-certificate.js'
import { chainOf, emptyWorld, type World } from '../../support/rpki/small-world.js'

const ACME = parseHandle('acme')
const DAY = 86_400
const YEARS = 43 * 365 * DAY

const payload = (text: string) => {
  const parsed = parseRoaPayload(text)
  if (!('ok' in parsed)) throw new Error(text)
  return parsed.ok.payload
}
const addRoa = (world: World, text: string) =>
  runCa(world.tx, ACME, { type: 'roas.update', add: [{ payload: payload(text), comment: null }], remove: [] })
const removeRoa = (world: World, text: string) =>
  runCa(world.tx, ACME, { type: 'roas.update', add: [], remove: [payload(text)] })

async function acme(): Promise<World> {
  const world = emptyWorld()
  await chainOf(world, ['acme', '192.0.2.0/24, AS64496'])
  await addRoa(world, '192.0.2.0/24 => 64496')
  world.pass(1)
  return world
}

const pointOf = (world: World): PublicationPoint =>
  world.ca('acme').classes['0']?.keys[0]?.point ?? expect.fail('no point')
const skiOf = (world: World): string => world.ca('acme').classes['0']?.keys[0]?.ski ?? expect.fail('no key')
const bytesOf = (world: World, name: string): Uint8Array =>
  world.tx.work.object(pointOf(world).objects[name]?.sha256 ?? expect.fail(`no ${name}`))
const revokedOf = (world: World): readonly string[] => {
  const { crl } = pointOf(world)
  const list = crl === null ? undefined : decodeCrl(world.tx.work.object(crl.sha256)).content
  return (list?.revoked ?? []).map(({ serial, revokedAt }) => `${serial} ${revokedAt}`)
}
const reset = (world: World, objects: readonly string[] = [], revoked = {}) =>
  runCa(world.tx, ACME, { type: 'clock.reset', objects, revoked, atLeast: 0 })

/** Runs `work` with the clock ahead, and sets it right again. */
async function ahead(world: World, seconds: number, work: () => Promise<unknown>): Promise<void> {
  world.pass(seconds)
  await work()
  world.pass(-seconds + 60)
}

describe.each([
  ['seven minutes, two more than signing times are backdated', 420],
  ['an hour', 3600],
  ['two days', 2 * DAY],
  ['43 years, beyond UTCTime', YEARS],
])('a CA whose clock was ahead by %s', (_, seconds) => {
  test('issues manifest, CRL and the ROA of the future again at the present; the number rises by one', async () => {
    const world = await acme()
    await ahead(world, seconds, () => addRoa(world, '192.0.2.0/25 => 64496'))
    const before = pointOf(world)
    const [name = ''] = Object.keys(before.objects)
      .filter((file) => !world.ca('acme').roas[file])
      .slice(-1)
    await expect(addRoa(world, '192.0.2.128/25 => 64496')).rejects.toMatchObject({ code: 'clock-behind' })
    const events = await reset(world, [`0/${name}`])
    expect(events.map((e) => e.type)).toEqual(['clock.reset', 'point.issued'])
    const after = pointOf(world)
    expect(after.number).toBe(before.number + 1)
    expect(after.thisUpdate).toBe(world.now())
    expect(after.nextUpdate).toBe(addSeconds(world.now(), DAY))
    const ee = decodeSignedObject(bytesOf(world, name)).content?.ee
    expect([ee?.notBefore, ee?.notAfter]).toEqual([world.now(), addSeconds(world.now(), 364 * DAY)])
    expect(Object.values(world.ca('acme').roas).every(({ since }) => since <= world.now())).toBe(true)
    world.pass(1)
    await addRoa(world, '192.0.2.128/25 => 64496')
    expect(pointOf(world).number).toBe(before.number + 2)
  })
})

describe('the CRL of the present', () => {
  test('lists what was revoked in the future, and at no future time', async () => {
    const world = await acme()
    await ahead(world, 2 * DAY, () => removeRoa(world, '192.0.2.0/24 => 64496'))
    const count = revokedOf(world).length
    await reset(world)
    const now: Instant = world.now()
    expect(revokedOf(world).length).toBe(count + 1)
    expect(revokedOf(world).every((line) => (line.split(' ')[1] ?? '') <= now)).toBe(true)
  })

  test('lists again what a CRL of the future no longer did, since it had expired by then', async () => {
    const world = await acme()
    await removeRoa(world, '192.0.2.0/24 => 64496')
    const known = pointOf(world).revoked
    const [roa] = known.filter(({ expires }) => expires > addSeconds(world.now(), 2 * DAY))
    await ahead(world, YEARS, () => runCa(world.tx, ACME, { type: 'republish', force: true }))
    expect(pointOf(world).revoked.map(({ serial }) => serial)).not.toContain(roa?.serial)
    await reset(world, [], { [skiOf(world)]: known })
    expect(pointOf(world).revoked.map(({ serial }) => serial)).toContain(roa?.serial)
    expect(revokedOf(world).some((line) => line.startsWith(String(BigInt(`0x${roa?.serial}`))))).toBe(true)
  })

  test('revocations keep one entry for each serial, and none that has expired', () => {
    const at = '2026-01-02T00:00:00Z' as Instant
    const one = { serial: '01', at: '2026-01-01T00:00:00Z' as Instant, expires: '2027-01-01T00:00:00Z' as Instant }
    const old = { ...one, serial: '02', expires: '2026-01-01T12:00:00Z' as Instant }
    const future = { ...one, serial: '03', at: '2069-01-01T00:00:00Z' as Instant }
    const point = { revoked: [one, future] } as unknown as PublicationPoint
    expect(revocationsAt(point, [one, old], at)).toEqual([one, { ...future, at }])
  })
})

test('a CA that has nothing of the future issues nothing, and its number may be raised by the same command', async () => {
  const world = await acme()
  const before = pointOf(world)
  expect((await reset(world)).map((e) => e.type)).toEqual(['clock.reset'])
  expect(pointOf(world)).toEqual(before)
  const raised = { type: 'clock.reset', objects: [], revoked: {}, atLeast: 1_800_000_000 } as const
  expect((await runCa(world.tx, ACME, raised)).map((e) => e.type)).toEqual([
    'clock.reset',
    'numbers.raised',
    'point.issued',
  ])
  expect(pointOf(world).number).toBe(1_800_000_000)
})

test('a removed CA can be reset, so that its history has a command at the present', async () => {
  const world = await acme()
  await runCa(world.tx, ACME, { type: 'ca.remove' })
  expect((await reset(world)).map((e) => e.type)).toEqual(['clock.reset'])
})

test('the trust anchor issues its own certificate, that of a child and its manifest again', async () => {
  const world = await acme()
  const name = Object.keys(world.ta().point.objects)[0] ?? ''
  await ahead(world, YEARS, () => runTa(world.tx, TA_HANDLE, { type: 'republish', force: true }))
  const before = world.ta()
  await runTa(world.tx, TA_HANDLE, { type: 'clock.reset', objects: [name], revoked: [], certificate: true, atLeast: 0 })
  const { point, certificate } = world.ta()
  expect([point.number, point.thisUpdate]).toEqual([before.point.number + 1, world.now()])
  const own = decodeCertificate(world.tx.work.object(certificate?.sha256 ?? expect.fail('no certificate'))).content
  expect(own?.notBefore).toBe(addSeconds(world.now(), -300))
  const child = decodeCertificate(world.tx.work.object(point.objects[name]?.sha256 ?? expect.fail('no child'))).content
  expect(child?.notBefore).toBe(world.now())
})
