/** Key rolls of a CA with two classes and a repository elsewhere: what waits until the repository has confirmed it (RFC 6489 section 2). */
import { beforeEach, describe, expect, it } from 'vitest'
import { createCa, localParent, placeUnder } from '../../../src/core/app/authority/cas.js'
import { activateDue, activateRoll, cancelRoll, startRoll } from '../../../src/core/app/authority/keyroll-steps.js'
import { confirmPublication, syncResources } from '../../../src/core/app/authority/resource-sync.js'
import { rollRows } from '../../../src/core/app/authority/roll-rows.js'
import { isParentConfirmed } from '../../../src/core/app/authority/roll-waits.js'
import { runCa, runTa, TA_HANDLE } from '../../../src/core/app/session/context.js'
import { type Handle, parseHandle } from '../../../src/core/base/handle.js'
import { addSeconds } from '../../../src/core/base/time.js'
import { publishedFiles } from '../../../src/core/ca/state/files.js'
import { contentOf } from '../../../src/core/ca/state/places.js'
import { activationAllowedAt, activationDueAt } from '../../../src/core/ca/state/roll-state.js'
import type { ResourceClass } from '../../../src/core/ca/state/state.js'
import { rollText } from '../../../src/core/cli/views/keyroll.js'
import { Rejected } from '../../../src/core/eventsourcing/work.js'
import { newestId } from '../../../src/core/identity/id-keys.js'
import { parseResources } from '../../../src/core/resources/resource-set.js'
import { chainOf, emptyWorld, type World } from '../../support/rpki/small-world.js'

const DAY = 86_400
const [ACME, MID] = ['acme', 'mid'].map(parseHandle) as [never, never]
const PLAN = { className: null, activateAfter: null, compromised: false }
const NOW = { className: null, now: false, compromised: false }

let world: World
beforeEach(async () => {
  world = emptyWorld()
  await chainOf(world, ['mid', '10.0.0.0/8'])
  await createCa(world.tx, ACME)
  await runCa(world.tx, ACME, { type: 'id.add' })
  const id = newestId(world.ca('acme')) ?? expect.fail('no ID key')
  const contact = { serviceUri: 'https://registry.example/rfc8181/acme', id: id.ski, peer: id.certificate }
  const base = 'rsync://registry.example/repo/acme/'
  const repository = { transport: 'rfc8181', contact, publisher: ACME, base } as const
  await runCa(world.tx, ACME, { type: 'repository.contact', repository })
  await runTa(world.tx, TA_HANDLE, { type: 'child.add', child: ACME, resources: parseResources('192.0.2.0/24') })
  await runCa(world.tx, MID, { type: 'child.add', child: ACME, resources: parseResources('10.1.0.0/16') })
  await under(TA_HANDLE)
  await under(MID)
  await confirm()
})

async function under(parent: Handle): Promise<void> {
  const contact = { transport: 'local', aggregate: localParent(world.tx, parent), childName: ACME } as const
  await runCa(world.tx, ACME, { type: 'parent.add', parent, contact })
  await syncResources(world.tx, ACME)
}

/** What `repo sync` records once the server has everything. */
async function confirm(content = contentOf(world.ca('acme'))): Promise<void> {
  await confirmPublication(world.tx, ACME, { content })
}

const classes = (): readonly ResourceClass[] => Object.values(world.ca('acme').classes)
const stages = () => classes().map(({ keys }) => keys.map(({ state }) => state).join(' '))
const rollOf = (ca: string) => rollRows(world.tx, world.ca(ca))[0] ?? expect.fail(`${ca} has no class`)
const classOf = (ca: string) => world.ca(ca).classes['0'] ?? expect.fail(`${ca} has no class`)
const manifests = () => publishedFiles(world.ca('acme')).filter(({ name }) => name.endsWith('.mft')).length
const rejection = (work: Promise<unknown>) =>
  work.then(
    () => 'accepted',
    (error: unknown) => (error instanceof Rejected ? error.error.code : expect.fail(String(error))),
  )

