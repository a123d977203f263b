/** ASPA rules: a set is applied completely or not at all, one object per customer AS that is held, renewal, lost and returning AS numbers. */
import { describe, expect, test } from 'vitest'
import { runCa } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { CaCommand } from '../../../src/core/ca/aggregate.js'
import type { AspaEdit } from '../../../src/core/ca/aspas.js'
import { configuredAspas } from '../../../src/core/ca/aspas.js'
import { Rejected } from '../../../src/core/eventsourcing/work.js'
import { parseAspaPayload } from '../../../src/core/resources/aspa-payload.js'
import { decodeAspa } from '../../../src/core/rpki/aspa.js'
import { decodeSignedObject } from '../../../src/core/rpki/signed-object/decode-envelope.js'
import { updateIn } from '../../support/rpki/children.js'
import { chainOf, emptyWorld, type World } from '../../support/rpki/small-world.js'

const ACME = parseHandle('acme')

const change = (
  add: readonly (readonly [number, readonly number[]])[],
  edit: readonly AspaEdit[] = [],
  remove: readonly number[] = [],
): CaCommand => ({
  type: 'aspas.update',
  add: add.map(([customer, providers]) => ({ payload: { customer, providers }, comment: null })),
  edit,
  remove,
})

async function acme(resources = '192.0.2.0/24, AS64496-AS64500'): Promise<World> {
  const world = emptyWorld({})
  await chainOf(world, ['acme', resources])
  return world
}

const objects = (world: World) =>
  Object.assign({}, ...Object.values(world.ca('acme').classes).map((c) => c.keys[0]?.point.objects ?? {}))

async function codes(world: World, command: CaCommand): Promise<readonly string[]> {
  const error = await runCa(world.tx, ACME, command).then(
    () => undefined,
    (e: unknown) => e,
  )
  if (!(error instanceof Rejected)) throw new Error('not rejected')
  const { faults } = error.error.details as { faults?: readonly { code: string }[] }
  return faults?.map((f) => f.code) ?? [error.error.code]
}

describe('aspas.update', () => {
  test('given the customer AS, when an ASPA is added, then one object with its providers in order', async () => {
    const world = await acme()
    const events = await runCa(world.tx, ACME, change([[64496, [64499, 64497]]]))
    expect(events.map((e) => e.type)).toEqual(['aspas.updated', 'point.issued'])
    expect(Object.keys(objects(world))).toEqual(['AS64496.asa'])
    const signed = decodeSignedObject(world.tx.work.object(objects(world)['AS64496.asa'].sha256))
    const { content, findings } = decodeAspa(signed.content?.eContent ?? new Uint8Array())
    expect([content, findings]).toEqual([{ customer: 64496, providers: [64497, 64499] }, []])
  })

  test('every violation is reported at once, and nothing changes', async () => {
    const world = await acme()
    const wrong = change([
      [64496, [0, 64497]],
      [64497, [64497, 1, 1]],
      [64498, []],
      [64511, [1]],
    ])
    expect(await codes(world, wrong)).toEqual([
      'aspa-as0',
      'aspa-provider-duplicate',
      'aspa-customer-provider',
      'aspa-empty',
      'aspa-not-held',
    ])
    expect(configuredAspas(world.ca('acme'))).toEqual([])
  })

  test.each([
    [9_999, true],
    [10_000, false],
  ])('%i providers: accepted %s', async (count, isAccepted) => {
    const world = await acme()
    const command = change([[64496, Array.from({ length: count }, (_, i) => i + 100_000)]])
    if (isAccepted) expect(await runCa(world.tx, ACME, command)).toHaveLength(2)
    else expect(await codes(world, command)).toEqual(['aspa-too-many-providers'])
  })

  test('an edit adds and removes providers, and issues the object again', async () => {
    const world = await acme()
    await runCa(world.tx, ACME, change([[64496, [1, 2]]]))
    const before = objects(world)['AS64496.asa'].serial
    await runCa(world.tx, ACME, change([], [{ customer: 64496, add: [3], remove: [1] }]))
    expect(configuredAspas(world.ca('acme'))[0]?.providers).toEqual([2, 3])
    expect(objects(world)['AS64496.asa'].serial).not.toBe(before)
    const bad = change([], [{ customer: 64496, add: [2], remove: [9] }])
    expect(await codes(world, bad)).toEqual(['aspa-provider-unknown', 'aspa-provider-duplicate'])
  })

  test('given one that is removed, then it is withdrawn and revoked; removed again, then rejected', async () => {
    const world = await acme()
    await runCa(world.tx, ACME, change([[64496, [1]]]))
    const { serial } = objects(world)['AS64496.asa']
    await runCa(world.tx, ACME, change([], [], [64496]))
    expect(objects(world)).toEqual({})
    const revoked = Object.values(world.ca('acme').classes)[0]?.keys[0]?.point.revoked.map((r) => r.serial)
    expect(revoked).toContain(serial)
    expect(await codes(world, change([], [], [64496]))).toEqual(['aspa-unknown'])
  })
})

test('given an ASPA, when its customer AS is lost, then it is withdrawn and kept; when the AS returns, then it is published again', async () => {
  const world = await acme()
  await runCa(world.tx, ACME, change([[64496, [1]]]))
  await updateIn(world, 'acme', '192.0.2.0/24')
  expect(objects(world)).toEqual({})
  expect(configuredAspas(world.ca('acme'))).toHaveLength(1)
  await updateIn(world, 'acme', '192.0.2.0/24, AS64496')
  expect(Object.keys(objects(world))).toEqual(['AS64496.asa'])
})

test('a text is read in any order and refused with each fault', () => {
  expect(parseAspaPayload('64496 => AS2, 1 # transit')).toEqual({
    ok: { payload: { customer: 64496, providers: [1, 2] }, comment: 'transit' },
  })
  expect(parseAspaPayload('AS64496=1,x')).toMatchObject({ faults: [{ code: 'aspa-asn-invalid' }] })
  expect(parseAspaPayload('64496')).toMatchObject({ faults: [{ code: 'aspa-syntax' }] })
})
