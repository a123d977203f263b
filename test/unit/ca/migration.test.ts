/** Migration of a CA to another repository: which key publishes where, and what waits for what (RFC 6489 with another repository). */
import { beforeEach, describe, expect, it } from 'vitest'
import { localParent, localRepositoryOf } from '../../../src/core/app/authority/cas.js'
import { activateDue, activateRoll, startRoll } from '../../../src/core/app/authority/keyroll-steps.js'
import { syncResources } from '../../../src/core/app/authority/resource-sync.js'
import { pubdState, runCa, runTa, TA_HANDLE } from '../../../src/core/app/session/context.js'
import { isUnpublished } from '../../../src/core/app/transaction/local-publication.js'
import type { Handle } from '../../../src/core/base/handle.js'
import type { Repository } from '../../../src/core/ca/state/contacts.js'
import {
  contentOf,
  filesAt,
  isHeldBack,
  isUnconfirmedAt,
  migrationStage,
  type Place,
} from '../../../src/core/ca/state/places.js'
import { activationDueAt } from '../../../src/core/ca/state/roll-state.js'
import { type ResourceClass, repositoryOf } from '../../../src/core/ca/state/state.js'
import type { Sha256 } from '../../../src/core/crypto/ports.js'
import { parseResources } from '../../../src/core/resources/resource-set.js'
import { decodeCertificate } from '../../../src/core/rpki/x509/decode-certificate.js'
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
const HERE = 'rsync://rpki.example/repo/acme/'
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

async function activate(): Promise<void> {
  await activateRoll(world.tx, ACME, NOW)
  await settle()
}

const classes = (): readonly ResourceClass[] => Object.values(world.ca('acme').classes)
const places = () =>
  classes().map(({ keys }) => keys.map((key) => `${key.state} ${repositoryOf(world.ca('acme'), key)?.base}`))
const files = (place: Place) => kinds(filesAt(world.ca('acme'), place).map(({ name }) => name))
const served = () => kinds(Object.keys(pubdState(world.tx.work).publishers['acme']?.objects ?? {}))
const decoded = (hash: Sha256 | undefined) =>
  decodeCertificate(world.tx.work.object(hash ?? expect.fail('no certificate'))).content ?? expect.fail('not decoded')

const PRODUCTS = '1 cer, 2 crl, 2 mft, 2 roa'
const EMPTY = '2 crl, 2 mft'

