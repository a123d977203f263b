/** A CA `acme` of a small world with the parent `registry` elsewhere, which has listed nothing. */
import { createCa, useLocalRepository } from '../../../src/core/app/authority/cas.js'
import { runCa } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { RemoteParent } from '../../../src/core/ca/state/contacts.js'
import { newestId } from '../../../src/core/identity/id-keys.js'
import { chainOf, emptyWorld, type World } from './small-world.js'

export const [CA, REG] = ['acme', 'registry'].map(parseHandle) as [never, never]

/** Makes the world. */
export async function underRegistry(): Promise<World> {
  const world = emptyWorld()
  await chainOf(world)
  await createCa(world.tx, CA)
  await useLocalRepository(world.tx, CA)
  await runCa(world.tx, CA, { type: 'id.add' })
  await runCa(world.tx, CA, { type: 'parent.contact', parent: REG, contact: registryContact(world) })
  return world
}

/** Returns the contact of the registry, with other members where they are given. */
export function registryContact(world: World, changes: Partial<RemoteParent> = {}): RemoteParent {
  const id = newestId(world.ca('acme'))
  if (id === undefined) throw new Error('no ID key')
  return {
    transport: 'rfc6492',
    contact: { serviceUri: 'https://registry.example/updown', id: id.ski, peer: id.certificate },
    childName: parseHandle('uuid-1'),
    parentName: parseHandle('REG'),
    ...changes,
  }
}
