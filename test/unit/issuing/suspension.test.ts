/** Suspension of a CA by its parent in the same data directory: what stays, what is valid again afterwards, and what changes in between. */
import { X509Certificate } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { diffVisibility, visibleObjects } from '../../../src/core/app/authority/impact.js'
import { activateDue, activateRoll, cancelRoll, startRoll } from '../../../src/core/app/authority/keyroll-steps.js'
import { revokeAtParent, syncResources } from '../../../src/core/app/authority/resource-sync.js'
import { runCa, runTa, TA_HANDLE } from '../../../src/core/app/session/context.js'
import { suspendedAt } from '../../../src/core/app/session/suspended-by.js'
import { type Handle, parseHandle } from '../../../src/core/base/handle.js'
import { ca } from '../../../src/core/ca/aggregate.js'
import { dueTimes } from '../../../src/core/ca/publishing.js'
import { currentKey, type ReceivedCertificate, type ResourceClass } from '../../../src/core/ca/state/state.js'
import type { Child } from '../../../src/core/issuing/children.js'
import { formatResources, fromResourceText } from '../../../src/core/resources/resource-set.js'
import { parseRoaPayload } from '../../../src/core/resources/roa-payload.js'
import { decodeCrl } from '../../../src/core/rpki/crl.js'
import { ta } from '../../../src/core/ta/aggregate.js'
import { updateIn } from '../../support/rpki/children.js'
import { chainOf, emptyWorld, type World } from '../../support/rpki/small-world.js'

const DAY = 86_400
const [TOP, MID, LOW] = ['top', 'mid', 'low'].map(parseHandle) as [Handle, Handle, Handle]
const ROLL = { className: null, activateAfter: null, compromised: false }
const NOW = { className: null, now: true, compromised: false }

/** CAs `top`, `mid` and `low`, each under the one before it, with a ROA each. */
async function family(): Promise<World> {
  const world = emptyWorld()
  await chainOf(world, ['top', '10.0.0.0/8, AS64496'], ['mid', '10.1.0.0/16'], ['low', '10.1.1.0/24'])
  await addRoa(world, TOP, '10.0.0.0/24 => 64496')
  await addRoa(world, MID, '10.1.0.0/24 => 64497')
  await addRoa(world, LOW, '10.1.1.0/24 => 64498')
  world.pass(60)
  return world
}

async function addRoa(world: World, handle: Handle, text: string): Promise<void> {
  const found = parseRoaPayload(text)
  const payload = 'ok' in found ? found.ok.payload : expect.fail(text)
  await runCa(world.tx, handle, { type: 'roas.update', add: [{ payload, comment: null }], remove: [] })
}

const parentOf = (child: Handle): Handle => (child === TOP ? TA_HANDLE : child === MID ? TOP : MID)

async function run(world: World, child: Handle, type: 'child.suspend' | 'child.unsuspend' | 'child.remove') {
  const parent = parentOf(child)
  const command = { type, child }
  const events = parent === TA_HANDLE ? runTa(world.tx, parent, command) : runCa(world.tx, parent, command)
  const done = await events
  await syncResources(world.tx, child)
  return done
}
const suspend = (world: World, child: Handle) => run(world, child, 'child.suspend')
const unsuspend = (world: World, child: Handle) => run(world, child, 'child.unsuspend')

const classOf = (world: World, handle: Handle): ResourceClass =>
  world.ca(handle).classes['0'] ?? expect.fail(`${handle} has no class 0`)
const keyOf = (world: World, handle: Handle) =>
  currentKey(classOf(world, handle)) ?? expect.fail(`${handle} has no key`)
const childOf = (world: World, child: Handle): Child => {
  const parent = parentOf(child)
  const { children } = parent === TA_HANDLE ? world.ta() : world.ca(parent)
  return children[child] ?? expect.fail(`no child ${child}`)
}
const pointOf = (world: World, parent: Handle) => (parent === TA_HANDLE ? world.ta().point : keyOf(world, parent).point)
const contactOf = (world: World, child: Handle) => {
  const contact = world.ca(child).parents[parentOf(child)]
  return contact?.transport === 'local' ? contact : expect.fail('no local parent')
}
const certificates = (world: World, parent: Handle): readonly string[] =>
  Object.keys(pointOf(world, parent).objects).filter((name) => name.endsWith('.cer'))
const serialOf = (world: World, { sha256 }: ReceivedCertificate): string =>
  new X509Certificate(world.tx.work.object(sha256)).serialNumber
function isRevoked(world: World, parent: Handle, serial: string): boolean {
  const crl = pointOf(world, parent).crl ?? expect.fail('no CRL')
  const { content } = decodeCrl(world.tx.work.object(crl.sha256))
  return content?.revoked.some((one) => BigInt(one.serial) === BigInt(`0x${serial}`)) === true
}
const held = (world: World, handle: Handle): string =>
  formatResources(fromResourceText(keyOf(world, handle).certificate.resources))
