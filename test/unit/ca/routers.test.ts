/** Router key rules: a proof of possession, one certificate per key and AS that is held, roll with an overlap, lost and returning AS numbers. */
import { describe, expect, test } from 'vitest'
import { runCa } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { addSeconds } from '../../../src/core/base/time.js'
import type { CaCommand } from '../../../src/core/ca/aggregate.js'
import { dueRemovals } from '../../../src/core/ca/products/router-objects.js'
import { dueTimes } from '../../../src/core/ca/publishing.js'
import { configuredRouters, type RouterAddition } from '../../../src/core/ca/routers.js'
import { seq } from '../../../src/core/der/writer.js'
import { Rejected } from '../../../src/core/eventsourcing/work.js'
import { DEFAULT_TIMING } from '../../../src/core/issuing/timing.js'
import { decodeRouterCertificate } from '../../../src/core/rpki/router-certificate.js'
import { updateIn } from '../../support/rpki/children.js'
import { ecKey, routerRequest } from '../../support/rpki/router-requests.js'
import { chainOf, emptyWorld, type World } from '../../support/rpki/small-world.js'

const ACME = parseHandle('acme')
const [FIRST, SECOND] = [ecKey(), ecKey()]
const requestOf = (key = FIRST, patch = {}): string =>
  Buffer.from(routerRequest(key, (p) => Object.assign(p, patch))).toString('base64')

const added = (changes: Partial<RouterAddition> = {}): RouterAddition => ({
  asn: 64496,
  request: requestOf(),
  routerId: null,
  comment: null,
  ...changes,
})

const change = (changes: Partial<Extract<CaCommand, { type: 'routers.update' }>>): CaCommand => ({
  type: 'routers.update',
  add: [],
  edit: [],
  remove: [],
  sameKey: false,
  ...changes,
})

async function acme(resources = '192.0.2.0/24, AS64496-AS64500'): Promise<World> {
  const world = emptyWorld({})
  await chainOf(world, ['acme', resources])
  return world
}

const point = (world: World) => Object.values(world.ca('acme').classes)[0]?.keys[0]?.point
const objects = (world: World) => point(world)?.objects ?? {}
const names = (world: World) => configuredRouters(world.ca('acme')).map(({ asn, ski }) => `${asn} ${ski}`)

async function codes(world: World, command: CaCommand): Promise<readonly string[]> {
  const error = await runCa(world.tx, ACME, command).then(
    () => undefined,
    (e: unknown) => e,
  )
  if (!(error instanceof Rejected)) throw new Error('not rejected')
  const { faults } = error.error.details as { faults?: readonly { code: string }[] }
  return faults?.map((f) => f.code) ?? [error.error.code]
}

describe('routers.update', () => {
  test('given the AS, when a key is added, then its certificate with one AS and the name of the router', async () => {
    const world = await acme()
    const events = await runCa(world.tx, ACME, change({ add: [added()] }))
    expect(events.map((e) => e.type)).toEqual(['routers.updated', 'point.issued'])
    const [[name, object] = []] = Object.entries(objects(world))
    const { content, findings } = decodeRouterCertificate(world.tx.work.object(object?.sha256 as never))
    expect(findings).toEqual([])
    expect(content).toMatchObject({ asn: 64496, number: 'C0000201' })
    expect(name).toBe(`ROUTER-0000FBF0-${content?.ski}.cer`)
  })

  test('a name with a BGP Identifier of its own, and one without', async () => {
    const world = await acme()
    const unnamed = requestOf(SECOND, { extensions: [], subject: seq() })
    await runCa(world.tx, ACME, change({ add: [added({ routerId: '198.51.100.7' }), added({ request: unnamed })] }))
    const numbers = Object.values(objects(world)).map(
      ({ sha256 }) => decodeRouterCertificate(world.tx.work.object(sha256)).content,
    )
    expect(numbers.map((c) => c?.number)).toEqual(['C6336407', numbers[1]?.ski.slice(0, 8)])
  })

  test('every violation is reported at once, and nothing changes', async () => {
    const world = await acme()
    const add = [
      added({ asn: 0, request: requestOf(SECOND, { extensions: [] }) }),
      added({ asn: 64511 }),
      added({ request: 'AAAA' }),
      added({ request: requestOf(FIRST, { signer: SECOND }) }),
    ]
    expect(await codes(world, change({ add, remove: ['ROUTER-0000FBF0-00'] }))).toEqual([
      'router-unknown',
      'router-as0',
      'router-not-held',
      'router-other-as',
      'router-not-held',
      'router-other-as',
      'router-request-invalid',
      'router-request-invalid',
      'router-request-invalid',
    ])
    expect([names(world), Object.keys(objects(world))]).toEqual([[], []])
  })

  test('a key is of one AS, unless another one is asked for; the same twice is refused', async () => {
    const world = await acme()
    await runCa(world.tx, ACME, change({ add: [added()] }))
    const other = added({ asn: 64497, request: requestOf(FIRST, { subject: seq() }) })
    expect(await codes(world, change({ add: [added()] }))).toEqual(['router-duplicate'])
    expect(await codes(world, change({ add: [other] }))).toEqual(['router-key-in-use'])
    await runCa(world.tx, ACME, change({ add: [other], sameKey: true }))
    expect(Object.keys(objects(world)).map((name) => name.slice(0, 15))).toEqual(['ROUTER-0000FBF0', 'ROUTER-0000FBF1'])
  })

  test('given one that is removed, then it is withdrawn and revoked; an edit of its name issues it again', async () => {
    const world = await acme()
    await runCa(world.tx, ACME, change({ add: [added()] }))
    const [[name = '', first] = []] = Object.entries(objects(world))
    const router = name.slice(0, -4)
    await runCa(world.tx, ACME, change({ edit: [{ router, routerId: '192.0.2.9', comment: 'edge' }] }))
    const [second] = Object.values(objects(world))
    expect(second?.serial).not.toBe(first?.serial)
    await runCa(world.tx, ACME, change({ remove: [router] }))
    expect(objects(world)).toEqual({})
    expect(point(world)?.revoked.map((r) => r.serial)).toEqual(expect.arrayContaining([first?.serial, second?.serial]))
    expect(await codes(world, change({ remove: [router] }))).toEqual(['router-unknown'])
  })
})

