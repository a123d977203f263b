/** A set of ROA changes on its way to a CA: what could be read, what could not, and where each stood. */
import { AppError, rejection, rewrap, type Violation } from '../../base/errors.js'
import type { RoaAddition } from '../../ca/roas.js'
import { parseRoaDelta } from '../../resources/roa-delta.js'
import { formatRoaPayload, parseRoaPayload } from '../../resources/roa-payload.js'
import type { RoaRequest, RoaRequests } from '../../resources/roa-request.js'
import type { RoaPayload } from '../../resources/types.js'

export interface RoaSet {
  readonly add: readonly RoaAddition[]
  readonly remove: readonly RoaPayload[]
  /** What could not be read: told together with what the CA says of the rest. */
  readonly unread?: readonly Violation[]
  /** Where each stood, by its text: `line 4`. */
  readonly places?: ReadonlyMap<string, readonly string[]>
}

/** ROAs from arguments. Never throws: what cannot be read is in `unread`. */
export function roaArguments(texts: { readonly add?: readonly string[]; readonly remove?: readonly string[] }): RoaSet {
  const requests: RoaRequest[] = []
  const faults: Violation[] = []
  for (const [remove, list] of [[false, texts.add ?? []] as const, [true, texts.remove ?? []] as const])
    for (const text of list) {
      const parsed = parseRoaPayload(text)
      if ('ok' in parsed) requests.push({ remove, note: parsed.ok, place: '' })
      else faults.push(...parsed.faults)
    }
  return setOf({ requests, faults })
}

/** Lines `A: …` and `R: …`, or JSON. Never throws: what cannot be read is in `unread`, with its place. */
export function roaFile(text: string): RoaSet {
  return setOf(parseRoaDelta(text))
}

function setOf({ requests, faults }: RoaRequests): RoaSet {
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
    unread: faults,
    places,
  }
}

/** The error for a set that could not wholly be read, with what the CA says of the rest: a usage error, nothing was asked of the CA yet. */
export function unreadError(set: RoaSet, rules: readonly Violation[]): AppError {
  const faults = [...(set.unread ?? []), ...rules.map((fault) => placed(fault, set))]
  const { code, message, details } = rejection([...faults].sort((a, b) => lineOf(a) - lineOf(b)))
  return new AppError('usage', code, message, { details })
}

/** The same rejection with the place of each fault in the set. */
export function placedError(error: unknown, set: RoaSet): unknown {
  if (!(error instanceof AppError) || error.kind !== 'rejected' || (set.places?.size ?? 0) === 0) return error
  const faults = (error.details as { readonly faults?: readonly Violation[] } | null)?.faults
  if (faults === undefined) return error
  const sorted = faults.map((fault) => placed(fault, set)).sort((a, b) => lineOf(a) - lineOf(b))
  const { message, details } = rejection(sorted)
  return rewrap(error, { message, details })
}

/** `line 4: …`, where the fault names a ROA of the set. */
function placed(fault: Violation, { places }: RoaSet): Violation {
  const details = fault.details as { readonly roa?: string } | undefined
  const where = details?.roa === undefined ? undefined : places?.get(details.roa)
  if (where === undefined) return fault
  const line = Number(/^line (\d+)$/.exec(where[0] ?? '')?.[1])
  return {
    ...fault,
    message: `${where.join(', ')}: ${fault.message}`,
    details: { ...details, places: where, ...(Number.isNaN(line) ? {} : { line }) },
  }
}

function lineOf(fault: Violation): number {
  return (fault.details as { readonly line?: number } | undefined)?.line ?? 0
}
