/**
 * What a recovered state no longer has: the lost commands, and the ROAs, children and keys that were theirs.
 * Invariant: told from evidence (intact events, command records, published ROAs), the best there is; no state is ever made from it.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry, type Table } from '../../base/record.js'
import type { CaEvent } from '../../ca/aggregate.js'
import type { CaState, RoaConfig } from '../../ca/state.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { EstEvent } from '../../est/events.js'
import type { EstState } from '../../est/state.js'
import type { DomainEvent, StoredCommand } from '../../eventsourcing/types.js'
import { formatPrefix } from '../../resources/prefix.js'
import { formatRoaPayload, parseRoaPayload } from '../../resources/roa-payload.js'
import type { ResourceText, RoaPayload } from '../../resources/types.js'
import { loadPlanned, lostEvents } from '../../store/recover/load.js'
import type { AggregatePlan, LostCommand } from '../../store/recover/plan.js'
import type { TaState } from '../../ta/state.js'
import { estLost, type LostEnrolment } from './lost-certificates.js'
import { foldOf } from './planned-state.js'

/** One thing that was, or that a lost command had taken away. */
export type Lost =
  | {
      readonly type: 'command'
      readonly sequence: number
      /** Null where its record cannot be read. */
      readonly command: string | null
      readonly at: string | null
      readonly actor: string | null
    }
  /** `line` is for `brine roa update --file -`: `A: …`, or `R: …` for one that is back. */
  | { readonly type: 'roa'; readonly roa: string; readonly back: boolean; readonly line: string }
  | { readonly type: 'child'; readonly child: string; readonly back: boolean }
  | { readonly type: 'key'; readonly ski: string; readonly back: boolean }
  | LostEnrolment

/** Everything that the plan gives up. `published`: ROAs that relying parties see now. */
export function lostOf(plan: AggregatePlan, published: readonly RoaPayload[]): readonly Lost[] {
  if (plan.lost.length === 0) return []
  const commands = plan.lost.map(commandLost)
  if (plan.id.kind === 'ca') return [...commands, ...caLost(plan, published)]
  if (plan.id.kind === 'est')
    return [...commands, ...estLost(foldOf<EstState>(plan.id, loadPlanned(plan)), bestState<EstState>(plan).state)]
  return plan.id.kind === 'ta' ? [...commands, ...taLost(plan)] : commands
}

function commandLost({ sequence, record }: LostCommand): Lost {
  return {
    type: 'command',
    sequence,
    command: record?.command.type ?? null,
    at: record?.at ?? null,
    actor: record?.actor ?? null,
  }
}

function caLost(plan: AggregatePlan, published: readonly RoaPayload[]): readonly Lost[] {
  const before = foldOf<CaState>(plan.id, loadPlanned(plan))
  const { state: after, certain } = bestState<CaState>(plan)
  const roas = { ...after.roas }
  // what is published was wanted; what is not may be pending
  if (!certain) for (const payload of published) roas[formatRoaPayload(payload)] ??= configOf(payload, null)
  const lines = [
    ...missing(roas, before.roas).map(([roa, config]) => ({ roa, back: false, line: lineOf('A', roa, config) })),
    ...missing(before.roas, roas).map(([roa, config]) => ({ roa, back: true, line: lineOf('R', roa, config) })),
  ]
  return [
    ...lines.map((line) => ({ type: 'roa' as const, ...line })),
    ...children(before.children, after.children),
    ...keys(keysOf(before), keysOf(after)),
  ]
}

function taLost(plan: AggregatePlan): readonly Lost[] {
  const before = foldOf<TaState>(plan.id, loadPlanned(plan))
  const { state: after } = bestState<TaState>(plan)
  const key = (state: TaState): readonly string[] => (state.key === null ? [] : [state.key.ski])
  return [...children(before.children, after.children), ...keys(key(before), key(after))]
}

/** `A: 192.0.2.0/24-24 => 64496 # note` */
function lineOf(sign: 'A' | 'R', roa: string, { comment }: RoaConfig): string {
  return `${sign}: ${roa}${sign === 'R' || comment === null ? '' : ` # ${comment}`}`
}