describe('two classes', () => {
  it('roll at once, each with a manifest and CRL of its own, and end together', async () => {
    await startRoll(world.tx, ACME, PLAN)
    expect([stages(), manifests()]).toEqual([['current new', 'current new'], 4])
    await confirm()
    world.pass(DAY)
    await activateRoll(world.tx, ACME, NOW)
    expect([stages(), manifests()]).toEqual([['old current', 'old current'], 4])
    await confirm()
    expect([stages(), manifests()]).toEqual([['current', 'current'], 2])
    expect(Object.keys(world.ca('acme').retired ?? {})).toHaveLength(2)
  })

  it('roll one after the other, and the second does not wait for the first', async () => {
    await startRoll(world.tx, ACME, { ...PLAN, className: '0' })
    await confirm()
    world.pass(DAY / 2)
    await startRoll(world.tx, ACME, { ...PLAN, className: '1' })
    await confirm()
    world.pass(DAY / 2)
    expect(await rejection(activateRoll(world.tx, ACME, NOW))).toBe('keyroll-too-early')
    await activateRoll(world.tx, ACME, { ...NOW, className: '0' })
    expect(stages()).toEqual(['old current', 'current new'])
  })

  it('lose one of them in the middle: its keys go, the other roll continues', async () => {
    await startRoll(world.tx, ACME, PLAN)
    await confirm()
    await runCa(world.tx, MID, { type: 'child.remove', child: ACME })
    await syncResources(world.tx, ACME)
    expect(stages()).toEqual(['current new'])
    await confirm()
    world.pass(DAY)
    await activateRoll(world.tx, ACME, NOW)
    await confirm()
    expect(stages()).toEqual(['current'])
  })
})

describe('a repository elsewhere that has not confirmed', () => {
  it('the staged key: its day does not begin, for tick and for the operator', async () => {
    await startRoll(world.tx, ACME, { ...PLAN, activateAfter: DAY })
    world.pass(2 * DAY)
    expect(classes().map((own) => [activationAllowedAt(own), activationDueAt(own)])).toEqual([
      [null, null],
      [null, null],
    ])
    expect(await activateDue(world.tx, ACME)).toEqual([])
    expect(await rejection(activateRoll(world.tx, ACME, NOW))).toBe('keyroll-too-early')
    expect(rollOf('acme')).toMatchObject({ waitsFor: 'repository', allowedAt: null, activatesAt: null })
    await confirm()
    expect(rollOf('acme')).toMatchObject({ waitsFor: 'activation', activatesAt: addSeconds(world.now(), DAY) })
    world.pass(DAY - 1)
    expect(await activateDue(world.tx, ACME)).toEqual([])
    world.pass(1)
    expect(await activateDue(world.tx, ACME)).toEqual(['0', '1'])
  })

  it('the staged key: a cancelled roll does not wait for it', async () => {
    await startRoll(world.tx, ACME, PLAN)
    await cancelRoll(world.tx, ACME, '1')
    expect([stages(), manifests()]).toEqual([['current new', 'current'], 3])
    await cancelRoll(world.tx, ACME, null)
    expect([stages(), manifests()]).toEqual([['current', 'current'], 2])
  })

  it('begins the day with the first confirmation of all, not with one of older content', async () => {
    const older = contentOf(world.ca('acme'))
    await startRoll(world.tx, ACME, PLAN)
    await runCa(world.tx, ACME, { type: 'repository.confirm', content: '0'.repeat(64) as never })
    await runCa(world.tx, ACME, { type: 'repository.confirm', content: older })
    expect(classes().map(({ roll }) => roll?.publishedAt)).toEqual([null, null])
    await confirm()
    const first = world.now()
    world.pass(3600)
    await runCa(world.tx, ACME, { type: 'republish', force: true })
    await confirm()
    expect(classes().map(({ roll }) => roll?.publishedAt)).toEqual([first, first])
  })

  it('what the new key has issued: the parent does not revoke the old one before', async () => {
    await startRoll(world.tx, ACME, PLAN)
    await confirm()
    world.pass(DAY)
    await activateRoll(world.tx, ACME, NOW)
    await syncResources(world.tx, ACME)
    expect(stages()).toEqual(['old current', 'old current'])
    expect([rollOf('acme').waitsFor, rollText(rollOf('acme'))]).toEqual([
      'repository',
      'the old key stays until the repository has confirmed what the new one issued, which tick sends',
    ])
    expect(Object.keys(world.ta().children['acme']?.issued ?? {})).toHaveLength(2)
    await confirm()
    expect(stages()).toEqual(['current', 'current'])
    expect(Object.keys(world.ta().children['acme']?.issued ?? {})).toHaveLength(1)
  })

  it('a compromised key: it is replaced and revoked at once, also where a roll was open before', async () => {
    await startRoll(world.tx, ACME, { ...PLAN, compromised: true })
    expect(stages()).toEqual(['current', 'current'])
    expect(Object.keys(world.ta().children['acme']?.issued ?? {})).toHaveLength(1)
    await startRoll(world.tx, ACME, PLAN)
    await activateRoll(world.tx, ACME, { ...NOW, compromised: true })
    expect(stages()).toEqual(['current', 'current'])
  })
})

