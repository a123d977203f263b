/**
 * Report of a recovery, before and after it is committed: files, commands, ROAs, children and keys, by aggregate.
 * Invariant: derived from the plan only, so that a dry run and the record in history are the same.
 */
import { relative } from 'node:path'
import type { Handle } from '../../base/handle.js'
import type { CommitResult } from '../../eventsourcing/store.js'
import { formatAggregateId, type Gone, kindWord, type NumberRange } from '../../eventsourcing/types.js'
import type { Marker } from '../../store/directory/data-dir.js'
import type { RecoverySources } from '../../store/recover/evidence.js'
import { isAnyGone } from '../../store/recover/plan.js'
import type { RecoveryPlan } from '../../store/recover/plan-all.js'
import type { AggregatePlan } from '../../store/recover/plan-types.js'
import type { Session } from '../session/session.js'
import { findLosses, type Loss } from './losses.js'
import { type LostObject, type PlannedFiles, plannedPubd, publishedRoas } from './planned-state.js'
import type { Reconciled } from './reconcile.js'

/** A file of an aggregate that was repaired. */
export interface RepairedFile {
  readonly file: string
  /** `rebuilt`: made anew from the state; `copied`: from a copy that was given; `archived`: from an archive folder; `put-back`: from `surplus/` or `corrupt/`. */
  readonly how: 'rebuilt' | 'copied' | 'archived' | 'put-back'
  /** The file in this data directory that it was put back from; null otherwise. */
  readonly from: string | null
}

export interface RecoveredAggregate {
  readonly kind: string
  readonly handle: Handle
  readonly fromVersion: number
  /** Version before the recovery whose state is kept. */
  readonly toVersion: number
  /** Sequence of the command that records the recovery in history; null if none is recorded. */
  readonly sequence: number | null
  /** Version of the snapshot that the state is based on; null if replayed from the first event. */
  readonly snapshot: number | null
  readonly corrupt: readonly string[]
  readonly surplus: readonly string[]
  readonly replaced: readonly string[]
  /** The same files, each with what was done. */
  readonly repaired: readonly RepairedFile[]
  /** Files of history that are lost, and that the state does not depend on. */
  readonly gone: readonly string[]
  readonly lost: readonly Loss[]
}

export interface RecoverReport {
  readonly aggregates: readonly RecoveredAggregate[]
  readonly commits: {
    /** Rebuilt from the command records. */
    readonly rebuilt: readonly number[]
    readonly replaced: readonly number[]
    /** Moved to `commits/corrupt/`. */
    readonly corrupt: readonly string[]
    /** The oldest of the commits that can no longer be verified and are lost; null if none is lost. */
    readonly lostFrom: number | null
  }
  /** Files `archived.json` that were missing or damaged: restored from a copy, or rebuilt from the records of archived commands. */
  readonly archives: { readonly replaced: readonly string[]; readonly rebuilt: readonly string[] }
  readonly objects: {
    readonly corrupt: readonly string[]
    readonly replaced: readonly string[]
    /** Missing everywhere, and issued again. */
    readonly missing: readonly string[]
    /** Missing everywhere, and impossible to issue again here. */
    readonly lost: readonly LostObject[]
  }
  /** True if the published tree was rewritten, or would be in a dry run. */
  readonly served: boolean
  /** Private keys that states reference. */
  readonly keys: { readonly replaced: readonly string[]; readonly missing: readonly string[] }
  readonly failed: readonly { readonly aggregate: string; readonly code: string; readonly message: string }[]
  /** CAs that a parent no longer lists as its child. */
  readonly orphans: readonly Handle[]
  readonly generation: number
  readonly serial: number | null
  /** True if commands are lost. */
  readonly loses: boolean
  /** True if files of history that no state needs are given up: what they recorded is no longer proved. */
  readonly losesHistory: boolean
  readonly changed: boolean
  readonly dryRun: boolean
  /** Value of `permit` that permits exactly this loss. */
  readonly lossKey: string
}

