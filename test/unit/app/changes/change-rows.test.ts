/** Rows of a change: the difference between two states of a CA and of the publication server. */
import { beforeEach, expect, test } from 'vitest'
import { syncResources } from '../../../../src/core/app/authority/resource-sync.js'
import { caRows, changeRows, publicationRows } from '../../../../src/core/app/changes/change-rows.js'
import { pubdState, runCa } from '../../../../src/core/app/session/context.js'
import { publishLocal } from '../../../../src/core/app/transaction/local-publication.js'
import { parseHandle } from '../../../../src/core/base/handle.js'
import { parseResources } from '../../../../src/core/resources/resource-set.js'
import { parseRoaPayload } from '../../../../src/core/resources/roa-payload.js'
import { chainOf, emptyWorld, type World } from '../../../support/rpki/small-world.js'

const [ACME, LEAF] = [parseHandle('acme'), parseHandle('leaf')]

function payload(text: string) {
  const parsed = parseRoaPayload(text)
  if (!('ok' in parsed)) throw new Error(text)
  return parsed.ok.payload
}

let world: World
beforeEach(async () => {
  world = emptyWorld()
  await chainOf(world, ['acme', '10.0.0.0/8'], ['leaf', '10.0.0.0/16, 10.1.0.0/16'])
})

const timing = () => world.tx.ports.timing
const options = () => ({ timing: timing(), isHidden: () => false })
const said = (rows: ReturnType<typeof caRows>) =>
  rows.map(({ change, item, name, before, after, note }) => [change, item, name, before, after, note])

async function roas(add: readonly string[], remove: readonly string[] = [], comment: string | null = null) {
  const before = world.ca('leaf')
  await runCa(world.tx, LEAF, {
    type: 'roas.update',
    add: add.map((text) => ({ payload: payload(text), comment })),
    remove: remove.map(payload),
  })
  return said(caRows(before, world.ca('leaf'), options()))
}

test('ROAs that are added and removed', async () => {
  expect(await roas(['10.0.0.0/16 => 64496'], [], 'office')).toEqual([
    ['add', 'roa', '10.0.0.0/16-16 => 64496', null, 'published', 'office'],
  ])
  expect(await roas(['10.1.0.0/16 => 64497'], ['10.0.0.0/16 => 64496'])).toEqual([
    ['remove', 'roa', '10.0.0.0/16-16 => 64496', 'published', null, 'office'],
    ['add', 'roa', '10.1.0.0/16-16 => 64497', null, 'published', null],
  ])
  expect(await roas([])).toEqual([])
})

test('any change of ROAs has the rows of a comparison of all ROAs', async () => {
  world = emptyWorld({ roaAggregateThreshold: 3, roaDeaggregateThreshold: 2 })
  await chainOf(world, ['acme', '10.0.0.0/8'], ['leaf', '10.0.0.0/16, 10.1.0.0/16'])
  const steps: readonly (readonly [readonly string[], (readonly string[])?])[] = [
    [['10.0.0.0/24 => 1', '10.1.0.0/24 => 1']],
    // now one object for each AS
    [['10.0.1.0/24 => 2', '10.0.2.0/24 => 3']],
    [['10.0.3.0/24 => 1']],
    [['10.0.4.0/24 => 4'], ['10.0.1.0/24 => 2']],
    [[], ['10.0.0.0/24 => 1']],
    // and one by one again
    [[], ['10.0.2.0/24 => 3', '10.0.3.0/24 => 1', '10.0.4.0/24 => 4']],
    [['10.0.5.0/24 => 1'], ['10.1.0.0/24 => 1']],
  ]
  for (const [add, remove = []] of steps) {
    const before = world.ca('leaf')
    const rows = await roas(add, remove)
    // copies share nothing with the states of before
    expect(rows).toEqual(said(caRows(structuredClone(before), structuredClone(world.ca('leaf')), options())))
    expect(rows.length).toBeGreaterThanOrEqual(add.length)
  }
  // what was not published before begins with another change, though it was not named
  const behind = world.ca('leaf')
  const [name, own] = Object.entries(behind.classes)[0] ?? []
  const keys = own?.keys.map((key) => ({ ...key, point: { ...key.point, objects: {} } }))
  const unpublished = { ...behind, classes: { [name ?? '']: { ...own, keys } } } as typeof behind
  await roas(['10.0.6.0/24 => 1'])
  expect(said(caRows(unpublished, world.ca('leaf'), options()))).toEqual([
    ['update', 'roa', '10.0.5.0/24-24 => 1', 'pending', 'published', null],
    ['add', 'roa', '10.0.6.0/24-24 => 1', null, 'published', null],
  ])
})