describe('a roll', () => {
  const rolled = async (after: number | null): Promise<{ world: World; old: string; at: ReturnType<World['now']> }> => {
    const world = await acme()
    await runCa(world.tx, ACME, change({ add: [added()] }))
    const [name = ''] = Object.keys(objects(world))
    const replaces = { router: name.slice(0, -4), after }
    const at = world.now()
    await runCa(world.tx, ACME, change({ add: [added({ request: requestOf(SECOND), replaces })] }))
    return { world, old: replaces.router, at }
  }

  test('publishes both, and the old one is due after the overlap', async () => {
    const { world, old } = await rolled(3600)
    expect(Object.keys(objects(world))).toHaveLength(2)
    const since = configuredRouters(world.ca('acme')).find(({ replaces }) => replaces !== undefined)?.since as never
    expect(dueRemovals(world.ca('acme'))).toEqual([{ router: old, at: addSeconds(since, 3600) }])
    expect(dueTimes(world.ca('acme'), DEFAULT_TIMING)?.due).toBe(addSeconds(since, 3600))
    await runCa(world.tx, ACME, change({ remove: [old] }))
    expect(dueRemovals(world.ca('acme'))).toEqual([])
    expect(configuredRouters(world.ca('acme')).map(({ replaces }) => replaces)).toEqual([undefined])
  })

  test('without an overlap the operator removes the old one; the new one has no second old one, and is of the same AS', async () => {
    const { world, old } = await rolled(null)
    expect(dueRemovals(world.ca('acme'))).toEqual([])
    const replaces = { router: old, after: null }
    const third = { request: requestOf(), replaces }
    expect(
      await codes(
        world,
        change({
          add: [added({ ...third, request: requestOf(SECOND, { subject: seq() }), asn: 64497 })],
          sameKey: true,
        }),
      ),
    ).toEqual(['router-other-as', 'router-replaced'])
  })

  test('the old one stays while the AS of the new one is not held', async () => {
    const { world, old } = await rolled(3600)
    await updateIn(world, 'acme', '192.0.2.0/24')
    expect(dueRemovals(world.ca('acme'))).toEqual([])
    await updateIn(world, 'acme', '192.0.2.0/24, AS64496')
    expect(dueRemovals(world.ca('acme')).map(({ router }) => router)).toEqual([old])
  })
})

test('given a key, when its AS is lost, then the certificate is withdrawn and the key kept; when the AS returns, then it is certified again', async () => {
  const world = await acme()
  await runCa(world.tx, ACME, change({ add: [added()] }))
  await updateIn(world, 'acme', '192.0.2.0/24')
  expect(objects(world)).toEqual({})
  expect(names(world)).toHaveLength(1)
  await updateIn(world, 'acme', '192.0.2.0/24, AS64496')
  expect(Object.keys(objects(world))).toHaveLength(1)
})

test('children that shrink, grow and go leave router certificates alone', async () => {
  const world = emptyWorld({})
  await chainOf(world, ['acme', '192.0.2.0/24, AS64496-AS64500'], ['kid', '192.0.2.0/25'])
  await runCa(world.tx, ACME, change({ add: [added()] }))
  const before = Object.entries(objects(world)).find(([name]) => name.startsWith('ROUTER-'))
  expect(Object.keys(objects(world))).toHaveLength(2)
  await updateIn(world, 'kid', '192.0.2.0/26')
  await updateIn(world, 'kid', 'none')
  await runCa(world.tx, ACME, { type: 'republish', force: true })
  expect(Object.entries(objects(world))).toEqual([before])
})

test('a certificate is renewed four weeks before its end, under the same name', async () => {
  const world = await acme()
  await runCa(world.tx, ACME, change({ add: [added()] }))
  const [[name = '', first] = []] = Object.entries(objects(world))
  world.pass(47 * 7 * 86_400)
  await runCa(world.tx, ACME, { type: 'republish', force: true })
  expect(objects(world)[name]?.serial).toBe(first?.serial)
  world.pass(2 * 7 * 86_400)
  await runCa(world.tx, ACME, { type: 'republish', force: false })
  expect(objects(world)[name]?.serial).not.toBe(first?.serial)
})
