/** A set of ROA changes as parsed from arguments or a file: the additions and removals, the parse errors, and the place of each in the input. */
import { AppError, faultsOf, rejection, rewrap, type Violation } from '../../base/errors.js'
import type { RoaAddition } from '../../ca/roas.js'
import { parseRoaDelta } from '../../resources/roa-delta.js'
import { formatRoaPayload, parseRoaPayload } from '../../resources/roa-payload.js'
import type { RoaRequest, RoaRequests, Unsigned } from '../../resources/roa-request.js'
import type { RoaPayload } from '../../resources/types.js'

export interface RoaSet {
  readonly add: readonly RoaAddition[]
  readonly remove: readonly RoaPayload[]
  /** Violations of the syntax; reported together with those that the CA finds in the rest. */
  readonly unread?: readonly Violation[]
  /** Places of a ROA in the input (`line 4`), by its text. */
  readonly places?: ReadonlyMap<string, readonly string[]>
}

/** Parses ROAs given as arguments. Never throws: syntax errors are in `unread`. */
export function roaArguments(texts: { readonly add?: readonly string[]; readonly remove?: readonly string[] }): RoaSet {
  const requests: RoaRequest[] = []
  const unread: Violation[] = []
  for (const [remove, list] of [[false, texts.add ?? []] as const, [true, texts.remove ?? []] as const])
    for (const text of list) {
      const parsed = parseRoaPayload(text)
      if ('ok' in parsed) requests.push({ remove, note: parsed.ok, place: '' })
      else unread.push(...parsed.faults)
    }
  return setOf({ requests, faults: unread })
}

/** Parses a file of ROA changes, or with `unsigned` a list of ROAs: lines, CSV or JSON. Never throws: syntax errors are in `unread`, with their place. */
export function roaFile(text: string, unsigned?: Unsigned): RoaSet {
  return setOf(parseRoaDelta(text, unsigned))
}

/** Returns the ROAs of both sets as one. */
export function joinSets(a: RoaSet, b: RoaSet): RoaSet {
  return {
    add: [...a.add, ...b.add],
    remove: [...a.remove, ...b.remove],
    unread: [...(a.unread ?? []), ...(b.unread ?? [])],
    places: new Map([...(a.places ?? []), ...(b.places ?? [])]),
  }
}

function setOf({ requests, faults: unread }: RoaRequests): RoaSet {
  const places = new Map<string, string[]>()
  for (const { note, place } of requests) {
    if (place === '') continue
    const key = formatRoaPayload(note.payload)
    places.set(key, [...(places.get(key) ?? []), place])
  }
  return {
    add: requests
      .filter((r) => !r.remove)
      .map(({ note }) => ({ payload: note.payload, comment: note.comment ?? null })),
    remove: requests.filter((r) => r.remove).map(({ note }) => note.payload),
    unread,
    places,
  }
}

/** Returns the usage error for a set with syntax errors, which also lists the violations that the CA finds in the rest. No command was run. */
export function unreadError(set: RoaSet, rules: readonly Violation[]): AppError {
  const found = [...(set.unread ?? []), ...rules.map((violation) => placed(violation, set))]
  const { code, message, details } = rejection(found.sort((a, b) => lineOf(a) - lineOf(b)))
  return new AppError('usage', code, message, { details })
}

/** Returns the same rejection with the place of each violation in the input. */
export function withPlaces(error: unknown, set: RoaSet): unknown {
  if (!(error instanceof AppError) || error.kind !== 'rejected' || (set.places?.size ?? 0) === 0) return error
  const violations = faultsOf(error)
  if (violations.length === 0) return error
  const sorted = violations.map((violation) => placed(violation, set)).sort((a, b) => lineOf(a) - lineOf(b))
  const { message, details } = rejection(sorted)
  return rewrap(error, { message, details })
}

/** Prefixes the violation with its place (`line 4: …`) if it names a ROA of the set. */
function placed(violation: Violation, { places }: RoaSet): Violation {
  const details = violation.details as { readonly roa?: string } | undefined
  const where = details?.roa === undefined ? undefined : places?.get(details.roa)
  if (where === undefined) return violation
  const line = Number(/^line (\d+)$/.exec(where[0] ?? '')?.[1])
  return {
    ...violation,
    message: `${where.join(', ')}: ${violation.message}`,
    details: { ...details, places: where, ...(Number.isNaN(line) ? {} : { line }) },
  }
}

function lineOf(violation: Violation): number {
  return (violation.details as { readonly line?: number } | undefined)?.line ?? 0
}