test('what a child loses is named in both CAs, with the ROAs that are no longer held', async () => {
  await roas(['10.0.0.0/16 => 64496', '10.1.0.0/16 => 64497'])
  const before = [world.ca('acme'), world.ca('leaf')] as const
  await runCa(world.tx, ACME, { type: 'child.update', child: LEAF, resources: parseResources('10.1.0.0/16') })
  await syncResources(world.tx, LEAF)
  const lost = ['10.0.0.0/15', '10.1.0.0/16'] as const
  expect(said(caRows(before[0], world.ca('acme'), options(), [LEAF]))).toEqual([
    ['update', 'child', 'leaf', ...lost, null],
  ])
  expect(said(caRows(before[1], world.ca('leaf'), options()))).toEqual([
    ['update', 'certificate', 'from acme', ...lost, null],
    ['update', 'roa', '10.0.0.0/16-16 => 64496', 'published', 'not held', null],
  ])
  // a child that is no CA of this directory has its certificate as a row of the parent
  const ski = Object.keys(world.ca('acme').children['leaf']?.issued ?? {})[0]
  expect(said(caRows(before[0], world.ca('acme'), options()))).toContainEqual([
    'update',
    'certificate',
    `leaf ${ski}`,
    ...lost,
    null,
  ])
})

test('a CA that is removed, with everything that it had', async () => {
  await roas(['10.0.0.0/16 => 64496'])
  const before = world.ca('leaf')
  await runCa(world.tx, LEAF, { type: 'ca.remove' })
  const rows = said(caRows(before, world.ca('leaf'), options()))
  expect(rows.map(([change, item, name]) => `${change} ${item} ${name}`)).toEqual([
    'remove ca leaf',
    'remove parent acme',
    'remove repository rsync',
    'remove certificate from acme',
    'remove roa 10.0.0.0/16-16 => 64496',
  ])
})

test('objects that are published, replaced and withdrawn, and the serial', async () => {
  const before = pubdState(world.tx.work)
  await roas(['10.0.0.0/16 => 64496'])
  await publishLocal(world.tx)
  const after = pubdState(world.tx.work)
  const marks = (rows: ReturnType<typeof publicationRows>) =>
    rows.map(({ change, item, name }) => `${change} ${item} ${name.split('.').at(-1)}`)
  expect(marks(publicationRows(before, after))).toEqual([
    'add object roa',
    'update object crl',
    'update object mft',
    'update rrdp serial',
  ])
  expect(marks(publicationRows(after, before))).toContain('remove object roa')
  expect(publicationRows(after, after)).toEqual([])
})

test('a dry run names no key and no hash that it made up', async () => {
  const rows = await changeRows(world.tx, timing(), { dryRun: true })
  const objects = rows.filter(({ item }) => item === 'object')
  expect(objects.length).toBeGreaterThan(3)
  for (const { name, after } of objects) expect([/NEW-KEY|\/ta\//.test(name), after]).toEqual([true, null])
  const real = await changeRows(world.tx, timing())
  expect(real.map(({ change, item, of }) => [change, item, of])).toEqual(
    rows.map(({ change, item, of }) => [change, item, of]),
  )
})
