/** Text of the command line into resources, every fault told at once. */
import { AppError } from '../../base/errors.js'
import { difference, parseResources, union } from '../../resources/resource-set.js'
import type { ResourceSet } from '../../resources/types.js'

/** `AS64496, 192.0.2.0/24`, `all`, `none`. Throws `resources-invalid` (usage). */
export function resourcesOf(text: string): ResourceSet {
  return parseResources(text)
}

/** What `--resources`, `--add` and `--remove` together do to a set. Throws `resources-invalid`, `resources-missing` (usage). */
export function resourceChange(flags: {
  readonly resources?: string | undefined
  readonly add?: string | undefined
  readonly remove?: string | undefined
}): (old: ResourceSet) => ResourceSet {
  if (flags.resources === undefined && flags.add === undefined && flags.remove === undefined)
    throw new AppError('usage', 'resources-missing', 'what should change? --resources, --add or --remove')
  const exact = flags.resources === undefined ? undefined : parseResources(flags.resources)
  const more = parseResources(flags.add ?? 'none')
  const less = parseResources(flags.remove ?? 'none')
  return (old) => exact ?? difference(union(old, more), less)
}
