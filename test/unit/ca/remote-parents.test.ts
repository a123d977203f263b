/** Contacts of parents elsewhere: given again, replaced, refused, and the ID keys that they need. */
import { beforeEach, describe, expect, test } from 'vitest'
import { runCa } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { RemoteParent } from '../../../src/core/ca/state/contacts.js'
import type { KeyId } from '../../../src/core/crypto/ports.js'
import type { Rejected } from '../../../src/core/eventsourcing/work.js'
import { newestId } from '../../../src/core/identity/id-keys.js'
import { CA, REG, registryContact, underRegistry } from '../../support/rpki/registry-parent.js'
import type { World } from '../../support/rpki/small-world.js'

let world: World
beforeEach(async () => {
  world = await underRegistry()
})

const contact = (changes: Partial<RemoteParent> = {}): RemoteParent => registryContact(world, changes)
const types = (events: readonly { type: string }[]): readonly string[] => events.map((e) => e.type)

describe('the contact of a parent', () => {
  const code = (changes: Partial<RemoteParent>, parent = REG): Promise<unknown> =>
    runCa(world.tx, CA, { type: 'parent.contact', parent, contact: contact(changes) }).then(
      (events) => types(events),
      (refused: Rejected) => refused.error.code,
    )

  test('given again is a no-op, another one replaces it', async () => {
    expect(await code({})).toEqual([])
    expect(await code({ childName: parseHandle('uuid-2') })).toEqual(['parent.contacted'])
  })

  test('with an ID key that is not ours is refused, and the same parent under another name', async () => {
    const strange = { ...contact().contact, id: 'F'.repeat(40) as KeyId }
    expect(await code({ contact: strange })).toBe('id-unknown')
    expect(await code({}, parseHandle('again') as never)).toBe('parent-twin')
  })

  test('keeps its ID key from being retired', async () => {
    const { ski } = newestId(world.ca('acme')) ?? { ski: '' as KeyId }
    await expect(runCa(world.tx, CA, { type: 'id.retire', ski })).rejects.toMatchObject({
      error: { code: 'id-in-use' },
    })
    await runCa(world.tx, CA, { type: 'parent.remove', parent: REG })
    expect(types(await runCa(world.tx, CA, { type: 'id.retire', ski }))).toEqual(['id.retired'])
  })
})