/** Returns the report of a plan that has not been committed yet. */
export function reportOf(
  session: Session,
  places: RecoverySources,
  plan: RecoveryPlan,
  named: PlannedFiles,
): RecoverReport {
  const { chain } = plan
  const server = plan.loses ? plannedPubd(places, plan) : undefined
  const dir = session.store.dir
  return {
    aggregates: plan.aggregates.map(({ plan: a, caches }) => {
      const links = caches.damagedLinks.map((name) => `${relative(dir, places.layout.folder(a.id))}/${name}`)
      const info = caches.infoValid || a.recorded ? [] : [`${relative(dir, places.layout.folder(a.id))}/info.json`]
      return rowOf(dir, a, [...links, ...info], findLosses(a, publishedRoas(places, server, a.id)))
    }),
    commits: {
      rebuilt: chain.repaired.filter((m) => m.from === undefined).map((m) => m.n),
      replaced: chain.repaired.filter((m) => m.from !== undefined).map((m) => m.n),
      corrupt: chain.damaged.map((path) => relative(dir, path)),
      lostFrom: chain.lostFrom ?? null,
    },
    archives: {
      replaced: plan.indexes.filter((i) => i.fromCopy).map((i) => relative(dir, i.path)),
      rebuilt: plan.indexes.filter((i) => !i.fromCopy).map((i) => relative(dir, i.path)),
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
    losesHistory: plan.aggregates.some(({ plan: a }) => isAnyGone(a.gone)),
    changed: false,
    dryRun: false,
    lossKey: lossKey(plan),
  }
}

function rowOf(dir: string, plan: AggregatePlan, caches: readonly string[], lost: readonly Loss[]): RecoveredAggregate {
  const { id, newest, base, build, fromSnapshot, gone } = plan
  const names = (paths: readonly string[]): readonly string[] => paths.map((path) => relative(dir, path))
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
    repaired: [...plan.replaced.map((r) => repairedFile(dir, r)), ...caches.map(rebuiltFile)],
    gone: goneFiles(gone),
    lost,
  }
}

function repairedFile(dir: string, { from, to, where }: AggregatePlan['replaced'][number]): RepairedFile {
  const how = ({ aside: 'put-back', archived: 'archived', given: 'copied' } as const)[where]
  return { file: relative(dir, to), how, from: where === 'aside' ? relative(dir, from) : null }
}

function rebuiltFile(file: string): RepairedFile {
  return { file, how: 'rebuilt', from: null }
}

function goneFiles({ commands, events, snapshots = [] }: Gone): readonly string[] {
  const ranges = (what: string, list: readonly NumberRange[]): readonly string[] =>
    list.map(([from, to]) => (from === to ? `${what}-${from}.json` : `${what}-${from}.json to ${what}-${to}.json`))
  return [...ranges('command', commands), ...ranges('event', events), ...ranges('snapshot', snapshots)]
}

function lossKey({ aggregates, chain }: RecoveryPlan): string {
  const parts = aggregates
    .filter(({ plan }) => plan.lost.length > 0)
    .map(({ plan }) => `${formatAggregateId(plan.id)}:${plan.base.sequence}-${plan.newest.sequence}`)
  const gone = aggregates
    .filter(({ plan }) => isAnyGone(plan.gone))
    .map(({ plan }) => `${formatAggregateId(plan.id)}:${goneFiles(plan.gone).join(',')}`)
  return [...parts, ...gone, `commits:${chain.lostFrom ?? '-'}`].join(' ')
}

/** Returns the report of the committed plan. `commit` records the recovery in history; undefined if only files were repaired. */
export function asCommitted(told: RecoverReport, commit: CommitResult | undefined): RecoverReport {
  const aggregates = told.aggregates.map((row) => {
    const own = commit?.aggregates.find(({ id }) => kindWord(id.kind) === row.kind && id.handle === row.handle)
    return { ...row, sequence: own?.sequence ?? null }
  })
  return { ...told, aggregates, changed: true }
}

/** Adds the results of the reconciliation to the report. */
export function withReconciled(report: RecoverReport, joined: Reconciled, { generation }: Marker): RecoverReport {
  const { serial, orphans, failed } = joined
  return { ...report, serial, orphans, generation, failed: [...report.failed, ...failed] }
}
