/** The trust anchor: its key and certificate, its children, and when it issues again. */
import { describe, expect, test } from 'vitest'
import { runTa, TA_HANDLE } from '../../../src/core/app/session/context.js'
import { toBase64 } from '../../../src/core/base/bytes.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { Rejected } from '../../../src/core/eventsourcing/work.js'
import { parseResources, toResourceText } from '../../../src/core/resources/resource-set.js'
import { type TaCommand, type TaEvent, ta } from '../../../src/core/ta/aggregate.js'
import { taEntitlementsOf } from '../../../src/core/ta/children.js'
import { emptyWorld, type World } from '../../support/rpki/small-world.js'

const DAY = 86400
const CHILD = parseHandle('acme')
const PLACE = {
  uris: ['https://rpki.example/ta/ta.cer', 'rsync://rpki.example/ta/ta.cer'],
  base: 'rsync://rpki.example/repo/ta/',
  notify: 'https://rpki.example/rrdp/notification.xml',
}
const SIA = { caRepository: 'rsync://rpki.example/repo/acme/0/', manifest: 'rsync://rpki.example/repo/acme/0/x.mft' }

const run = (world: World, command: TaCommand) => runTa(world.tx, TA_HANDLE, command)
const types = async (events: Promise<readonly TaEvent[]>) => (await events).map(({ type }) => type)
const resources = (text: string) => parseResources(text)

async function given(): Promise<World> {
  const world = emptyWorld()
  await run(world, { type: 'ta.init', place: PLACE })
  return world
}

/** A trust anchor with the child `acme`, which has a certificate. */
async function givenChild(): Promise<World> {
  const world = await given()
  await run(world, { type: 'child.add', child: CHILD, resources: resources('10.0.0.0/8') })
  const { id: ski, spki } = await world.tx.ports.signer.createKey()
  await run(world, { type: 'child.certify', request: { child: CHILD, ski, spki: toBase64(spki), sia: SIA } })
  return world
}

async function refused(world: World, command: TaCommand): Promise<string> {
  const error = await run(world, command).catch((e: unknown) => e)
  return error instanceof Rejected ? error.error.code : 'accepted'
}

describe('a trust anchor', () => {
  test('is initialised once: key, certificate over all resources, first manifest', async () => {
    const world = emptyWorld()
    expect(await refused(world, { type: 'republish', force: false })).toBe('ta-unknown')
    expect(await types(run(world, { type: 'ta.init', place: PLACE }))).toEqual([
      'ta.initialised',
      'ta.certificate.issued',
      'point.issued',
    ])
    expect(world.ta()).toMatchObject({ status: 'active', place: PLACE, point: { number: 1 } })
    expect(await refused(world, { type: 'ta.init', place: PLACE })).toBe('ta-duplicate')
  })

  test.each([
    'rsync://rpki.example/ta/ta',
    'rsync://rpki.example/ta//ta.cer',
    'rsync://rpki.example/ta/.ta.cer',
    'http://rpki.example/ta/ta.cer',
    'rsync://rpki.example/t a/ta.cer',
    'rsync:///ta.cer',
  ])('is not initialised with the URI %s, which its locator could not have', async (uri) => {
    const place = { ...PLACE, uris: [uri, ...PLACE.uris] }
    expect(await refused(emptyWorld(), { type: 'ta.init', place })).toBe('ta-uri-invalid')
  })

  test('gives no child AS0, which validators refuse, and gives ranges from AS0', async () => {
    const world = await given()
    const add = (text: string) => refused(world, { type: 'child.add', child: CHILD, resources: resources(text) })
    expect([await add('AS0'), await add('AS0, AS2')]).toEqual(['child-as-zero', 'child-as-zero'])
    expect(await add('AS0-AS5')).toBe('accepted')
    expect(await refused(world, { type: 'child.update', child: CHILD, resources: resources('AS0') })).toBe(
      'child-as-zero',
    )
  })

  test('issues again when its manifest is due, when forced, and not before', async () => {
    const world = await given()
    expect(await run(world, { type: 'republish', force: false })).toEqual([])
    world.pass(1)
    expect(await types(run(world, { type: 'republish', force: true }))).toEqual(['point.issued'])
    world.pass(16 * 3600 - 1)
    expect(await run(world, { type: 'republish', force: false })).toEqual([])
    world.pass(1)
    expect(await types(run(world, { type: 'republish', force: false }))).toEqual(['point.issued'])
  })

  test('renews its own certificate with less than half a year left', async () => {
    const world = await given()
    const first = world.ta().certificate?.notAfter
    world.pass((10 * 365 - 26 * 7) * DAY)
    expect(await types(run(world, { type: 'republish', force: false }))).toEqual([
      'ta.certificate.issued',
      'point.issued',
    ])
    expect(world.ta().certificate?.notAfter).not.toBe(first)
  })

  test('raises manifest numbers to a floor, and never lowers it', async () => {
    const world = await given()
    await run(world, { type: 'numbers.raise', atLeast: 1000 })
    await run(world, { type: 'numbers.raise', atLeast: 10 })
    world.pass(1)
    await run(world, { type: 'republish', force: true })
    expect(world.ta()).toMatchObject({ numberFloor: 1000, point: { number: 1000 } })
  })
})

