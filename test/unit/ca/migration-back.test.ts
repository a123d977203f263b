/** Migrations that are taken back before the new keys are activated: nothing is lost in either repository. */
import { beforeEach, describe, expect, it } from 'vitest'
import { localRepositoryOf } from '../../../src/core/app/authority/cas.js'
import { activateRoll } from '../../../src/core/app/authority/keyroll-steps.js'
import { syncResources } from '../../../src/core/app/authority/resource-sync.js'
import { pubdState, runCa } from '../../../src/core/app/session/context.js'
import type { Repository } from '../../../src/core/ca/state/contacts.js'
import { contentOf, filesAt, isUnconfirmedAt, migrationStage, type Place } from '../../../src/core/ca/state/places.js'
import { type ResourceClass, repositoryOf } from '../../../src/core/ca/state/state.js'
import { parseResources, toResourceText } from '../../../src/core/resources/resource-set.js'
import {
  ACME,
  confirm as confirmAt,
  givenCa,
  kinds,
  MID,
  migrate as migrateTo,
  migratingWorld,
  NEW,
  OLD,
  rejection,
  remoteAt,
  roa,
  settle as settleCa,
} from '../../support/rpki/migrating-ca.js'
import type { World } from '../../support/rpki/small-world.js'

const DAY = 86_400
const NOW = { className: null, now: false, compromised: false }

let world: World
beforeEach(async () => {
  world = await migratingWorld()
})

const remote = (base: string) => remoteAt(world, base)
const given = (from?: 'remote' | 'local') => givenCa(world, from)
const settle = () => settleCa(world)
const confirm = (place: Place) => confirmAt(world, place)
const migrate = (repository: Repository, activateAfter?: number) => migrateTo(world, repository, activateAfter)
const classes = (): readonly ResourceClass[] => Object.values(world.ca('acme').classes)
const places = () =>
  classes().map(({ keys }) => keys.map((key) => `${key.state} ${repositoryOf(world.ca('acme'), key)?.base}`))
const files = (place: Place) => kinds(filesAt(world.ca('acme'), place).map(({ name }) => name))

describe('given a migration that is taken back', () => {
  const takeBack = async () => {
    await runCa(world.tx, ACME, { type: 'repository.return' })
    await syncResources(world.tx, ACME)
    await settle()
  }

  it('when the new keys are staged and published, then the old repository stays as it is, and the new one has all withdrawn', async () => {
    await given()
    const before = contentOf(world.ca('acme'))
    await migrate(remote(NEW), DAY)
    await confirm('current')
    await takeBack()
    expect(places()).toEqual([[`current ${OLD}`], [`current ${OLD}`]])
    expect([world.ca('acme').repository?.base, world.ca('acme').leaving?.repository.base]).toEqual([OLD, NEW])
    expect([contentOf(world.ca('acme')), isUnconfirmedAt(world.ca('acme'), 'current')]).toEqual([before, false])
    expect([migrationStage(world.ca('acme')), files('leaving')]).toEqual(['withdrawal', ''])
    await confirm('leaving')
    expect(world.ca('acme').leaving).toBeUndefined()
    expect(Object.keys(world.ca('acme').retired ?? {})).toHaveLength(2)
    // and the same migration may begin again
    await migrate(remote(NEW), DAY)
    expect(places()[0]).toEqual([`current ${OLD}`, `new ${NEW}`])
  })

  it('when a ROA was added meanwhile, then it stays to be sent to the old repository', async () => {
    await given()
    await migrate(remote(NEW), DAY)
    const add = [{ payload: roa('192.0.2.0/25 => 64499'), comment: null }]
    await runCa(world.tx, ACME, { type: 'roas.update', add, remove: [] })
    await takeBack()
    expect([files('current'), isUnconfirmedAt(world.ca('acme'), 'current')]).toEqual([
      '1 cer, 2 crl, 2 mft, 3 roa',
      true,
    ])
    await confirm('current')
    await confirm('leaving')
    expect(world.ca('acme').leaving).toBeUndefined()
  })

  it('when its roll was cancelled before, then the new repository is left all the same', async () => {
    await given()
    await migrate(remote(NEW))
    await runCa(world.tx, ACME, { type: 'keyroll.cancel', className: null })
    await takeBack()
    expect(places()).toEqual([[`current ${OLD}`], [`current ${OLD}`]])
    expect(migrationStage(world.ca('acme'))).toBe('withdrawal')
  })

  it.each(['local', 'remote'] as const)(
    'when it went from a %s repository, then this server ends with what it had before',
    async (from) => {
      await given(from)
      const served = () => Object.keys(pubdState(world.tx.work).publishers['acme']?.objects ?? {}).sort()
      const before = served()
      await migrate(from === 'local' ? remote(NEW) : await localRepositoryOf(world.tx, ACME))
      await takeBack()
      if (from === 'local') await confirm('leaving')
      expect([served(), world.ca('acme').leaving]).toEqual([before, undefined])
    },
  )

  it('when a class waits for its first certificate, then it is requested for the old repository', async () => {
    await given()
    await migrate(remote(NEW), DAY)
    const own = classes()[1] ?? expect.fail('no class')
    const listed = { resources: toResourceText(parseResources('10.1.0.0/16')), issuerUri: NEW, issued: [] }
    const entitlements = [own.parentClass, 'later'].map((className) => ({ ...listed, className }))
    await runCa(world.tx, ACME, { type: 'parent.sync', parent: MID, entitlements })
    expect(places()[2]).toEqual([`pending ${NEW}`])
    await runCa(world.tx, ACME, { type: 'repository.return' })
    expect(places()[2]).toEqual([`pending ${OLD}`])
  })

  it('when a key is activated, the old one abandoned, or none is open, then it is refused', async () => {
    await given()
    expect(await rejection(takeBack())).toBe('repository-leaving-none')
    await migrate(remote(NEW), DAY)
    await confirm('current')
    world.pass(DAY)
    await activateRoll(world.tx, ACME, { ...NOW, className: '0' })
    expect(await rejection(takeBack())).toBe('repository-active')
    await runCa(world.tx, ACME, { type: 'repository.abandon' })
    expect(await rejection(takeBack())).toBe('repository-abandoned')
  })
})