const visible = (world: World): readonly string[] =>
  [...visibleObjects(world.tx, world.tx.ports.timing).values()].flatMap(({ impact, published }) =>
    published ? [impact.ca as string] : [],
  )

describe.each([TOP, MID])('%s is suspended and let back in', (child) => {
  it('keeps its class, key and objects, gets a new certificate for the same key and issues nothing', async () => {
    const world = await family()
    const before = [TOP, MID, LOW].map((handle) => world.ca(handle))
    const { certificate } = keyOf(world, child)
    const serial = serialOf(world, certificate)
    const parent = parentOf(child)
    await suspend(world, child)
    expect(world.ca(child)).toEqual(before[[TOP, MID, LOW].indexOf(child)])
    expect(certificates(world, parent)).toEqual([])
    expect(isRevoked(world, parent, serial)).toBe(true)
    expect(childOf(world, child)).toMatchObject({ issued: {}, parked: { [keyOf(world, child).ski]: { class: '0' } } })

    world.pass(3600)
    const points = [TOP, MID, LOW].map((handle) => (handle === parent ? undefined : keyOf(world, handle).point))
    await unsuspend(world, child)
    expect([TOP, MID, LOW].map((handle) => (handle === parent ? undefined : keyOf(world, handle).point))).toEqual(
      points,
    )
    const after = keyOf(world, child)
    expect(after.certificate).toMatchObject({ uri: certificate.uri, resources: certificate.resources })
    expect(certificates(world, parent)).toEqual([`${after.ski}.cer`])
    expect(pointOf(world, parent).objects[`${after.ski}.cer`]?.sha256).toBe(after.certificate.sha256)
    expect(isRevoked(world, parent, serialOf(world, after.certificate))).toBe(false)
    expect(childOf(world, child).parked).toBeUndefined()
    expect(Object.keys(world.ca(child).classes)).toEqual(['0'])
  })

  it('reports the ROAs of all CAs below as lost, and as regained', async () => {
    const world = await family()
    const below = child === TOP ? ['low', 'mid', 'top'] : ['low', 'mid']
    const states = () => visibleObjects(world.tx, world.tx.ports.timing)
    const before = states()
    await suspend(world, child)
    const during = states()
    await unsuspend(world, child)
    expect(diffVisibility(before, during)).toMatchObject({ lost: below.map((one) => ({ ca: one })), regained: [] })
    expect(diffVisibility(during, states())).toMatchObject({ lost: [], regained: below.map((one) => ({ ca: one })) })
  })
})

describe('while a CA is suspended', () => {
  it('renews manifests and CRLs, and no certificate', async () => {
    const world = await family()
    await suspend(world, MID)
    const { certificate, point } = keyOf(world, MID)
    const since = suspendedAt(world.tx, world.ca('mid'), TOP)
    expect(since).toBe(world.now())
    for (let month = 0; month < 30; month += 1) {
      world.pass(30 * DAY)
      for (const handle of [MID, LOW]) {
        await syncResources(world.tx, handle)
        await activateDue(world.tx, handle)
        await runCa(world.tx, handle, { type: 'republish', force: false })
      }
    }
    expect(keyOf(world, MID).certificate).toEqual(certificate)
    expect(certificate.notAfter < world.now()).toBe(true)
    expect(keyOf(world, MID).point.number).toBeGreaterThan(point.number)
    const { timing } = world.tx.ports
    const isRenewed = ({ parent }: ResourceClass) => suspendedAt(world.tx, world.ca('mid'), parent) === undefined
    expect(dueTimes(world.ca('mid'), timing, undefined, isRenewed)?.due).toSatisfy((at: string) => at > world.now())
    expect(dueTimes(world.ca('mid'), timing)?.due).toSatisfy((at: string) => at < world.now())
    // expired meanwhile: the new one lasts
    await unsuspend(world, MID)
    expect(keyOf(world, MID).certificate.notAfter > world.now()).toBe(true)
    expect(visible(world)).toEqual(['low', 'mid', 'top'])
  })

  it('changes nothing by a sync or by a second suspension', async () => {
    const world = await family()
    await suspend(world, MID)
    const state = world.ca('mid')
    expect(await syncResources(world.tx, [TOP, MID, LOW])).toEqual([])
    expect(await suspend(world, MID)).toEqual([])
    expect(world.ca('mid')).toEqual(state)
  })

  it.each([
    ['grows', '10.1.0.0/16, 10.2.0.0/16', '10.1.0.0-10.2.255.255', ['low', 'mid', 'top']],
    ['shrinks', '10.1.1.0/24', '10.1.1.0/24', ['low', 'top']],
  ])('takes effect at its end that the entitlement %s', async (_, resources, after, roas) => {
    const world = await family()
    const { ski } = keyOf(world, MID)
    await suspend(world, MID)
    await updateIn(world, 'mid', resources)
    expect(held(world, MID)).toBe('10.1.0.0/16')
    await unsuspend(world, MID)
    expect(held(world, MID)).toBe(after)
    expect(keyOf(world, MID).ski).toBe(ski)
    expect(visible(world)).toEqual(roas)
  })

  it('removes the class at its end where the child is entitled to nothing any more', async () => {
    const world = await family()
    await suspend(world, MID)
    await updateIn(world, 'mid', 'none')
    expect(Object.keys(world.ca('mid').classes)).toEqual(['0'])
    await unsuspend(world, MID)
    expect([world.ca('mid').classes, world.ca('low').classes]).toEqual([{}, {}])
    expect(certificates(world, TOP)).toEqual([])
  })

  it('removes the class with the child', async () => {
    const world = await family()
    await suspend(world, MID)
    await run(world, MID, 'child.remove')
    expect([world.ca('mid').classes, world.ca('low').classes]).toEqual([{}, {}])
  })

  it('certifies no key any more of a CA that left', async () => {
    const world = await family()
    const { ski } = keyOf(world, MID)
    await suspend(world, MID)
    await revokeAtParent(world.tx, contactOf(world, MID), [ski])
    await runCa(world.tx, MID, { type: 'parent.remove', parent: TOP })
    await unsuspend(world, MID)
    expect(certificates(world, TOP)).toEqual([])
    expect(childOf(world, MID).issued).toEqual({})
  })

  it('follows the parent to its new key', async () => {
    const world = await family()
    await suspend(world, MID)
    await startRoll(world.tx, TOP, ROLL)
    await activateRoll(world.tx, TOP, NOW)
    const points = keyOf(world, LOW).point
    await unsuspend(world, MID)
    const { certificate } = keyOf(world, MID)
    const issuer = new X509Certificate(world.tx.work.object(certificate.sha256)).issuer
    expect(issuer).toContain(keyOf(world, TOP).ski)
    expect(keyOf(world, LOW).point).toEqual(points)
  })
})

