/**
 * Lists what a recovery loses: the lost commands, and the ROAs, ASPAs, router keys, children and keys that they added or removed.
 * Invariant: derived from the best evidence available (intact events, command records, published ROAs), and used for reports only; a state is
 * never built from it.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry, type Table } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import type { CaEvent } from '../../ca/aggregate.js'
import { configuredAspas } from '../../ca/aspas.js'
import { datesText, scheduledOf, scheduledRoas } from '../../ca/roa-schedule.js'
import type { RoaConfig } from '../../ca/state/configured.js'
import type { CaState } from '../../ca/state/state.js'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import type { EstEvent } from '../../est/events.js'
import type { EstState } from '../../est/state.js'
import type { DomainEvent, StoredCommand } from '../../eventsourcing/types.js'
import type { ReplayClock } from '../../protocols/replay-clock.js'
import { formatAspa, parseAspaPayload } from '../../resources/aspa-payload.js'
import { formatPrefix } from '../../resources/prefix.js'
import { formatRoaPayload, parseRoaPayload } from '../../resources/roa-payload.js'
import { parseRouterName } from '../../resources/router-names.js'
import type { ResourceText, RoaPayload } from '../../resources/types.js'
import { loadPlanned, lostEvents } from '../../store/recover/load.js'
import type { AggregatePlan, LostCommand } from '../../store/recover/plan-types.js'
import type { TaState } from '../../ta/state.js'
import { type EnrolmentLoss, findEnrolmentLosses } from './enrolment-losses.js'
import { replayLoaded } from './planned-state.js'

/** Something that is lost, or that is back because the command that removed it is lost (`back`). */
export type Loss =
  | {
      readonly type: 'command'
      readonly sequence: number
      /** Null if the command record cannot be read. */
      readonly command: string | null
      readonly at: string | null
      readonly actor: string | null
    }
  /** `line` is input for `brine roa update --file -`: `A: …`, or `R: …` for a ROA that is back. */
  | { readonly type: 'roa'; readonly roa: string; readonly back: boolean; readonly line: string }
  /** `aspa` is input for `brine aspa add`; with other providers in its place, both are listed. */
  | { readonly type: 'aspa'; readonly aspa: string; readonly back: boolean }
  /** `dates`: `from T until T`, of a ROA whose other dates, or none, take their place. */
  | { readonly type: 'dates'; readonly roa: string; readonly dates: string; readonly back: boolean }
  /** Name `ROUTER-0000FBF0-<SKI>`; its request is with the router. */
  | { readonly type: 'router'; readonly router: string; readonly back: boolean }
  | { readonly type: 'child'; readonly child: string; readonly back: boolean }
  | { readonly type: 'key'; readonly ski: string; readonly back: boolean }
  | EnrolmentLoss

/** Returns everything that the plan loses. `published`: the ROAs that the CA publishes now. */
export function findLosses(plan: AggregatePlan, published: readonly RoaPayload[]): readonly Loss[] {
  if (plan.lost.length === 0) return []
  const commands = plan.lost.map(commandLoss)
  if (plan.id.kind === 'ca') return [...commands, ...caLosses(plan, published)]
  if (plan.id.kind === 'est')
    return [
      ...commands,
      ...findEnrolmentLosses(
        replayLoaded<EstState>(plan.id, loadPlanned(plan)),
        reconstructFormerState<EstState>(plan).state,
      ),
    ]
  return plan.id.kind === 'ta' ? [...commands, ...taLosses(plan)] : commands
}

function commandLoss({ sequence, record }: LostCommand): Loss {
  return {
    type: 'command',
    sequence,
    command: record?.command.type ?? null,
    at: record?.at ?? null,
    actor: record?.actor ?? null,
  }
}