describe('its children', () => {
  test('are added with resources, certified on request, and entitled to what they hold', async () => {
    const world = await givenChild()
    const [issued] = Object.values(world.ta().children[CHILD]?.issued ?? {})
    expect(issued?.resources).toEqual(toResourceText(resources('10.0.0.0/8')))
    expect(taEntitlementsOf(world.ta(), CHILD)).toMatchObject([{ className: '0', issued: [{ ski: issued?.ski }] }])
    expect(taEntitlementsOf(world.ta(), parseHandle('other'))).toEqual([])
  })

  test('that hold less lose it at once; an update that changes nothing is a no-op', async () => {
    const world = await givenChild()
    const update = (text: string) => run(world, { type: 'child.update', child: CHILD, resources: resources(text) })
    expect(await update('10.0.0.0/8')).toEqual([])
    world.pass(1)
    expect(await types(update('10.0.0.0/9'))).toEqual(['child.updated', 'point.issued'])
    const [issued] = Object.values(world.ta().children[CHILD]?.issued ?? {})
    expect(issued?.resources.ipv4).toBe('10.0.0.0/9')
  })

  test('that are removed lose their certificate, revoked', async () => {
    const world = await givenChild()
    world.pass(1)
    expect(await types(run(world, { type: 'child.remove', child: CHILD }))).toEqual(['child.removed', 'point.issued'])
    expect(world.ta()).toMatchObject({ children: {}, point: { objects: {} } })
    expect(world.ta().point.revoked.length).toBeGreaterThan(0)
  })

  test.each<[string, TaCommand, string]>([
    ['added twice', { type: 'child.add', child: CHILD, resources: resources('10.0.0.0/8') }, 'child-duplicate'],
    ['updated, unknown', { type: 'child.update', child: TA_HANDLE, resources: resources('AS1') }, 'child-unknown'],
    ['removed, unknown', { type: 'child.remove', child: TA_HANDLE }, 'child-unknown'],
    [
      'certified, unknown',
      { type: 'child.certify', request: { child: TA_HANDLE, ski: 'A'.repeat(40) as never, spki: '', sia: SIA } },
      'child-unknown',
    ],
  ])('%s: refused', async (_, command, code) => {
    expect(await refused(await givenChild(), command)).toBe(code)
  })
})

test('a key of one child is not certified for another, nor under another public key', async () => {
  const world = await givenChild()
  const other = parseHandle('other')
  await run(world, { type: 'child.add', child: other, resources: resources('11.0.0.0/8') })
  const [issued] = taEntitlementsOf(world.ta(), CHILD)[0]?.issued ?? []
  if (issued === undefined) throw new Error('acme has no certificate')
  const { ski, spki, sia } = issued
  expect(await refused(world, { type: 'child.certify', request: { child: other, ski, spki, sia } })).toBe(
    'child-key-reuse',
  )
  const { spki: fresh } = await world.tx.ports.signer.createKey()
  const request = { child: CHILD, ski, spki: toBase64(fresh), sia }
  expect(await refused(world, { type: 'child.certify', request })).toBe('child-key-differs')
})

test('history keeps the arguments of its commands, and only republish may be archived', () => {
  const summary = (command: TaCommand) => ta.summarize(command).args
  expect(summary({ type: 'ta.init', place: PLACE })).toEqual(PLACE)
  expect(summary({ type: 'child.add', child: CHILD, resources: resources('AS1') })).toEqual({
    child: 'acme',
    resources: { asn: 'AS1', ipv4: '', ipv6: '' },
  })
  const commands = [
    'ta.init',
    'child.add',
    'child.update',
    'child.remove',
    'child.certify',
    'numbers.raise',
    'republish',
  ]
  expect(commands.filter((type) => ta.publishesOnly(type))).toEqual(['republish'])
})