function missing<V>(from: Table<V>, to: Table<V>): readonly (readonly [string, V])[] {
  return Object.entries(from)
    .filter(([name]) => entry(to, name) === undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

function children(before: Table<unknown>, after: Table<unknown>): readonly Lost[] {
  const named = (from: Table<unknown>, to: Table<unknown>, back: boolean): readonly Lost[] =>
    missing(from, to).map(([child]) => ({ type: 'child', child, back }))
  return [...named(after, before, false), ...named(before, after, true)]
}

function keys(before: readonly string[], after: readonly string[]): readonly Lost[] {
  const named = (from: readonly string[], to: readonly string[], back: boolean): readonly Lost[] =>
    from.filter((ski) => !to.includes(ski)).map((ski) => ({ type: 'key', ski, back }))
  return [...named(after, before, false), ...named(before, after, true)]
}

function keysOf(state: CaState): readonly string[] {
  return Object.values(state.classes).flatMap((c) => c.keys.map((k) => k.ski))
}

/** The state that the lost commands made, as far as it can be told; `certain` when every event of theirs could be read. */
function bestState<S>(plan: AggregatePlan): { readonly state: S; readonly certain: boolean } {
  const loaded = loadPlanned(plan)
  let certain = true
  const eventsOf = (lost: LostCommand): readonly DomainEvent[] => {
    const read = lostEvents(plan.id, lost)
    const found = read.filter((event) => event !== undefined)
    if (lost.record === undefined) certain = false
    if (found.length === read.length) return found
    const told = lost.record === undefined ? undefined : toldBy(lost.record)
    if (told === undefined) certain = false
    return told === undefined || found.some((event) => event.type === told.type) ? found : [told, ...found]
  }
  const stateWith = (lost: readonly LostCommand[]): S =>
    foldOf<S>(plan.id, { ...loaded, events: [...loaded.events, ...lost.flatMap(eventsOf)] })
  try {
    return { state: stateWith(plan.lost), certain }
  } catch (error) {
    // what nothing proves may be of any shape
    const isMisshapen = error instanceof TypeError || (error instanceof AppError && error.kind === 'format')
    if (!isMisshapen || certain) throw error
    return { state: stateWith(plan.lost.filter((lost) => lost.record !== undefined)), certain }
  }
}

/** The event that a command must have led to, from what its record keeps of the intent. */
function toldBy({ command, at }: StoredCommand): CaEvent | EstEvent | DomainEvent | undefined {
  const args = command.args as Readonly<Record<string, unknown>>
  switch (command.type) {
    case 'roas.update': {
      const { added, removed } = args as { readonly added: readonly string[]; readonly removed: readonly string[] }
      const configs = added.flatMap((text) => {
        const parsed = parseRoaPayload(text)
        return 'ok' in parsed ? [{ ...configOf(parsed.ok.payload, parsed.ok.comment ?? null), since: at }] : []
      })
      return { type: 'roas.updated', added: configs, removed }
    }
    case 'child.add':
    case 'child.update': {
      const { child, resources } = args as { readonly child: Handle; readonly resources: ResourceText }
      return { type: command.type === 'child.add' ? 'child.added' : 'child.updated', child, resources }
    }
    case 'child.remove':
      return { type: 'child.removed', child: args['child'] as Handle }
    case 'certificate.record': {
      const { id, label, ca, serial } = args as Readonly<Record<'id' | 'label' | 'ca' | 'serial', string>>
      const none = '' as Sha256
      const by = { how: 'operator', name: '' } as const
      const rest = {
        subject: '',
        names: [],
        key: none,
        sha256: none,
        renews: null,
        by,
        notBefore: at,
        notAfter: at,
        at,
      }
      return { type: 'certificate.issued', id, label, ca, serial, ...rest }
    }
    case 'certificate.revoke':
      return { type: 'certificate.revoked', id: args['id'] as string, reason: args['reason'] as string, at }
    default:
      return undefined
  }
}

function configOf({ asn, prefix, maxLength }: RoaPayload, comment: string | null): RoaConfig {
  return { asn, prefix: formatPrefix(prefix), maxLength, comment, since: '1970-01-01T00:00:00Z' as RoaConfig['since'] }
}