function caLosses(plan: AggregatePlan, published: readonly RoaPayload[]): readonly Loss[] {
  const kept = replayLoaded<CaState>(plan.id, loadPlanned(plan))
  const { state: former, certain } = reconstructFormerState<CaState>(plan)
  const roas = { ...former.roas }
  // a published ROA was configured; one that is not published may be pending
  if (!certain) for (const payload of published) roas[formatRoaPayload(payload)] ??= configOf(payload, null)
  const lines = [
    ...onlyIn(roas, kept.roas).map(([roa, config]) => ({ roa, back: false, line: roaLine('A', roa, config) })),
    ...onlyIn(kept.roas, roas).map(([roa, config]) => ({ roa, back: true, line: roaLine('R', roa, config) })),
  ]
  return [
    ...lines.map((line) => ({ type: 'roa' as const, ...line })),
    ...aspaLosses(kept, former),
    ...dateLosses(kept, former),
    ...routerLosses(kept, former),
    ...childLosses(kept.children, former.children),
    ...keyLosses(keysOf(kept), keysOf(former)),
  ]
}

function taLosses(plan: AggregatePlan): readonly Loss[] {
  const kept = replayLoaded<TaState>(plan.id, loadPlanned(plan))
  const { state: former } = reconstructFormerState<TaState>(plan)
  const key = (state: TaState): readonly string[] => (state.key === null ? [] : [state.key.ski])
  return [...childLosses(kept.children, former.children), ...keyLosses(key(kept), key(former))]
}

/** Formats a line such as `A: 192.0.2.0/24-24 => 64496 # note`. */
function roaLine(sign: 'A' | 'R', roa: string, { comment }: RoaConfig): string {
  return `${sign}: ${roa}${sign === 'R' || comment === null ? '' : ` # ${comment}`}`
}

