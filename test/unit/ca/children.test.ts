/** Parents and children: entitlements, shrinking three levels deep, renewal, removal. */
import { describe, expect, test } from 'vitest'
import { syncResources } from '../../../src/core/app/authority/resource-sync.js'
import { runCa, runTa, TA_HANDLE } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { ca } from '../../../src/core/ca/aggregate.js'
import { entitlementsOf, heldResources } from '../../../src/core/ca/children.js'
import { Rejected } from '../../../src/core/eventsourcing/work.js'
import { formatResources, parseResources } from '../../../src/core/resources/resource-set.js'
import { decodeCertificate } from '../../../src/core/rpki/x509/decode-certificate.js'
import { updateIn } from '../../support/rpki/children.js'
import { chainOf, emptyWorld, type World } from '../../support/rpki/small-world.js'

const WEEK = 7 * 86400
const [TOP, MIDDLE, LEAF] = ['top', 'middle', 'leaf'].map(parseHandle) as [never, never, never]

async function threeLevels(): Promise<World> {
  const world = emptyWorld()
  await chainOf(world, ['top', 'all'], ['middle', '10.0.0.0/8, AS64496-AS64511'], ['leaf', '10.1.0.0/16, AS64500'])
  return world
}

const holds = (world: World, name: string): string => formatResources(heldResources(world.ca(name)))

describe('three levels', () => {
  test('each holds what its parent gave it, in a certificate', async () => {
    const world = await threeLevels()
    expect(holds(world, 'leaf')).toBe('AS64500, 10.1.0.0/16')
    const received = world.ca('leaf').classes['0']?.keys[0]?.certificate
    const certificate = decodeCertificate(world.tx.work.object(received?.sha256 ?? ('' as never))).content
    expect(certificate?.kind).toBe('ca')
    expect(certificate?.issuer).toBe(world.ca('middle').classes['0']?.keys[0]?.ski)
    expect(certificate?.sia).toMatchObject({ caRepository: 'rsync://rpki.example/repo/leaf/0/' })
  })

  test('a shrink at the top reaches the bottom in one pass', async () => {
    const world = await threeLevels()
    const changed = await updateIn(world, 'middle', '10.0.0.0/15, AS64496')
    expect(changed).toEqual(['middle', 'leaf'])
    expect(holds(world, 'leaf')).toBe('10.1.0.0/16')
    await updateIn(world, 'middle', '11.0.0.0/8')
    expect(holds(world, 'leaf')).toBe('none')
    expect(Object.keys(world.ca('leaf').classes)).toEqual([])
  })

  test('resources that return are certified again, under a new class with a new key', async () => {
    const world = await threeLevels()
    await updateIn(world, 'middle', '11.0.0.0/8')
    await updateIn(world, 'middle', '10.0.0.0/8')
    expect(holds(world, 'leaf')).toBe('10.1.0.0/16')
    expect(Object.keys(world.ca('leaf').classes)).toEqual(['1'])
  })

  test('an update that changes nothing is a no-op', async () => {
    const world = await threeLevels()
    const same = {
      type: 'child.update',
      child: MIDDLE,
      resources: parseResources('AS64496-AS64511, 10.0.0.0/8'),
    } as const
    expect(await runCa(world.tx, TOP, same)).toEqual([])
    expect(await syncResources(world.tx, MIDDLE)).toEqual([])
  })

  test('certificates are renewed with fewer than four weeks left, and reach the child', async () => {
    const world = await threeLevels()
    const end = () => world.ca('leaf').classes['0']?.keys[0]?.certificate?.notAfter
    const first = end()
    world.pass(48 * WEEK)
    expect(await syncResources(world.tx, LEAF)).toEqual(['leaf'])
    expect(end()).not.toBe(first)
    expect(await syncResources(world.tx, LEAF)).toEqual([])
  })

  test('a removed child loses its certificate, revoked', async () => {
    const world = await threeLevels()
    const [certificate] = Object.values(world.ca('middle').classes['0']?.keys[0]?.point.objects ?? {})
    await runCa(world.tx, MIDDLE, { type: 'child.remove', child: LEAF })
    const point = world.ca('middle').classes['0']?.keys[0]?.point
    expect(Object.keys(point?.objects ?? {})).toEqual([])
    expect(point?.revoked.map((r) => r.serial)).toContain(certificate?.serial)
    await syncResources(world.tx, LEAF)
    expect(holds(world, 'leaf')).toBe('none')
  })
})

describe('refusals', () => {
  async function refused(run: Promise<unknown>): Promise<string> {
    const error = await run.then(
      () => undefined,
      (e: unknown) => e,
    )
    return error instanceof Rejected ? error.error.code : String(error)
  }

  test('a child beyond what the parent holds, twice, or of itself', async () => {
    const world = await threeLevels()
    const add = (child: string, resources: string) =>
      refused(
        runCa(world.tx, MIDDLE, {
          type: 'child.add',
          child: parseHandle(child),
          resources: parseResources(resources),
        }),
      )
    expect(await add('other', '11.0.0.0/8')).toBe('child-not-held')
    expect(await add('leaf', '10.0.0.0/16')).toBe('child-duplicate')
    expect(await add('middle', '10.0.0.0/16')).toBe('child-self')
  })

  test('an unknown child, a CA that has children', async () => {
    const world = await threeLevels()
    expect(await refused(runCa(world.tx, MIDDLE, { type: 'child.remove', child: TOP }))).toBe('child-unknown')
    expect(await refused(runCa(world.tx, MIDDLE, { type: 'ca.remove' }))).toBe('ca-has-children')
    expect(await refused(runTa(world.tx, TA_HANDLE, { type: 'child.remove', child: LEAF }))).toBe('child-unknown')
  })

  test('a key that another child has', async () => {
    const world = await threeLevels()
    await runCa(world.tx, MIDDLE, { type: 'child.add', child: TOP, resources: parseResources('10.2.0.0/16') })
    const [entitlement] = entitlementsOf(world.ca('middle'), LEAF)
    const issued = entitlement?.issued[0]
    if (issued === undefined) throw new Error('leaf has no certificate')
    const request = { child: TOP, ski: issued.ski, spki: issued.spki, sia: issued.sia }
    expect(await refused(runCa(world.tx, MIDDLE, { type: 'child.certify', className: '0', request }))).toBe(
      'child-key-reuse',
    )
  })
})

test('a removed CA that is added again continues its numbers', async () => {
  const world = await threeLevels()
  await runCa(world.tx, LEAF, { type: 'ca.remove' })
  expect(world.ca('leaf').status).toBe('removed')
  await runCa(world.tx, LEAF, { type: 'ca.add' })
  expect(world.ca('leaf')).toMatchObject({ status: 'active', nextClass: 1, roas: {} })
})

test('evolve leaves the state as it is at an unknown event', () => {
  const state = ca.initial(LEAF)
  expect(ca.evolve(state, { type: 'of.the.future' } as never)).toBe(state)
})
