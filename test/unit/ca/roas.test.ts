/** ROA rules: a set is applied completely or not at all, resources that are held, aggregation, renewal. */
import { describe, expect, test } from 'vitest'
import { runCa } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { type CaCommand, ca } from '../../../src/core/ca/aggregate.js'
import { desiredRoas } from '../../../src/core/ca/products/roa-objects.js'
import { Rejected } from '../../../src/core/eventsourcing/work.js'
import { fromResourceText, parseResources } from '../../../src/core/resources/resource-set.js'
import { parseRoaPayload } from '../../../src/core/resources/roa-payload.js'
import type { RoaPayload } from '../../../src/core/resources/types.js'
import { decodeRoa } from '../../../src/core/rpki/roa.js'
import { decodeSignedObject } from '../../../src/core/rpki/signed-object/decode-envelope.js'
import { updateIn } from '../../support/rpki/children.js'
import { chainOf, emptyWorld, type World } from '../../support/rpki/small-world.js'

const ACME = parseHandle('acme')
const WEEK = 7 * 86400

function payload(text: string): RoaPayload {
  const parsed = parseRoaPayload(text)
  if ('faults' in parsed) throw new Error(text)
  return parsed.ok.payload
}

function update(add: readonly string[], remove: readonly string[] = []): CaCommand {
  return {
    type: 'roas.update',
    add: add.map((text) => ({ payload: payload(text), comment: null })),
    remove: remove.map(payload),
  }
}

async function acme(resources = '192.0.2.0/24, 2001:db8::/32, AS64496', timing = {}): Promise<World> {
  const world = emptyWorld(timing)
  await chainOf(world, ['acme', resources])
  return world
}

function files(world: World): readonly string[] {
  return Object.values(world.ca('acme').classes).flatMap((c) => Object.keys(c.keys[0]?.point.objects ?? {}))
}

async function violationsOf(world: World, command: CaCommand): Promise<readonly string[]> {
  const error = await runCa(world.tx, ACME, command).then(
    () => undefined,
    (e: unknown) => e,
  )
  if (!(error instanceof Rejected)) throw new Error('not rejected')
  const details = error.error.details as { faults: readonly { code: string }[] }
  return details.faults.map((f) => f.code)
}

describe('roas.update', () => {
  test('given ROAs of more AS numbers than a manifest can list objects, then rejected', async () => {
    const world = await acme()
    const of = (count: number) => update(Array.from({ length: count }, (_, i) => `192.0.2.0/24 => ${i}`))
    expect(await violationsOf(world, of(99_001))).toEqual(['roa-too-many-asns'])
    expect(world.tx.work.check(ca, ACME, of(99_000))).toEqual([])
  })

  test('given resources, when a ROA is added, then configuration first and one manifest with it', async () => {
    const world = await acme()
    const before = world.ca('acme').classes['0']?.keys[0]?.point.number
    const events = await runCa(world.tx, ACME, update(['192.0.2.0/24-28 => 64496']))
    expect(events.map((e) => e.type)).toEqual(['roas.updated', 'point.issued'])
    expect(files(world)).toEqual([`${Buffer.from('192.0.2.0/24-28 => 64496').toString('hex')}.roa`])
    expect(world.ca('acme').classes['0']?.keys[0]?.point.number).toBe((before ?? 0) + 1)
  })

  test('the object has the payload that was added', async () => {
    const world = await acme()
    await runCa(world.tx, ACME, update(['2001:db8::/32-48 => 0']))
    const object = Object.values(world.ca('acme').classes['0']?.keys[0]?.point.objects ?? {})[0]
    if (object === undefined) throw new Error('no object')
    const signed = decodeSignedObject(world.tx.work.object(object.sha256))
    const roa = decodeRoa(signed.content?.eContent ?? new Uint8Array())
    expect(roa.content?.asn).toBe(0)
    expect(roa.content?.addresses).toMatchObject([{ family: 6, length: 32, maxLength: 48 }])
  })

  test('every violation of a set is reported at once and nothing has changed', async () => {
    const world = await acme()
    await runCa(world.tx, ACME, update(['192.0.2.0/24 => 64496']))
    const before = world.ca('acme')
    const bad = update(
      ['192.0.2.0/24 => 64496', '198.51.100.0/24 => 64496', '192.0.2.0/25 => 1', '192.0.2.0/25 => 1'],
      ['192.0.2.128/25 => 7', '192.0.2.128/25 => 7'],
    )
    expect(await violationsOf(world, bad)).toEqual([
      'roa-unknown',
      'roa-duplicate',
      'roa-duplicate',
      'roa-not-held',
      'roa-duplicate',
    ])
    expect(world.ca('acme')).toBe(before)
  })

  test('a ROA both added and removed in one set is a violation', async () => {
    const world = await acme()
    await runCa(world.tx, ACME, update(['192.0.2.0/24 => 64496']))
    expect(await violationsOf(world, update(['192.0.2.0/24 => 64496'], ['192.0.2.0/24 => 64496']))).toEqual([
      'roa-duplicate',
    ])
  })

  test('an empty set is a no-op', async () => {
    const world = await acme()
    expect(await runCa(world.tx, ACME, update([]))).toEqual([])
  })

  test('a removed ROA is withdrawn and its certificate revoked', async () => {
    const world = await acme()
    await runCa(world.tx, ACME, update(['192.0.2.0/24 => 64496']))
    const serial = Object.values(world.ca('acme').classes['0']?.keys[0]?.point.objects ?? {})[0]?.serial
    await runCa(world.tx, ACME, update([], ['192.0.2.0/24 => 64496']))
    expect(files(world)).toEqual([])
    expect(world.ca('acme').classes['0']?.keys[0]?.point.revoked.map((r) => r.serial)).toContain(serial)
  })
})

