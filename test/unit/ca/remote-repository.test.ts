/** The repository of a CA on another server: its contact, and what it has confirmed. */
import { beforeEach, expect, test } from 'vitest'
import { createCa, placeUnder } from '../../../src/core/app/authority/cas.js'
import { runCa, TA_HANDLE } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { RemoteRepository } from '../../../src/core/ca/state/contacts.js'
import { contentOf, isUnconfirmed } from '../../../src/core/ca/state/places.js'
import type { KeyId } from '../../../src/core/crypto/ports.js'
import { newestId } from '../../../src/core/identity/id-keys.js'
import { parseResources } from '../../../src/core/resources/resource-set.js'
import { chainOf, emptyWorld, type World } from '../../support/rpki/small-world.js'

const [CA, LOCAL] = ['acme', 'local'].map(parseHandle) as [never, never]
let world: World
beforeEach(async () => {
  world = emptyWorld()
  await chainOf(world)
  await createCa(world.tx, CA)
  await runCa(world.tx, CA, { type: 'id.add' })
})

function repository(changes: Partial<RemoteRepository> = {}): RemoteRepository {
  const id = newestId(world.ca('acme'))
  if (id === undefined) throw new Error('no ID key')
  const contact = { serviceUri: 'https://registry.example/rfc8181/acme', id: id.ski, peer: id.certificate }
  const base = 'rsync://registry.example/repo/acme/'
  return { transport: 'rfc8181', contact, publisher: CA, base, ...changes }
}

const contact = (changes: Partial<RemoteRepository> = {}) =>
  runCa(world.tx, CA, { type: 'repository.contact', repository: repository(changes) })

test('a contact given again is a no-op; a new service URI of the same place replaces it', async () => {
  expect(await contact()).toHaveLength(1)
  expect(await contact()).toEqual([])
  expect(await contact({ contact: { ...repository().contact, serviceUri: 'https://new.example/acme' } })).toHaveLength(
    1,
  )
})

test('another place is a migration and refused, and so is an ID key that is not ours', async () => {
  await contact()
  await expect(contact({ base: 'rsync://other.example/repo/acme/' })).rejects.toMatchObject({
    error: { code: 'repository-differs' },
  })
  const strange = { ...repository().contact, id: 'F'.repeat(40) as KeyId }
  await expect(contact({ contact: strange })).rejects.toMatchObject({ error: { code: 'id-unknown' } })
})

test('a CA with nothing to publish waits for no server, and one of this directory never does', async () => {
  await contact()
  expect(isUnconfirmed(world.ca('acme'))).toBe(false)
  await createCa(world.tx, LOCAL)
  await placeUnder(world.tx, LOCAL, TA_HANDLE, parseResources('10.0.0.0/8'))
  expect(isUnconfirmed(world.ca('local'))).toBe(false)
})

test('content waits until the server has confirmed exactly it', async () => {
  await createCa(world.tx, LOCAL)
  await placeUnder(world.tx, LOCAL, TA_HANDLE, parseResources('10.0.0.0/8'))
  // the content of a CA with a local repository, as that of one with a remote repository
  const state = { ...world.ca('local'), repository: repository() }
  expect(isUnconfirmed(state)).toBe(true)
  const at = world.now()
  expect(isUnconfirmed({ ...state, synced: { content: contentOf(state), at } })).toBe(false)
  expect(isUnconfirmed({ ...state, synced: { content: contentOf(world.ca('acme')), at } })).toBe(true)
})
