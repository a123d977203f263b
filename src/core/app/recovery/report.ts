/**
 * What a recovery says, before it is done and after: files, commands, ROAs, children and keys, by aggregate.
 * Invariant: told from the plan alone, so that a dry run and the record in history say the same.
 */
import { relative } from 'node:path'
import type { Handle } from '../../base/handle.js'
import type { CommitResult } from '../../eventsourcing/store.js'
import { formatAggregateId, kindWord } from '../../eventsourcing/types.js'
import type { Marker } from '../../store/directory/data-dir.js'
import type { RecoverySources } from '../../store/recover/evidence.js'
import type { AggregatePlan } from '../../store/recover/plan.js'
import type { RecoveryPlan } from '../../store/recover/plan-all.js'
import type { Session } from '../transaction/session.js'
import { type Lost, lostOf } from './lost.js'
import { type LostObject, type PlannedNames, plannedPubd, publishedRoas } from './planned-state.js'
import type { Reconciled } from './reconcile.js'

export interface RecoveredAggregate {
  readonly kind: string
  readonly handle: Handle
  readonly fromVersion: number
  /** The state is as of this version of before. */
  readonly toVersion: number
  /** The command that says so in history; null where nothing had to be said. */
  readonly sequence: number | null
  /** Version of the snapshot that the state is from; null: replayed from the first event. */
  readonly snapshot: number | null
  readonly corrupt: readonly string[]
  readonly surplus: readonly string[]
  readonly replaced: readonly string[]
  /** Files of history that nothing brings back, and that the state did not need. */
  readonly gone: readonly string[]
  readonly lost: readonly Lost[]
}

export interface RecoverReport {
  readonly aggregates: readonly RecoveredAggregate[]
  readonly commits: {
    /** Built anew from the command records. */
    readonly rebuilt: readonly number[]
    readonly replaced: readonly number[]
    /** Moved to `commits/corrupt/`. */
    readonly corrupt: readonly string[]
    /** The first of the newest commits that nothing proves any more; null: none is lost. */
    readonly lostFrom: number | null
  }
  readonly objects: {
    readonly corrupt: readonly string[]
    readonly replaced: readonly string[]
    /** Nothing brings them back: issued anew. */
    readonly missing: readonly string[]
    /** Nothing brings them back, and nobody here can make them anew. */
    readonly lost: readonly LostObject[]
  }
  /** The published tree is (in a dry run: would be) written anew. */
  readonly served: boolean
  /** Private keys that states name. */
  readonly keys: { readonly replaced: readonly string[]; readonly missing: readonly string[] }
  readonly failed: readonly { readonly aggregate: string; readonly code: string; readonly message: string }[]
  /** CAs that their parent knows no more. */
  readonly orphans: readonly Handle[]
  readonly generation: number
  readonly serial: number | null
  /** Are commands lost? */
  readonly loses: boolean
  readonly changed: boolean
  readonly dryRun: boolean
  /** What `permit` must name to lose exactly this. */
  readonly lossKey: string
}

/** The report of a plan that nobody has carried out yet. */
export function reportOf(
  session: Session,
  places: RecoverySources,
  plan: RecoveryPlan,
  named: PlannedNames,
): RecoverReport {
  const { chain } = plan
  const server = plan.loses ? plannedPubd(places, plan) : undefined
  const dir = session.store.dir
  return {
    aggregates: plan.aggregates.map(({ plan: a, caches }) => {
      const links = caches.damagedLinks.map((name) => `${relative(dir, places.layout.folder(a.id))}/${name}`)
      const info = caches.infoValid || a.recorded ? [] : [`${relative(dir, places.layout.folder(a.id))}/info.json`]
      return rowOf(dir, a, [...links, ...info], lostOf(a, publishedRoas(places, server, a.id)))
    }),
    commits: {
      rebuilt: chain.repaired.filter((m) => m.from === undefined).map((m) => m.n),
      replaced: chain.repaired.filter((m) => m.from !== undefined).map((m) => m.n),
      corrupt: chain.damaged.map((path) => relative(dir, path)),
      lostFrom: chain.lostFrom ?? null,
    },
    objects: {
      corrupt: named.objects.damaged.map((path) => relative(dir, path)),
      replaced: named.objects.replaced,
      missing: named.objects.missing,
      lost: named.lost,
    },
    keys: { replaced: named.keys.replaced.map(([id]) => id), missing: named.keys.missing },
    failed: plan.failed.map(({ id, error }) => ({
      aggregate: formatAggregateId(id),
      code: error.code,
      message: error.message,
    })),
    orphans: [],
    served: false,
    generation: session.store.marker.generation,
    serial: null,
    loses: plan.loses,
    changed: false,
    dryRun: false,
    lossKey: lossKey(plan),
  }
}

function rowOf(dir: string, plan: AggregatePlan, caches: readonly string[], lost: readonly Lost[]): RecoveredAggregate {
  const { id, newest, base, build, fromSnapshot, gone } = plan
  const names = (paths: readonly string[]): readonly string[] => paths.map((path) => relative(dir, path))
  const ranges = (what: string, list: readonly (readonly [number, number])[]): readonly string[] =>
    list.map(([from, to]) => (from === to ? `${what}-${from}.json` : `${what}-${from}.json to ${what}-${to}.json`))
  return {
    kind: kindWord(id.kind),
    handle: id.handle,
    fromVersion: newest.version,
    toVersion: base.version,
    sequence: plan.recorded ? newest.sequence + 1 : null,
    snapshot: fromSnapshot ? (build[0]?.named.version ?? null) : null,
    corrupt: names(plan.corrupt),
    surplus: names(plan.surplus),
    replaced: [...names(plan.replaced.map((r) => r.to)), ...caches],
    gone: [...ranges('command', gone.commands), ...ranges('event', gone.events)],
    lost,
  }
}

function lossKey({ aggregates, chain }: RecoveryPlan): string {
  const parts = aggregates
    .filter(({ plan }) => plan.lost.length > 0)
    .map(({ plan }) => `${formatAggregateId(plan.id)}:${plan.base.sequence}-${plan.newest.sequence}`)
  return [...parts, `commits:${chain.lostFrom ?? '-'}`].join(' ')
}

/** Of the same plan, carried out; `commit` is the one that says so. */
export function finished(told: RecoverReport, commit: CommitResult | undefined): RecoverReport {
  const aggregates = told.aggregates.map((row) => {
    const own = commit?.aggregates.find(({ id }) => kindWord(id.kind) === row.kind && id.handle === row.handle)
    return { ...row, sequence: own?.sequence ?? null }
  })
  return { ...told, aggregates, changed: true }
}

/** With what bringing everything together has led to. */
export function withReconciled(report: RecoverReport, joined: Reconciled, { generation }: Marker): RecoverReport {
  const { serial, orphans, failed } = joined
  return { ...report, serial, orphans, generation, failed: [...report.failed, ...failed] }
}
