/** Key rolls that are given up: the new key is revoked first and withdrawn afterwards, and the current one issues all the time. */
import { expect, it } from 'vitest'
import { activateRoll, cancelRoll, startRoll } from '../../../src/core/app/authority/keyroll-steps.js'
import { syncResources } from '../../../src/core/app/authority/resource-sync.js'
import { runCa } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { publishedFiles } from '../../../src/core/ca/state/files.js'
import { openRequests } from '../../../src/core/ca/state/requests.js'
import { Rejected } from '../../../src/core/eventsourcing/work.js'
import { decodeCrl } from '../../../src/core/rpki/crl.js'
import { decodeCertificate } from '../../../src/core/rpki/x509/decode-certificate.js'
import { chainOf, emptyWorld, type World } from '../../support/rpki/small-world.js'

const ACME = parseHandle('acme')
const MID = parseHandle('mid')
const PLAN = { className: null, activateAfter: null, compromised: false }
const CANCEL = { type: 'keyroll.cancel', className: null } as const

async function acme(): Promise<World> {
  const world = emptyWorld()
  await chainOf(world, ['mid', '10.0.0.0/8'], ['acme', '10.0.0.0/16'], ['sub', '10.0.0.0/24'])
  return world
}

const keysOf = (world: World) => world.ca('acme').classes['0']?.keys ?? []
const states = (world: World) => keysOf(world).map(({ state }) => state)
const files = (world: World) => publishedFiles(world.ca('acme')).map(({ name }) => name)
/** Keys that the parent certifies. */
const certified = (world: World) => Object.keys(world.ca('mid').children['acme']?.issued ?? {})
/** Serial numbers on the CRL of the parent. */
const revoked = (world: World): readonly bigint[] => {
  const crl = publishedFiles(world.ca('mid')).find(({ name }) => name.endsWith('.crl'))
  const bytes = crl === undefined ? expect.fail('no CRL') : world.tx.work.object(crl.sha256)
  return decodeCrl(bytes).content?.revoked.map(({ serial }) => serial) ?? expect.fail('no list')
}
const rejection = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail('accepted'),
    (error: unknown) =>
      error instanceof Rejected ? [error.error.code, error.error.message] : expect.fail(String(error)),
  )

it('gives up a staged key: the parent revokes it, its manifest and CRL go, and it is retired', async () => {
  const world = await acme()
  const before = files(world)
  await startRoll(world.tx, ACME, PLAN)
  const [current, next] = keysOf(world)
  const certificate = next?.certificate ?? expect.fail('not staged')
  const { serial } =
    decodeCertificate(world.tx.work.object(certificate.sha256)).content ?? expect.fail('no certificate')
  expect([files(world).length, certified(world).sort()]).toEqual([before.length + 2, [current?.ski, next?.ski].sort()])
  await cancelRoll(world.tx, ACME, null)
  expect([states(world), files(world), certified(world)]).toEqual([['current'], before, [current?.ski]])
  expect(revoked(world)).toContain(serial)
  expect(Object.keys(world.ca('acme').retired ?? {})).toEqual([next?.ski])
  expect(world.ca('acme').classes['0']).not.toHaveProperty('roll')
  // another one can begin at once
  await startRoll(world.tx, ACME, PLAN)
  expect(states(world)).toEqual(['current', 'new'])
})

it('publishes manifest and CRL of the key until the parent has revoked it', async () => {
  const world = await acme()
  await startRoll(world.tx, ACME, { ...PLAN, activateAfter: 300 })
  const staged = files(world)
  await runCa(world.tx, ACME, CANCEL)
  expect([states(world), files(world)]).toEqual([['current', 'old'], staged])
  const [, next] = keysOf(world)
  expect(openRequests(world.ca('acme'), MID)).toEqual([{ kind: 'revoke', class: '0', ski: next?.ski }])
  expect((await rejection(startRoll(world.tx, ACME, PLAN)))[0]).toBe('keyroll-open')
  // tick does not activate it any more
  world.pass(86_400)
  expect((await rejection(activateRoll(world.tx, ACME, { ...PLAN, now: true })))[0]).toBe('keyroll-none')
  await syncResources(world.tx, ACME)
  expect(states(world)).toEqual(['current'])
})

it('gives up a key that has no certificate: the parent is asked to revoke it, in case it has issued one', async () => {
  const world = await acme()
  await runCa(world.tx, ACME, { type: 'keyroll.init', ...PLAN })
  const [, next] = keysOf(world)
  await runCa(world.tx, ACME, CANCEL)
  expect([next?.state, states(world)]).toEqual(['pending', ['current', 'old']])
  expect(openRequests(world.ca('acme'), MID)).toEqual([{ kind: 'revoke', class: '0', ski: next?.ski }])
  await syncResources(world.tx, ACME)
  expect([states(world), certified(world)]).toEqual([['current'], [keysOf(world)[0]?.ski]])
})

it('is refused where no roll is open, where the class is unknown, and after the activation', async () => {
  const world = await acme()
  expect(await rejection(cancelRoll(world.tx, ACME, null))).toEqual(['keyroll-none', 'acme has no key roll'])
  expect(await rejection(cancelRoll(world.tx, ACME, '0'))).toEqual(['keyroll-none', 'acme has no key roll in class 0'])
  expect((await rejection(cancelRoll(world.tx, ACME, '7')))[0]).toBe('class-unknown')
  await startRoll(world.tx, ACME, PLAN)
  await runCa(world.tx, ACME, { type: 'keyroll.activate', className: null, at: null, compromised: false })
  expect(await rejection(cancelRoll(world.tx, ACME, null))).toEqual([
    'keyroll-activated',
    'class 0: the new key is activated already, and the old one waits to be revoked by the parent',
  ])
})
