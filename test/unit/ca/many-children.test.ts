/** Changes of many children in one commit: the parent issues one manifest and one CRL for all of them. */
import { describe, expect, test } from 'vitest'
import { createCa, placeAllUnder } from '../../../src/core/app/authority/cas.js'
import { syncResources } from '../../../src/core/app/authority/resource-sync.js'
import { commandSummary } from '../../../src/core/app/proof/command-summary.js'
import { runCa, runTa, TA_HANDLE } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { ca } from '../../../src/core/ca/aggregate.js'
import { heldResources } from '../../../src/core/ca/children.js'
import { keyIdOf } from '../../../src/core/crypto/digest.js'
import { Rejected } from '../../../src/core/eventsourcing/work.js'
import type { ChildRequest } from '../../../src/core/issuing/children.js'
import type { PublicationPoint } from '../../../src/core/issuing/point.js'
import { formatResources, parseResources } from '../../../src/core/resources/resource-set.js'
import { decodeCrl } from '../../../src/core/rpki/crl.js'
import { ta } from '../../../src/core/ta/aggregate.js'
import { updateIn } from '../../support/rpki/children.js'
import { fixedKey } from '../../support/rpki/fixed-keys.js'
import { chainOf, emptyWorld, type World } from '../../support/rpki/small-world.js'

const TOP = parseHandle('top')
const CHILDREN = Array.from({ length: 20 }, (_, n) => parseHandle(`child-${n}`))
const prefixOf = (n: number): string => `10.${n}.0.0/16`

/** CA `top` with twenty children; it holds the prefixes of the first `held` of them. */
async function family(held: number): Promise<World> {
  const world = emptyWorld()
  await chainOf(world, ['top', '10.0.0.0/8'])
  for (const handle of CHILDREN) await createCa(world.tx, handle)
  const places = CHILDREN.map((handle, n) => ({ handle, resources: parseResources(prefixOf(n)) }))
  await placeAllUnder(world.tx, TOP, places)
  if (held < CHILDREN.length)
    await updateIn(
      world,
      'top',
      CHILDREN.slice(0, held)
        .map((_, n) => prefixOf(n))
        .join(', '),
    )
  return world
}

const pointOf = (world: World, name: string): PublicationPoint => {
  const point = world.ca(name).classes['0']?.keys[0]?.point
  if (point === undefined) throw new Error(`${name} issues nothing`)
  return point
}
const numberOf = (world: World): number => pointOf(world, 'top').number
const crlNumberOf = (world: World): bigint => {
  const { crl } = pointOf(world, 'top')
  if (crl === null) throw new Error('no CRL')
  const { content } = decodeCrl(world.tx.work.object(crl.sha256))
  if (content === undefined) throw new Error('not a CRL')
  return content.number
}
const holding = (world: World): number =>
  CHILDREN.filter((name) => formatResources(heldResources(world.ca(name))) !== 'none').length

describe('one manifest and one CRL of the parent', () => {
  test('when children are added', async () => {
    const world = emptyWorld()
    await chainOf(world, ['top', '10.0.0.0/8'])
    const [manifest, crl] = [numberOf(world), crlNumberOf(world)]
    for (const handle of CHILDREN) await createCa(world.tx, handle)
    const places = CHILDREN.map((handle, n) => ({ handle, resources: parseResources(prefixOf(n)) }))
    await placeAllUnder(world.tx, TOP, places)
    expect(holding(world)).toBe(20)
    expect(Object.keys(pointOf(world, 'top').objects)).toHaveLength(20)
    expect([numberOf(world) - manifest, crlNumberOf(world) - crl]).toEqual([1, 1n])
    for (const name of CHILDREN) expect(pointOf(world, name).number).toBe(1)
  })

  test('when its growth reaches them, and when it shrinks', async () => {
    const world = await family(4)
    expect(holding(world)).toBe(4)
    const before = numberOf(world)
    expect(await updateIn(world, 'top', '10.0.0.0/8')).toEqual(['top', ...CHILDREN.slice(4).sort()])
    expect([holding(world), numberOf(world) - before]).toEqual([20, 1])
    await updateIn(world, 'top', '10.0.0.0/15')
    expect([holding(world), numberOf(world) - before]).toEqual([2, 2])
  })

  test('when each of them rolls its key', async () => {
    const world = await family(20)
    for (const name of CHILDREN.slice(0, 8))
      await runCa(world.tx, name, { type: 'keyroll.init', className: null, activateAfter: 0, compromised: false })
    const before = numberOf(world)
    await syncResources(world.tx, CHILDREN)
    expect(numberOf(world) - before).toBe(1)
    expect(Object.keys(pointOf(world, 'top').objects)).toHaveLength(28)
    for (const name of CHILDREN.slice(0, 8))
      await runCa(world.tx, name, {
        type: 'keyroll.activate',
        className: null,
        at: null,
        compromised: false,
        awaitsParent: [],
      })
    await syncResources(world.tx, CHILDREN)
    expect(numberOf(world) - before).toBe(2)
    expect(Object.keys(pointOf(world, 'top').objects)).toHaveLength(20)
    for (const name of CHILDREN) expect(world.ca(name).classes['0']?.keys).toHaveLength(1)
  })

  test('when they are suspended at once', async () => {
    const world = await family(20)
    const before = numberOf(world)
    const [child, ...also] = CHILDREN
    if (child === undefined) throw new Error('no child')
    await runCa(world.tx, TOP, { type: 'child.suspend', child, also })
    expect(numberOf(world) - before).toBe(1)
    expect(Object.keys(pointOf(world, 'top').objects)).toEqual([])
    expect(await runCa(world.tx, TOP, { type: 'child.suspend', child, also })).toEqual([])
  })
})

