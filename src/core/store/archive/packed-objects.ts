/**
 * Archived objects that are in a segment, which stays: they are left out when it is written again.
 * Invariant: replaceable: if the list is lost, the objects stay where they are.
 */
import type { Json } from '../../base/json.js'
import { isObject } from '../../base/shape.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { StatusFiles } from '../disk/status-files.js'

const NAME = 'archived-packed-objects'

/** Returns the packed objects that the archive has released. */
export function releasedObjects(status: StatusFiles): ReadonlySet<string> {
  const value = status.read(NAME)
  const objects = isObject(value) ? value['objects'] : undefined
  return new Set(Array.isArray(objects) ? objects.filter((one): one is string => typeof one === 'string') : [])
}

/** Adds packed objects that the archive has released. */
export function addReleased(status: StatusFiles, objects: readonly Sha256[]): void {
  if (objects.length > 0) write(status, new Set([...releasedObjects(status), ...objects]))
}

/** Forgets the objects that are in no segment any more. */
export function forgetReleased(status: StatusFiles, isPacked: (name: string) => boolean): void {
  const all = releasedObjects(status)
  if (all.size > 0) write(status, new Set([...all].filter(isPacked)))
}

function write(status: StatusFiles, objects: ReadonlySet<string>): void {
  if (objects.size === 0) status.remove(NAME)
  else status.write(NAME, { objects: [...objects] as readonly Json[] as Json })
}