describe('a key roll of a suspended CA', () => {
  const states = (world: World) => classOf(world, MID).keys.map(({ state }) => state)

  it('waits for the certificate where it begins meanwhile', async () => {
    const world = await family()
    await suspend(world, MID)
    await startRoll(world.tx, MID, ROLL)
    expect(states(world)).toEqual(['current', 'pending'])
    await unsuspend(world, MID)
    expect(states(world)).toEqual(['current', 'new'])
    expect(certificates(world, TOP)).toHaveLength(2)
    await activateRoll(world.tx, MID, NOW)
    expect(states(world)).toEqual(['current'])
    expect(visible(world)).toEqual(['low', 'mid', 'top'])
  })

  it.each([false, true])('ends for ever the key that is given up meanwhile; compromised: %s', async (compromised) => {
    const world = await family()
    const old = keyOf(world, MID).ski
    await startRoll(world.tx, MID, ROLL)
    await suspend(world, MID)
    expect(Object.keys(childOf(world, MID).parked ?? {})).toHaveLength(2)
    await activateRoll(world.tx, MID, { ...NOW, compromised })
    expect(states(world)).toEqual(['current'])
    const { ski } = keyOf(world, MID)
    expect(ski).not.toBe(old)
    expect(Object.keys(childOf(world, MID).parked ?? {})).toEqual([ski])
    await unsuspend(world, MID)
    expect(certificates(world, TOP)).toEqual([`${ski}.cer`])
    expect(visible(world)).toEqual(['low', 'mid', 'top'])
  })

  it('is cancelled', async () => {
    const world = await family()
    const { ski } = keyOf(world, MID)
    await startRoll(world.tx, MID, ROLL)
    await suspend(world, MID)
    await cancelRoll(world.tx, MID, null)
    expect(states(world)).toEqual(['current'])
    await unsuspend(world, MID)
    expect(certificates(world, TOP)).toEqual([`${ski}.cer`])
  })
})

describe('a suspension that was recorded before certificates were kept', () => {
  it('keeps none: the CA loses its class and requests another key when it is back', async () => {
    const world = await family()
    const event = { type: 'child.suspended', child: MID, at: world.now() } as const
    const kept = ca.evolve(world.ca('top'), { ...event, parks: true }).children['mid']
    expect(kept?.parked).toBeDefined()
    expect(ca.evolve(world.ca('top'), event).children['mid']).toMatchObject({ suspended: world.now() })
    expect(ca.evolve(world.ca('top'), event).children['mid']?.parked).toBeUndefined()
    const anchor = ta.evolve(world.ta(), { ...event, child: TOP })
    expect(anchor.children['top']?.parked).toBeUndefined()
  })
})