describe('given a CA with two classes in a repository elsewhere that migrates to another one', () => {
  beforeEach(async () => {
    await given()
    await migrate(remote(NEW))
  })

  it('then the new keys are staged at the new one, and nothing else changes', () => {
    expect(places()).toEqual([
      [`current ${OLD}`, `new ${NEW}`],
      [`current ${OLD}`, `new ${NEW}`],
    ])
    expect([files('leaving'), files('current')]).toEqual([PRODUCTS, EMPTY])
    expect([isUnconfirmedAt(world.ca('acme'), 'leaving'), isUnconfirmedAt(world.ca('acme'), 'current')]).toEqual([
      false,
      true,
    ])
  })

  it('then the parents certify the new keys with the places of the new one', () => {
    const sias = classes().map(({ keys }) => keys.map((key) => decoded(key.certificate?.sha256).sia))
    expect(sias.map((own) => own.map((sia) => (sia.kind === 'ca' ? sia.caRepository : '')))).toEqual([
      [`${OLD}0/`, `${NEW}0/`],
      [`${OLD}1/`, `${NEW}1/`],
    ])
  })

  it('when a ROA is added before the activation, then it is published at the old one', async () => {
    const add = [{ payload: roa('192.0.2.0/24 => 64499'), comment: null }]
    await runCa(world.tx, ACME, { type: 'roas.update', add, remove: [] })
    expect([files('leaving'), files('current')]).toEqual(['1 cer, 2 crl, 2 mft, 3 roa', EMPTY])
    expect(isUnconfirmedAt(world.ca('acme'), 'leaving')).toBe(true)
  })

  it('when the new one has not confirmed the staged keys, then nothing is activated, whatever the old one confirms', async () => {
    await confirm('leaving')
    world.pass(2 * DAY)
    expect(await rejection(activateRoll(world.tx, ACME, NOW))).toBe('keyroll-too-early')
  })

  it('when the old one does not answer, then the activation does not wait for it', async () => {
    await runCa(world.tx, ACME, { type: 'republish', force: true })
    await confirm('current')
    world.pass(DAY)
    expect(isUnconfirmedAt(world.ca('acme'), 'leaving')).toBe(true)
    await activate()
    expect(places()[0]).toEqual([`old ${OLD}`, `current ${NEW}`])
  })

  describe('when it is activated', () => {
    beforeEach(async () => {
      await confirm('current')
      world.pass(DAY)
      await activate()
    })

    it('then every product is at the new one, with its places in it, and the old keys have an empty manifest at the old one', () => {
      expect([files('leaving'), files('current')]).toEqual([EMPTY, PRODUCTS])
      const [roa] = filesAt(world.ca('acme'), 'current').filter(({ name }) => name.endsWith('.roa'))
      expect(new TextDecoder('latin1').decode(world.tx.work.object(roa?.sha256 as Sha256))).toContain(`${NEW}0/`)
      const own = world.ca('kid').classes['0']?.keys[0]?.certificate
      const kid = decoded(own?.sha256)
      expect([own?.uri.startsWith(`${NEW}1/`), kid.crl?.startsWith(`${NEW}1/`)]).toEqual([true, true])
    })

    it('then the old one keeps the products until the new one has confirmed them, and no key is revoked', async () => {
      expect([isHeldBack(world.ca('acme')), migrationStage(world.ca('acme'))]).toEqual([true, 'revocation'])
      await syncResources(world.tx, ACME)
      expect(places()[0]).toHaveLength(2)
    })

    it('then the parents revoke the old keys once the new one has confirmed; the old one has everything withdrawn and is forgotten', async () => {
      await confirm('current')
      expect(places()).toEqual([[`current ${NEW}`], [`current ${NEW}`]])
      expect([isHeldBack(world.ca('acme')), migrationStage(world.ca('acme')), files('leaving')]).toEqual([
        false,
        'withdrawal',
        '',
      ])
      expect(isUnconfirmedAt(world.ca('acme'), 'leaving')).toBe(true)
      await confirm('leaving')
      expect(world.ca('acme').leaving).toBeUndefined()
      expect([files('current'), places()]).toEqual([PRODUCTS, [[`current ${NEW}`], [`current ${NEW}`]]])
    })

    it('then a confirmation of a repository that the CA has no more changes nothing', async () => {
      const content = contentOf(world.ca('acme'))
      const base = 'rsync://third.example/repo/acme/'
      expect(await runCa(world.tx, ACME, { type: 'repository.confirm', content, base })).toEqual([])
      expect(isHeldBack(world.ca('acme'))).toBe(true)
    })
  })

  it('when a parent ends one class meanwhile, then the other goes on and the old one is left in the end', async () => {
    await confirm('current')
    await runCa(world.tx, MID, { type: 'child.remove', child: ACME })
    await syncResources(world.tx, ACME)
    await confirm('current')
    world.pass(DAY)
    await activate()
    await confirm('current')
    await confirm('leaving')
    expect([places(), world.ca('acme').leaving]).toEqual([[[`current ${NEW}`]], undefined])
  })

  it('when a parent gives more resources meanwhile, then each key keeps its place in the next certificate', async () => {
    const resources = parseResources('192.0.2.0/24, 198.51.100.0/24')
    await runTa(world.tx, TA_HANDLE, { type: 'child.update', child: ACME, resources })
    await syncResources(world.tx, ACME)
    const [own] = classes()
    expect(own?.keys.map(({ certificate }) => certificate?.resources.ipv4)).toEqual(
      Array(2).fill('192.0.2.0/24, 198.51.100.0/24'),
    )
    const sias = own?.keys.map((key) => decoded(key.certificate?.sha256).sia)
    expect(sias?.map((sia) => (sia.kind === 'ca' ? sia.caRepository : ''))).toEqual([`${OLD}0/`, `${NEW}0/`])
  })

  it('when its roll is cancelled, then everything stays at the old one, and another roll goes on with the migration', async () => {
    await confirm('current')
    await runCa(world.tx, ACME, { type: 'keyroll.cancel', className: null })
    await syncResources(world.tx, ACME)
    await confirm('current')
    expect(places()).toEqual([[`current ${OLD}`], [`current ${OLD}`]])
    expect([files('leaving'), files('current'), migrationStage(world.ca('acme'))]).toEqual([PRODUCTS, '', 'keyroll'])
    await startRoll(world.tx, ACME, { className: null, activateAfter: null, compromised: false })
    expect([places()[0], migrationStage(world.ca('acme'))]).toEqual([[`current ${OLD}`, `new ${NEW}`], 'activation'])
  })

  it('when the contact of the old one changes, then only that of the old one changes', async () => {
    const { contact, ...old } = remote(OLD)
    const repository = { ...old, contact: { ...contact, serviceUri: 'https://moved.example/' } }
    await runCa(world.tx, ACME, { type: 'repository.contact', repository })
    expect([world.ca('acme').repository?.base, world.ca('acme').leaving?.repository]).toEqual([NEW, repository])
  })
})

