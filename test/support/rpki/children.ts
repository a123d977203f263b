/** Changes of a child's resources by its parent in the in-memory set-up, carried through to everything below. */
import { syncResources } from '../../../src/core/app/authority/resource-sync.js'
import { runCa, runTa, TA_HANDLE } from '../../../src/core/app/session/context.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import { parseResources } from '../../../src/core/resources/resource-set.js'
import type { World } from './small-world.js'

/** Entitles `child` to exactly `resources` at its parent (a CA or the trust anchor). Returns the CAs that changed. */
export async function updateIn(world: World, child: string, resources: string): Promise<readonly string[]> {
  const handle = parseHandle(child)
  const [parent] = Object.values(world.ca(child).parents)
  if (parent?.transport !== 'local') throw new Error(`${child} has no local parent`)
  const command = { type: 'child.update' as const, child: handle, resources: parseResources(resources) }
  if (parent.aggregate.kind === 'ta') await runTa(world.tx, TA_HANDLE, command)
  else await runCa(world.tx, parent.aggregate.handle, command)
  return syncResources(world.tx, handle)
}
