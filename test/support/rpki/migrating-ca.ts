/** A CA that migrates between repositories, in memory: what its tests begin with, and the steps of commands and servers. */
import { expect } from 'vitest'
import { createCa, localParent, localRepositoryOf, placeUnder } from '../../../src/core/app/authority/cas.js'
import { startRoll } from '../../../src/core/app/authority/keyroll-steps.js'
import { syncResources } from '../../../src/core/app/authority/resource-sync.js'
import { runCa, runTa, TA_HANDLE } from '../../../src/core/app/session/context.js'
import { leaveRepositories, publishLocal } from '../../../src/core/app/transaction/local-publication.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { RemoteRepository, Repository } from '../../../src/core/ca/state/contacts.js'
import { contentOf, type Place, repositoryAt } from '../../../src/core/ca/state/places.js'
import { Rejected } from '../../../src/core/eventsourcing/work.js'
import { newestId } from '../../../src/core/identity/id-keys.js'
import { parseResources } from '../../../src/core/resources/resource-set.js'
import { parseRoaPayload } from '../../../src/core/resources/roa-payload.js'
import { chainOf, emptyWorld, type World } from './small-world.js'

export const [ACME, MID, KID] = ['acme', 'mid', 'kid'].map(parseHandle) as [never, never, never]
export const OLD = 'rsync://registry.example/repo/acme/'
export const NEW = 'rsync://new.example/repo/acme/'

/** Returns a world with a CA `acme` that has an ID key and no repository yet. */
export async function migratingWorld(): Promise<World> {
  const world = emptyWorld()
  await chainOf(world, ['mid', '10.0.0.0/8'])
  await createCa(world.tx, ACME)
  await runCa(world.tx, ACME, { type: 'id.add' })
  return world
}

export function remoteAt(world: World, base: string): RemoteRepository {
  const id = newestId(world.ca('acme')) ?? expect.fail('no ID key')
  const contact = { serviceUri: `${base.replace('rsync', 'https')}rfc8181`, id: id.ski, peer: id.certificate }
  return { transport: 'rfc8181', contact, publisher: ACME, base }
}

/** A CA with two classes, a ROA in each, and a child below: it publishes at OLD, or here. */
export async function givenCa(world: World, from: 'remote' | 'local' = 'remote'): Promise<void> {
  if (from === 'remote') await runCa(world.tx, ACME, { type: 'repository.contact', repository: remoteAt(world, OLD) })
  else
    await runCa(world.tx, ACME, { type: 'repository.configure', repository: await localRepositoryOf(world.tx, ACME) })
  await runTa(world.tx, TA_HANDLE, { type: 'child.add', child: ACME, resources: parseResources('192.0.2.0/24') })
  await runCa(world.tx, MID, { type: 'child.add', child: ACME, resources: parseResources('10.1.0.0/16') })
  for (const parent of [TA_HANDLE, MID]) {
    const contact = { transport: 'local', aggregate: localParent(world.tx, parent), childName: ACME } as const
    await runCa(world.tx, ACME, { type: 'parent.add', parent, contact })
    await syncResources(world.tx, ACME)
  }
  const add = ['192.0.2.0/24 => 64496', '10.1.0.0/16 => 64497'].map((text) => ({
    payload: roa(text),
    comment: null,
  }))
  await runCa(world.tx, ACME, { type: 'roas.update', add, remove: [] })
  await createCa(world.tx, KID)
  await placeUnder(world.tx, KID, ACME, parseResources('10.1.7.0/24'))
  await settle(world)
  if (from === 'remote') await confirm(world, 'current')
}

/** What every commit ends with. */
export async function settle(world: World): Promise<void> {
  await leaveRepositories(world.tx, [ACME])
  await publishLocal(world.tx)
}

/** What `repo sync` records once a server has everything. */
export async function confirm(world: World, place: Place): Promise<void> {
  const state = world.ca('acme')
  const base = repositoryAt(state, place)?.base ?? expect.fail(`nothing is ${place}`)
  await runCa(world.tx, ACME, { type: 'repository.confirm', content: contentOf(state, place), base })
  await syncResources(world.tx, ACME)
  await settle(world)
}

export async function migrate(
  world: World,
  repository: Repository,
  activateAfter: number | null = null,
): Promise<void> {
  await runCa(world.tx, ACME, { type: 'repository.migrate', repository })
  await startRoll(world.tx, ACME, { className: null, activateAfter, compromised: false })
  await settle(world)
}

export const rejection = (work: Promise<unknown>) =>
  work.then(
    () => 'accepted',
    (error: unknown) => (error instanceof Rejected ? error.error.code : expect.fail(String(error))),
  )

export function roa(text: string) {
  const parsed = parseRoaPayload(text)
  return 'ok' in parsed ? parsed.ok.payload : expect.fail(text)
}

/** Number of files by kind: `2 crl, 2 mft, 2 roa`. */
export const kinds = (names: readonly string[]) => {
  const ends = [...names].map((name) => name.split('.').at(-1) ?? '')
  return [...new Set(ends)]
    .sort()
    .map((end) => `${ends.filter((e) => e === end).length} ${end}`)
    .join(', ')
}