function onlyIn<V>(from: Table<V>, to: Table<V>): readonly (readonly [string, V])[] {
  return Object.entries(from)
    .filter(([name]) => entry(to, name) === undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

function aspaLosses(kept: CaState, former: CaState): readonly Loss[] {
  const texts = (state: CaState): readonly string[] => configuredAspas(state).map(formatAspa)
  const named = (from: readonly string[], to: ReadonlySet<string>, back: boolean): readonly Loss[] =>
    from.filter((aspa) => !to.has(aspa)).map((aspa) => ({ type: 'aspa', aspa, back }))
  const [gone, now] = [texts(former), texts(kept)]
  return [...named(gone, new Set(now), false), ...named(now, new Set(gone), true)]
}

/** Returns the dates that only one of the states has. */
function dateLosses(kept: CaState, former: CaState): readonly Loss[] {
  const named = (from: CaState, to: CaState, back: boolean): readonly Loss[] =>
    scheduledRoas(from).flatMap(([roa, own]) =>
      datesText(own) === datesText(scheduledOf(to, roa) ?? {})
        ? []
        : [{ type: 'dates' as const, roa, dates: datesText(own), back }],
    )
  return [...named(former, kept, false), ...named(kept, former, true)]
}

function routerLosses({ routers: kept = {} }: CaState, { routers: former = {} }: CaState): readonly Loss[] {
  const named = (from: Table<unknown>, to: Table<unknown>, back: boolean): readonly Loss[] =>
    onlyIn(from, to).map(([router]) => ({ type: 'router', router, back }))
  return [...named(former, kept, false), ...named(kept, former, true)]
}

function childLosses(kept: Table<unknown>, former: Table<unknown>): readonly Loss[] {
  const named = (from: Table<unknown>, to: Table<unknown>, back: boolean): readonly Loss[] =>
    onlyIn(from, to).map(([child]) => ({ type: 'child', child, back }))
  return [...named(former, kept, false), ...named(kept, former, true)]
}

function keyLosses(kept: readonly string[], former: readonly string[]): readonly Loss[] {
  const named = (from: readonly string[], to: readonly string[], back: boolean): readonly Loss[] =>
    from.filter((ski) => !to.includes(ski)).map((ski) => ({ type: 'key', ski, back }))
  return [...named(former, kept, false), ...named(kept, former, true)]
}

function keysOf(state: CaState): readonly string[] {
  return Object.values(state.classes).flatMap((c) => c.keys.map((k) => k.ski))
}

/** Reconstructs the state that the lost commands led to, as far as possible; `certain` if every one of their events could be read. */
function reconstructFormerState<S>(plan: AggregatePlan): { readonly state: S; readonly certain: boolean } {
  const loaded = loadPlanned(plan)
  let certain = true
  const eventsOf = (lost: LostCommand): readonly DomainEvent[] => {
    const read = lostEvents(plan.id, lost)
    const found = read.filter((event) => event !== undefined)
    if (lost.record === undefined) certain = false
    if (found.length === read.length) return found
    const implied = lost.record === undefined ? undefined : impliedEvent(lost.record)
    if (implied === undefined) certain = false
    return implied === undefined || found.some((event) => event.type === implied.type) ? found : [implied, ...found]
  }
  const stateWith = (lost: readonly LostCommand[]): S =>
    replayLoaded<S>(plan.id, { ...loaded, events: [...loaded.events, ...lost.flatMap(eventsOf)] })
  try {
    return { state: stateWith(plan.lost), certain }
  } catch (error) {
    // unverified events may have any shape
    const isMalformed = error instanceof TypeError || (error instanceof AppError && error.kind === 'format')
    if (!isMalformed || certain) throw error
    return { state: stateWith(plan.lost.filter((lost) => lost.record !== undefined)), certain }
  }
}

/** Returns the event that an accepted command must have led to, from the arguments in its record; undefined for other commands. */
function impliedEvent({ command, at }: StoredCommand): CaEvent | EstEvent | DomainEvent | undefined {
  const args = command.args as Readonly<Record<string, unknown>>
  switch (command.type) {
    case 'roas.update': {
      const {
        added,
        removed,
        annotated = [],
      } = args as Readonly<Record<'added' | 'removed', readonly string[]>> & {
        readonly annotated?: readonly string[]
      }
      const configs = [...annotated, ...added].flatMap((text) => {
        const parsed = parseRoaPayload(text)
        return 'ok' in parsed ? [{ ...configOf(parsed.ok.payload, parsed.ok.comment ?? null), since: at }] : []
      })
      return { type: 'roas.updated', added: configs, removed }
    }
    case 'aspas.update':
      return impliedAspas(args as Readonly<Record<'added' | 'changed' | 'removed', readonly string[]>>, at)
    case 'routers.update':
      return impliedRouters(args as Readonly<Record<'added' | 'removed', readonly string[]>>, at)
    case 'child.add':
    case 'child.update': {
      const { child, resources } = args as { readonly child: Handle; readonly resources: ResourceText }
      return { type: command.type === 'child.add' ? 'child.added' : 'child.updated', child, resources }
    }
    case 'child.remove': {
      const { child, clock } = args as { readonly child: Handle; readonly clock?: ReplayClock }
      return { type: 'child.removed', child, ...(clock === undefined ? {} : { clock }) }
    }
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

/** Returns undefined if the providers of an ASPA were edited: its arguments do not say what the others are. */
function impliedAspas(
  { added, changed, removed }: Readonly<Record<'added' | 'changed' | 'removed', readonly string[]>>,
  since: Instant,
): CaEvent | undefined {
  if (changed.length > 0) return undefined
  const set = added.flatMap((text) => {
    const parsed = parseAspaPayload(text)
    return 'ok' in parsed ? [{ ...parsed.ok.payload, comment: parsed.ok.comment ?? null, since }] : []
  })
  return { type: 'aspas.updated', set, removed }
}

/** Returns the router keys with their names alone: the arguments have no requests. */
function impliedRouters(
  { added, removed }: Readonly<Record<'added' | 'removed', readonly string[]>>,
  since: Instant,
): CaEvent {
  const unknown = { spki: '', request: '', routerId: null, comment: null, since }
  const set = added.flatMap((text) => {
    const name = parseRouterName(text.split(' ')[0] ?? '')
    return name === undefined ? [] : [{ ...name, ski: name.ski as KeyId, ...unknown }]
  })
  return { type: 'routers.updated', set, removed }
}

function configOf({ asn, prefix, maxLength }: RoaPayload, comment: string | null): RoaConfig {
  return { asn, prefix: formatPrefix(prefix), maxLength, comment, since: '1970-01-01T00:00:00Z' as RoaConfig['since'] }
}