it('a parent that publishes elsewhere: the key of a child of this directory is not activated before its certificate is there', async () => {
  const leaf = parseHandle('leaf')
  await createCa(world.tx, leaf)
  await placeUnder(world.tx, leaf, ACME, parseResources('192.0.2.0/25'))
  await confirm()
  await startRoll(world.tx, leaf, { ...PLAN, activateAfter: DAY })
  world.pass(2 * DAY)
  expect(await activateDue(world.tx, leaf)).toEqual([])
  expect(await rejection(activateRoll(world.tx, leaf, NOW))).toBe('keyroll-too-early')
  expect(rollOf('leaf')).toMatchObject({ waitsFor: 'parent-repository', allowedAt: null, activatesAt: null })
  expect(rollText(rollOf('leaf'))).toBe('staged, its certificate to be confirmed by the repository of acme')
  // an earlier version recorded no wait for the parent: only its present state holds the activation
  const { parentPublishedAt: _, ...roll } = classOf('leaf').roll ?? expect.fail('no roll')
  const before = { ...world.ca('leaf'), classes: { 0: { ...classOf('leaf'), roll } } }
  expect(rollRows(world.tx, before)).toMatchObject([
    { waitsFor: 'parent-repository', allowedAt: null, activatesAt: null },
  ])
  await confirm()
  const confirmedAt = world.now()
  world.pass(DAY - 1)
  // what the parent publishes later does not hold the child up
  await runCa(world.tx, ACME, { type: 'republish', force: true })
  expect(await activateDue(world.tx, leaf)).toEqual([])
  expect(await rejection(activateRoll(world.tx, leaf, NOW))).toBe('keyroll-too-early')
  expect(rollOf('leaf')).toMatchObject({
    ...{ waitsFor: 'activation', parentPublishedAt: confirmedAt },
    activatesAt: addSeconds(confirmedAt, DAY),
  })
  world.pass(1)
  expect(await activateDue(world.tx, leaf)).toEqual(['0'])
  await confirm()
  await startRoll(world.tx, leaf, { ...PLAN, compromised: true })
  expect(world.ca('leaf').classes['0']?.keys.map(({ state }) => state)).toEqual(['current'])
})

it('a clock that is reset in a roll does not make the wait longer', async () => {
  const before = world.now()
  world.pass(30 * DAY)
  const leaf = parseHandle('leaf')
  await createCa(world.tx, leaf)
  await placeUnder(world.tx, leaf, ACME, parseResources('192.0.2.0/25'))
  await startRoll(world.tx, ACME, { ...PLAN, activateAfter: DAY })
  await startRoll(world.tx, leaf, { ...PLAN, activateAfter: DAY })
  await confirm()
  world.pass(-30 * DAY)
  await runCa(world.tx, leaf, { type: 'clock.reset', objects: [], revoked: {}, atLeast: 0 })
  await runCa(world.tx, ACME, { type: 'clock.reset', objects: [], revoked: {}, atLeast: 0 })
  const tomorrow = new Date(Date.parse(before) + DAY * 1000).toISOString().replace('.000', '')
  expect([...classes(), classOf('leaf')].map(activationDueAt)).toEqual([tomorrow, tomorrow, tomorrow])
})

it('a confirmation of the parent that its child has not seen: the next sync of the child begins its day', async () => {
  const leaf = parseHandle('leaf')
  await createCa(world.tx, leaf)
  await placeUnder(world.tx, leaf, ACME, parseResources('192.0.2.0/25'))
  await startRoll(world.tx, leaf, { ...PLAN, activateAfter: DAY })
  expect(isParentConfirmed(world.tx, classOf('leaf'), world.ca('leaf'))).toBe(false)
  await runCa(world.tx, ACME, { type: 'repository.confirm', content: contentOf(world.ca('acme')) })
  expect(isParentConfirmed(world.tx, classOf('leaf'), world.ca('leaf'))).toBe(true)
  world.pass(3600)
  await syncResources(world.tx, leaf)
  expect(rollOf('leaf')).toMatchObject({ waitsFor: 'activation', parentPublishedAt: world.now() })
  expect(isParentConfirmed(world.tx, classOf('leaf'), world.ca('leaf'))).toBe(false)
})
