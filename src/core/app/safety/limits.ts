/**
 * Limits of one change: how many VRPs may vanish, that no publisher and no repository becomes empty, that nothing expires earlier than what it
 * replaces, and that relying parties read every object. Pure over a unit of work.
 */
import type { Violation } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { type Instant, secondsBetween } from '../../base/time.js'
import { type CaState, currentKey } from '../../ca/state/state.js'
import type { Work } from '../../eventsourcing/work.js'
import { PUBD_HANDLE, pubd } from '../../pubd/aggregate.js'
import type { PubdState } from '../../pubd/state.js'
import { formatRoaPayload } from '../../resources/roa-payload.js'
import { CA, caState, pubdState, readCas } from '../session/context.js'
import { type VrpChange, vrpCount } from './vrp-changes.js'

/** Up to so many VRPs may vanish from a CA of any size. */
export const FREE_REMOVALS = 5
/** Share of the VRPs of a CA, and of all CAs of the directory, that may vanish in one change. */
export const CA_SHARE = 0.1
export const TOTAL_SHARE = 0.01
/** Half of what rpki-client reads: a larger object is refused whole, with all VRPs in it. */
export const MAX_OBJECT_OCTETS = 2_000_000

/** Returns a violation for each CA that loses more VRPs than it may, and one for all of them together. `allowed` replaces the shares. */
export function removalViolations(
  work: Work,
  changes: readonly VrpChange[],
  allowed: number | undefined,
): readonly Violation[] {
  const vanished = vanishedBy(changes)
  const removed = vanished.reduce((sum, { count }) => sum + count, 0)
  if (allowed !== undefined)
    return removed <= allowed ? [] : [held(`${removed} VRPs would vanish, and --max-removals allows ${allowed}`)]
  if (removed <= FREE_REMOVALS) return []
  const own = vanished.flatMap(({ ca, count, before }) =>
    count > FREE_REMOVALS && count > before * CA_SHARE
      ? [held(`${count} of ${before} VRPs of ${ca} would vanish, more than ${CA_SHARE * 100} %`)]
      : [],
  )
  if (own.length > 0) return own
  const total = totalBefore(work, changes)
  if (removed <= total * TOTAL_SHARE) return []
  return [held(`${removed} of ${total} VRPs of this directory would vanish, more than ${TOTAL_SHARE * 100} %`)]
}

/** Returns how many VRPs each CA loses, without those that another CA has from the same change. */
function vanishedBy(
  changes: readonly VrpChange[],
): readonly { readonly ca: Handle; readonly count: number; readonly before: number }[] {
  const isMoved = changes.some(({ removed }) => removed.length > 0)
  const added = new Set(isMoved ? changes.flatMap((change) => change.added.map(formatRoaPayload)) : [])
  return changes.map(({ ca, removed, before }) => {
    return { ca, count: removed.filter((vrp) => !added.has(formatRoaPayload(vrp))).length, before }
  })
}

function held(message: string): Violation {
  return { code: 'removals-held', message }
}

/** Returns the number of VRPs before the change. */
function totalBefore(work: Work, changes: readonly VrpChange[]): number {
  const changed = new Map(changes.map(({ ca, before }) => [ca, before]))
  const others = readCas(work).cas.filter(({ handle }) => !changed.has(handle))
  return [...changed.values()].reduce((a, b) => a + b, 0) + others.reduce((sum, state) => sum + vrpCount(state), 0)
}

/** Returns a violation for each publisher that stays and loses all its objects, and one for a repository that becomes empty. */
export function emptiedViolations(work: Work): readonly Violation[] {
  if (work.touched('pubd').length === 0) return []
  const [was, is] = [work.before(pubd, PUBD_HANDLE), pubdState(work)]
  const emptied = Object.keys(is.publishers).filter((name) => {
    const [before, after] = [entry(was.publishers, name), entry(is.publishers, name)]
    return before?.remote === undefined && countOf(before) > 0 && countOf(after) === 0
  })
  const all = { code: 'repository-emptied', message: 'the repository would become empty' }
  return [
    ...emptied.map((name) => ({
      code: 'publisher-emptied',
      message: `the publisher ${name} would have no object left`,
    })),
    ...(objectsOf(was) > 0 && objectsOf(is) === 0 ? [all] : []),
  ]
}

function countOf(publisher: PubdState['publishers'][string] | undefined): number {
  return publisher === undefined ? 0 : Object.keys(publisher.objects).length
}

function objectsOf({ publishers }: PubdState): number {
  return Object.values(publishers).reduce((sum, publisher) => sum + countOf(publisher), 0)
}

/** Returns a violation for each key whose manifest would end earlier than the one it replaces, by more than the jitter explains. */
export function expiryViolations(work: Work, jitterSeconds: number): readonly Violation[] {
  return work.touched('ca').flatMap((handle) => {
    const [was, is] = [ends(work.before(CA, handle)), ends(caState(work, handle))]
    return [...is].flatMap(([ski, end]) => {
      const before = was.get(ski)
      if (before === undefined || secondsBetween(end, before) <= jitterSeconds) return []
      return [{ code: 'expiry-earlier', message: earlierText(handle, end, before) }]
    })
  })
}

function earlierText(handle: Handle, end: Instant, before: Instant): string {
  return `the manifest of ${handle} would end at ${end}, before that of now, at ${before}`
}

/** Returns the nextUpdate of the manifest of each current key. */
function ends(state: CaState): ReadonlyMap<string, Instant> {
  const keys = state.status === 'active' ? Object.values(state.classes).flatMap((own) => currentKey(own) ?? []) : []
  return new Map(keys.flatMap(({ ski, point: { nextUpdate } }) => (nextUpdate === null ? [] : [[ski, nextUpdate]])))
}

/** Returns a violation for each new object that a validator does not read. */
export function sizeViolations(work: Work): readonly Violation[] {
  return [...work.objects.values()]
    .filter(({ length }) => length > MAX_OBJECT_OCTETS)
    .map(({ length }) => ({
      code: 'object-too-large',
      message: `an object would have ${length} octets, and validators read up to ${MAX_OBJECT_OCTETS}`,
    }))
}