describe('given a CA here', () => {
  it('when it migrates elsewhere, then this server keeps its objects until the other has confirmed, and ends as its publisher', async () => {
    await given('local')
    await migrate(remote(NEW))
    expect([places()[0], served()]).toEqual([[`current ${HERE}`, `new ${NEW}`], PRODUCTS])
    await confirm('current')
    world.pass(DAY)
    await activate()
    expect([files('leaving'), served(), isUnpublished(world.tx, ACME)]).toEqual([EMPTY, PRODUCTS, false])
    await confirm('current')
    expect(world.ca('acme').leaving).toBeUndefined()
    expect(pubdState(world.tx.work).publishers['acme']).toBeUndefined()
  })
})

describe('given a CA elsewhere', () => {
  it('when it migrates here, then the objects are served with the commit, and the other has to withdraw what is left', async () => {
    await given()
    await migrate(await localRepositoryOf(world.tx, ACME))
    expect([places()[0], served()]).toEqual([[`current ${OLD}`, `new ${HERE}`], EMPTY])
    world.pass(DAY)
    await activate()
    expect([places()[0], served(), migrationStage(world.ca('acme'))]).toEqual([
      [`current ${HERE}`],
      PRODUCTS,
      'withdrawal',
    ])
    await confirm('leaving')
    expect([world.ca('acme').leaving, served()]).toEqual([undefined, PRODUCTS])
  })

  it('when it has no certificate yet, then it requests the first one with the places of the new one', async () => {
    await runCa(world.tx, ACME, { type: 'repository.contact', repository: remote(OLD) })
    await runCa(world.tx, ACME, { type: 'repository.migrate', repository: remote(NEW) })
    await settle()
    // what the old one has is not known before it confirms that it has nothing
    expect(migrationStage(world.ca('acme'))).toBe('withdrawal')
    await confirm('leaving')
    await runTa(world.tx, TA_HANDLE, { type: 'child.add', child: ACME, resources: parseResources('192.0.2.0/24') })
    const contact = { transport: 'local', aggregate: localParent(world.tx, TA_HANDLE), childName: ACME } as const
    await runCa(world.tx, ACME, { type: 'parent.add', parent: TA_HANDLE, contact })
    await syncResources(world.tx, ACME)
    expect([places(), world.ca('acme').leaving]).toEqual([[[`current ${NEW}`]], undefined])
  })
})

