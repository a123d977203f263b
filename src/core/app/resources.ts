/** Text of the command line into resources and ROAs, every fault told at once. */
import { AppError, type Fault, rejection } from '../base/errors.js'
import type { RoaAddition } from '../ca/commands.js'
import { difference, parseResources, union } from '../resources/resource-set.js'
import { parseRoaPayload } from '../resources/roa-payload.js'
import type { ResourceSet, RoaPayload } from '../resources/types.js'

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

/** ROAs to add, from arguments. Throws every fault (usage). */
export function additionsOf(texts: readonly string[]): readonly RoaAddition[] {
  return parsedRoas(texts).map(({ payload, comment }) => ({ payload, comment: comment ?? null }))
}

/** ROAs to remove, from arguments. Throws every fault (usage). */
export function removalsOf(texts: readonly string[]): readonly RoaPayload[] {
  return parsedRoas(texts).map(({ payload }) => payload)
}

function parsedRoas(texts: readonly string[]) {
  const faults: Fault[] = []
  const notes = texts.flatMap((text) => {
    const parsed = parseRoaPayload(text)
    if ('ok' in parsed) return [parsed.ok]
    faults.push(...parsed.faults)
    return []
  })
  refuseText(faults)
  return notes
}

/** What cannot be read is a usage error: nothing was asked of a CA yet. */
function refuseText(faults: readonly Fault[]): void {
  if (faults.length === 0) return
  const { code, message, details } = rejection(faults)
  throw new AppError('usage', code, message, { details })
}
