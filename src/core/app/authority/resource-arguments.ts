/** Resources from the command line. Every violation is reported at once. */
import { AppError } from '../../base/errors.js'
import { difference, parseResources, union } from '../../resources/resource-set.js'
import type { ResourceSet } from '../../resources/types.js'

/** Parses `AS64496, 192.0.2.0/24`, `all` or `none`. Throws `resources-invalid` (usage). */
export function resourcesOf(text: string): ResourceSet {
  return parseResources(text)
}

/** Returns the function that applies `--resources`, `--add` and `--remove` to a set. Throws `resources-invalid`, `resources-missing` (usage). */
export function resourceChange(flags: {
  readonly resources?: string | undefined
  readonly add?: string | undefined
  readonly remove?: string | undefined
}): (old: ResourceSet) => ResourceSet {
  if (flags.resources === undefined && flags.add === undefined && flags.remove === undefined)
    throw new AppError('usage', 'resources-missing', 'one of --resources, --add and --remove is required')
  const exact = flags.resources === undefined ? undefined : parseResources(flags.resources)
  const more = parseResources(flags.add ?? 'none')
  const less = parseResources(flags.remove ?? 'none')
  return (old) => exact ?? difference(union(old, more), less)
}
