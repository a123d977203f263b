/** Manifests and CRLs: together, with one number that rises; nothing due, no event. */
import { describe, expect, test } from 'vitest'
import { caState, runCa, runTa, TA_HANDLE } from '../../../src/core/app/session/context.js'
import { AppError } from '../../../src/core/base/errors.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { addSeconds } from '../../../src/core/base/time.js'
import { dueTimes } from '../../../src/core/ca/publishing.js'
import { publishedFiles } from '../../../src/core/ca/state/files.js'
import { decodeCrl } from '../../../src/core/rpki/crl.js'
import { decodeManifest } from '../../../src/core/rpki/manifest.js'
import { decodeSignedObject } from '../../../src/core/rpki/signed-object/decode-envelope.js'
import { chainOf, emptyWorld, START, type World } from '../../support/rpki/small-world.js'

const ACME = parseHandle('acme')
const HOUR = 3600
const republish = { type: 'republish', force: false } as const

async function acme(): Promise<World> {
  const world = emptyWorld()
  await chainOf(world, ['acme', '192.0.2.0/24'])
  return world
}

const point = (world: World) => {
  const found = world.ca('acme').classes['0']?.keys[0]?.point
  if (found === undefined) throw new Error('acme publishes nothing')
  return found
}

describe('republish', () => {
  test('given a fresh manifest, when nothing is due, then nothing happens', async () => {
    const world = await acme()
    world.pass(16 * HOUR - 1)
    expect(await runCa(world.tx, ACME, republish)).toEqual([])
  })

  test('given fewer than 8 hours left, then a new manifest and CRL', async () => {
    const world = await acme()
    const before = point(world)
    world.pass(16 * HOUR)
    const events = await runCa(world.tx, ACME, republish)
    expect(events.map((e) => e.type)).toEqual(['point.issued'])
    expect(point(world).number).toBe(before.number + 1)
    expect(point(world).nextUpdate).toBe(addSeconds(world.now(), 24 * HOUR))
  })

  test('forced: also if not due; thisUpdate rises by a second within one', async () => {
    const world = await acme()
    const before = point(world)
    await runCa(world.tx, ACME, { type: 'republish', force: true })
    expect(point(world).thisUpdate).toBe(addSeconds(before.thisUpdate ?? START, 1))
  })

  test('after 300 publications in one second the next waits for time to pass', async () => {
    const world = await acme()
    const more = async (): Promise<void> => void (await runCa(world.tx, ACME, { type: 'republish', force: true }))
    for (let i = 0; i < 300; i++) await more()
    expect(point(world).thisUpdate).toBe(world.now())
    await expect(more()).rejects.toMatchObject({ code: 'wait-a-second', retryAfter: 1 })
    world.pass(1)
    await more()
    expect(point(world).thisUpdate).toBe(world.now())
  })

  test('with a clock behind the last manifest signing is refused', async () => {
    const world = await acme()
    world.pass(-HOUR)
    const error = await runCa(world.tx, ACME, { type: 'republish', force: true }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(AppError)
    expect(error).toMatchObject({ code: 'clock-behind' })
  })

  test('numbers continue at a floor that was raised', async () => {
    const world = await acme()
    await runCa(world.tx, ACME, { type: 'numbers.raise', atLeast: 1_800_000_000 })
    await runCa(world.tx, ACME, { type: 'republish', force: true })
    expect(point(world).number).toBe(1_800_000_000)
  })
})

describe('manifest and CRL', () => {
  test('one number, the same times, and every file of the point', async () => {
    const world = await acme()
    const { manifest, crl } = point(world)
    if (manifest === null || crl === null) throw new Error('no manifest')
    const envelope = decodeSignedObject(world.tx.work.object(manifest.sha256)).content
    const content = decodeManifest(envelope?.eContent ?? new Uint8Array()).content
    const list = decodeCrl(world.tx.work.object(crl.sha256)).content
    expect(content?.number).toBe(list?.number)
    expect([content?.thisUpdate, content?.nextUpdate]).toEqual([list?.thisUpdate, list?.nextUpdate])
    expect([envelope?.ee.notBefore, envelope?.ee.notAfter]).toEqual([content?.thisUpdate, content?.nextUpdate])
    const names = publishedFiles(world.ca('acme')).map((f) => f.name.slice(2))
    expect(content?.files.map((f) => f.name).sort()).toEqual(names.filter((n) => !n.endsWith('.mft')).sort())
  })

  test('the manifest before is revoked, and leaves the CRL once it has expired', async () => {
    const world = await acme()
    const serial = point(world).manifest?.serial
    world.pass(17 * HOUR)
    await runCa(world.tx, ACME, republish)
    expect(point(world).revoked.map((r) => r.serial)).toEqual([serial])
    world.pass(17 * HOUR)
    await runCa(world.tx, ACME, republish)
    expect(point(world).revoked.map((r) => r.serial)).not.toContain(serial)
  })
})

describe('due times', () => {
  test('are when the next run issues something, and when the first object goes stale', async () => {
    const world = await acme()
    const times = dueTimes(caState(world.tx.work, ACME), world.tx.ports.timing)
    expect(times).toEqual({ due: addSeconds(START, 16 * HOUR), staleAt: addSeconds(START, 24 * HOUR) })
  })

  test('the trust anchor follows the same rule', async () => {
    const world = await acme()
    expect(await runTa(world.tx, TA_HANDLE, republish)).toEqual([])
    world.pass(16 * HOUR)
    expect((await runTa(world.tx, TA_HANDLE, republish)).map((e) => e.type)).toEqual(['point.issued'])
  })
})