describe('aggregation', () => {
  const roas = (n: number) =>
    Object.fromEntries(
      Array.from({ length: n }, (_, i) => {
        const config = {
          asn: 64496 + (i % 2),
          prefix: `10.0.${i}.0/24`,
          maxLength: 24,
          comment: null,
          since: '' as never,
        }
        return [`${config.prefix}-24 => ${config.asn}`, config]
      }),
    )
  const limits = { roaAggregateThreshold: 100, roaDeaggregateThreshold: 90 }
  const held = parseResources('10.0.0.0/8')

  test.each([
    [100, false, 100],
    [101, true, 2],
  ])('%i prefixes one by one: aggregated %s, %i objects', (n, aggregated, objects) => {
    const wanted = desiredRoas(roas(n), held, false, limits)
    expect([wanted.aggregated, wanted.roas.length]).toEqual([aggregated, objects])
  })

  test.each([
    [90, true, 2],
    [89, false, 89],
  ])('%i prefixes once aggregated: %s, %i objects', (n, aggregated, objects) => {
    const wanted = desiredRoas(roas(n), held, true, limits)
    expect([wanted.aggregated, wanted.roas.length]).toEqual([aggregated, objects])
  })

  test('names are the AS', () => {
    expect(
      desiredRoas(roas(101), held, false, limits)
        .roas.map((r) => r.name)
        .sort(),
    ).toEqual(['AS64496.roa', 'AS64497.roa'])
  })

  test('crossing the threshold replaces the objects in one manifest and revokes the old', async () => {
    const world = await acme('10.0.0.0/8', { roaAggregateThreshold: 2, roaDeaggregateThreshold: 2 })
    await runCa(world.tx, ACME, update(['10.0.0.0/24 => 1', '10.0.1.0/24 => 1']))
    const old = Object.values(world.ca('acme').classes['0']?.keys[0]?.point.objects ?? {}).map((o) => o.serial)
    const events = await runCa(world.tx, ACME, update(['10.0.2.0/24 => 2']))
    expect(events.filter((e) => e.type === 'point.issued')).toHaveLength(1)
    expect([...files(world)].sort()).toEqual(['AS1.roa', 'AS2.roa'])
    const revoked = world.ca('acme').classes['0']?.keys[0]?.point.revoked.map((r) => r.serial)
    expect(revoked).toEqual(expect.arrayContaining(old))
  })
})

describe('time', () => {
  test('a ROA is renewed with fewer than four weeks left, not before', async () => {
    const world = await acme()
    await runCa(world.tx, ACME, update(['192.0.2.0/24 => 64496']))
    const end = () => Object.values(world.ca('acme').classes['0']?.keys[0]?.point.objects ?? {})[0]?.notAfter
    const first = end()
    world.pass(48 * WEEK - 1)
    await runCa(world.tx, ACME, { type: 'republish', force: false })
    expect(end()).toBe(first)
    world.pass(1)
    await runCa(world.tx, ACME, { type: 'republish', force: false })
    expect(end()).not.toBe(first)
  })

  test('lost resources withdraw the ROA and keep its configuration; it is published again with them', async () => {
    const world = await acme()
    await runCa(world.tx, ACME, update(['192.0.2.0/24 => 64496']))
    const held = fromResourceText(
      world.ca('acme').classes['0']?.keys[0]?.certificate?.resources ?? { asn: '', ipv4: '', ipv6: '' },
    )
    expect(held.ipv4).toHaveLength(1)
    await updateIn(world, 'acme', '2001:db8::/32')
    expect(files(world)).toEqual([])
    expect(Object.keys(world.ca('acme').roas)).toEqual(['192.0.2.0/24-24 => 64496'])
    await updateIn(world, 'acme', '2001:db8::/32, 192.0.2.0/24')
    expect(files(world)).toHaveLength(1)
  })
})