/** Requests with made-up keys: as many as there would be in a large registry. */
function requests(count: number): readonly ChildRequest[] {
  const der = fixedKey(0).spki
  return Array.from({ length: count }, (_, n) => {
    const bytes = Uint8Array.from(der)
    bytes[100] = n & 255
    bytes[101] = n >> 8
    const sia = { caRepository: `rsync://rpki.example/repo/c${n}/`, manifest: `rsync://rpki.example/repo/c${n}/m.mft` }
    return { child: parseHandle(`c${n}`), ski: keyIdOf(bytes), spki: Buffer.from(bytes).toString('base64'), sia }
  })
}

test('more children than a second has numbers for do not stop', async () => {
  const world = emptyWorld()
  await chainOf(world, ['top', 'all'])
  const all = requests(1000)
  const resources = parseResources('10.0.0.0/8')
  for (const { child } of all) await runCa(world.tx, TOP, { type: 'child.add', child, resources })
  const before = numberOf(world)
  const certify = all.map((request) => ({ className: '0', request }))
  await runCa(world.tx, TOP, { type: 'children.certify', certify, revoke: [] })
  expect(Object.keys(pointOf(world, 'top').objects)).toHaveLength(1000)
  const revoke = all.slice(0, 400).map(({ child, ski }) => ({ child, ski }))
  await runCa(world.tx, TOP, { type: 'children.certify', certify: [], revoke })
  expect(Object.keys(pointOf(world, 'top').objects)).toHaveLength(600)
  expect(numberOf(world) - before).toBe(2)
  expect(pointOf(world, 'top').revoked.length).toBeGreaterThanOrEqual(400)
})

test('the trust anchor does so too', async () => {
  const world = emptyWorld()
  await chainOf(world, ['top', '10.0.0.0/8'])
  const all = requests(3)
  const resources = parseResources('10.0.0.0/8')
  for (const { child } of all) await runTa(world.tx, TA_HANDLE, { type: 'child.add', child, resources })
  const before = world.ta().point.number
  const [first, ...others] = all
  if (first === undefined) throw new Error('no request')
  await runTa(world.tx, TA_HANDLE, { type: 'child.certify', request: first })
  const certify = others.map((request) => ({ request }))
  const revoke = [{ child: first.child, ski: first.ski }]
  await runTa(world.tx, TA_HANDLE, { type: 'children.certify', certify, revoke })
  expect(world.ta().point.number - before).toBe(2)
  expect(Object.keys(world.ta().point.objects)).toHaveLength(3)
})

test('a list is refused as each of its requests would be, and with a key twice', async () => {
  const world = emptyWorld()
  await chainOf(world, ['top', '10.0.0.0/8'])
  const [one, two] = requests(2)
  if (one === undefined || two === undefined) throw new Error('no request')
  const resources = parseResources('10.0.0.0/8')
  for (const child of [one.child, two.child]) await runCa(world.tx, TOP, { type: 'child.add', child, resources })
  const codes = async (all: readonly ChildRequest[], revoke: readonly ChildRequest[] = []): Promise<string> => {
    const certify = all.map((request) => ({ className: '0', request }))
    const command = { type: 'children.certify', certify, revoke } as const
    const error = await runCa(world.tx, TOP, command).catch((e: unknown) => e)
    return error instanceof Rejected ? error.error.code : String(error)
  }
  expect(await codes([one, { ...two, child: parseHandle('nobody') }])).toBe('child-unknown')
  expect(await codes([one, { ...two, ski: one.ski, spki: one.spki }])).toBe('child-key-reuse')
  expect(await codes([one], [two])).toBe('child-key-unknown')
})

test('history says how many', () => {
  const [one, two] = requests(2)
  if (one === undefined || two === undefined) throw new Error('no request')
  const certify = [one, two].map((request) => ({ className: '0', request }))
  const said = (revoke: readonly ChildRequest[]): string =>
    commandSummary('ca', ca.summarize({ type: 'children.certify', certify, revoke }))
  expect(said([])).toBe('2 certificates')
  expect(said([one])).toBe('2 certificates, 1 key revoked')
  const ofTa = ta.summarize({ type: 'children.certify', certify: [{ request: one }], revoke: [] })
  expect(ofTa.args).toEqual({ certified: [{ child: 'c0', ski: one.ski }], revoked: [] })
  const suspended = ca.summarize({ type: 'child.suspend', child: one.child, also: [two.child] })
  expect(commandSummary('ca', suspended)).toBe('child c0 and 1 more')
  expect(ca.summarize({ type: 'child.suspend', child: one.child }).args).toEqual({ child: 'c0' })
})