describe('given that the old repository is gone', () => {
  it('when it is abandoned with the migration, then the new keys take over as soon as the new one has them', async () => {
    await given()
    await runCa(world.tx, ACME, { type: 'repository.migrate', repository: remote(NEW) })
    await runCa(world.tx, ACME, { type: 'repository.abandon' })
    await startRoll(world.tx, ACME, { className: null, activateAfter: 0, compromised: false })
    expect(await activateDue(world.tx, ACME)).toEqual([])
    await confirm('current')
    expect(await activateDue(world.tx, ACME)).toEqual(['0', '1'])
    expect([places()[0], isUnconfirmedAt(world.ca('acme'), 'leaving')]).toEqual([
      [`old ${OLD}`, `current ${NEW}`],
      false,
    ])
    await confirm('current')
    expect([places()[0], world.ca('acme').leaving]).toEqual([[`current ${NEW}`], undefined])
  })

  it('when it is abandoned while the new keys are staged, then they do not wait for the operator any more', async () => {
    await given()
    await migrate(remote(NEW))
    await confirm('current')
    expect(classes().map(activationDueAt)).toEqual([null, null])
    await runCa(world.tx, ACME, { type: 'repository.abandon' })
    expect(classes().map(activationDueAt)).toEqual([world.now(), world.now()])
    expect(await runCa(world.tx, ACME, { type: 'repository.abandon' })).toEqual([])
  })

  it('when it is abandoned while it only has to withdraw, then it is forgotten with that commit', async () => {
    await given()
    await migrate(remote(NEW))
    await confirm('current')
    world.pass(DAY)
    await activate()
    await confirm('current')
    expect(migrationStage(world.ca('acme'))).toBe('withdrawal')
    await runCa(world.tx, ACME, { type: 'repository.abandon' })
    await settle()
    expect(world.ca('acme').leaving).toBeUndefined()
  })
})

describe('a migration is rejected', () => {
  const to = (repository: Repository): Promise<string> =>
    rejection(runCa(world.tx, ACME, { type: 'repository.migrate', repository }))
  const abandon = (): Promise<string> => rejection(runCa(world.tx, ACME, { type: 'repository.abandon' }))

  it('without a repository', async () => {
    expect([await to(remote(NEW)), await abandon()]).toEqual(['repo-none', 'repository-leaving-none'])
  })

  it.each([
    ['the same', OLD],
    ['the same in capitals', 'rsync://REGISTRY.example/repo/acme/'],
    ['one inside it', `${OLD}deep/`],
    ['one around it', 'rsync://registry.example/repo/'],
  ])('to %s', async (_, base) => {
    await given()
    expect(await to(remote(base))).toBe('repository-same')
  })

  it('to this directory, where it publishes', async () => {
    await given('local')
    expect(await to(await localRepositoryOf(world.tx, ACME))).toBe('repository-same')
  })

  it('with an ID key of another', async () => {
    await given()
    const { contact, ...repository } = remote(NEW)
    const id = '0'.repeat(40) as Handle as never
    expect(await to({ ...repository, contact: { ...contact, id } })).toBe('id-unknown')
  })

  it('while a key roll is open, and while another migration is', async () => {
    await given()
    await startRoll(world.tx, ACME, { className: '0', activateAfter: null, compromised: false })
    expect(await to(remote(NEW))).toBe('keyroll-open')
    await confirm('current')
    world.pass(DAY)
    await activate()
    await confirm('current')
    await migrate(remote(NEW))
    expect(await to(remote('rsync://third.example/repo/acme/'))).toBe('repository-leaving')
  })

  it('to abandon one that is in this directory', async () => {
    await given('local')
    await migrate(remote(NEW))
    expect(await abandon()).toBe('repository-local')
  })
})
