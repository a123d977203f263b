/**
 * `pubserver push`: brings the published tree to several servers in two phases. Invariants: no notification is replaced before every target
 * that can be reached has all files; a target that fails does not keep the others back; no network call under the write lock.
 */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { prepare, switchOver, withScratch } from '../../distribution/push.js'
import { clean } from '../../distribution/push-clean.js'
import { type PushRecords, readPushes, writePushes } from '../../distribution/push-record.js'
import type { Prepared, PushRun } from '../../distribution/push-run.js'
import { readSource, refuseChanged, versionOf } from '../../distribution/push-source.js'
import { isWithinOwn, type PushTarget, parseTarget } from '../../distribution/push-target.js'
import { rsync } from '../../distribution/rsync-program.js'
import { Work } from '../../eventsourcing/work.js'
import { withJobLock } from '../../store/directory/job-lock.js'
import { pubdState } from '../session/context.js'
import { refuseStandby } from '../session/role.js'
import type { Session } from '../session/session.js'
import { refuseDisabledServers } from './configured.js'

export interface PushOptions {
  /** Empty: those of the configuration. */
  readonly targets: readonly string[]
  /** Seconds for each phase of one target. */
  readonly seconds: number
  /** True: compares only. */
  readonly dryRun?: boolean
}

export interface PushedTarget {
  readonly target: string
  readonly ok: boolean
  /** The serial that it served before; null if none of this session. */
  readonly from: number | null
  /** False if it served this version already; in a dry run: true if it would be switched. */
  readonly switched: boolean
  /** Number of files that were sent. */
  readonly files: number
  /** Number of old files and rsync trees that were removed. */
  readonly removed: number
  readonly error: { readonly code: string; readonly message: string; readonly hint: string | null } | null
}

export interface PushReport {
  readonly session: string
  readonly serial: number
  /** In the order given. */
  readonly targets: readonly PushedTarget[]
  readonly failed: number
  readonly dryRun: boolean
  /** True if something was written to a target. */
  readonly changed: boolean
}

/**
 * Pushes to every target. A target that fails is in the report. Throws `push-targets-missing`, `push-target-invalid`, `push-nothing-published`
 * (usage), `standby`, `locked` if another push is running, `rsync-missing` (remote).
 */
export async function push(session: Session, options: PushOptions): Promise<PushReport> {
  const { seconds, dryRun = false } = options
  const targets = targetsOf(session, options.targets)
  refuseStandby(session)
  const canSync = await isSyncing()
  const rrdpBase = await session.store.read(async (reader) => pubdState(new Work(reader)).rrdpBase)
  const request = {
    name: 'push',
    timeout: session.options.lockTimeoutSeconds ?? session.config.lockTimeout,
    command: session.options.command,
    warn: (text: string): void => session.options.onNotice?.(text),
  }
  return withJobLock(session.store.layout, request, async (lock) => {
    const source = readSource(session.repoDir, rrdpBase)
    return withScratch(source, (scratch) =>
      pushTo(session, targets, { source, scratch, seconds, dryRun, canSync, lock }),
    )
  })
}

type Common = Pick<PushRun, 'source' | 'scratch' | 'seconds' | 'canSync' | 'lock' | 'dryRun'>

async function pushTo(session: Session, targets: readonly PushTarget[], common: Common): Promise<PushReport> {
  const { source } = common
  const now = session.now()
  const records = readPushes(session.store.status, now)
  const version = versionOf(source)
  const run = (target: PushTarget): PushRun => ({
    ...common,
    target,
    now,
    record: records[target.text],
    oldFilesSeconds: Math.max(session.config.rrdpOldFilesSeconds, RETENTION),
  })
  const prepared = await Promise.allSettled(targets.map((target) => prepare(run(target))))
  refuseChanged(source, version)
  const done = await Promise.allSettled(prepared.map((one) => finish(one)))
  if (!common.dryRun) record(session, records, targets, done, now)
  const rows = done.map((one, n) => row(targets[n]?.text ?? '', one))
  const { session: id, serial } = source
  const { dryRun } = common
  const changed = !dryRun && rows.some((one) => one.switched || one.files + one.removed > 0)
  return { session: id, serial, targets: rows, failed: rows.filter(({ ok }) => !ok).length, dryRun, changed }
}

/** Seconds that the practice for publication servers asks for. */
const RETENTION = 7200

interface Finished extends Awaited<ReturnType<typeof clean>> {
  readonly prepared: Prepared
  readonly switched: boolean
}

async function finish(one: PromiseSettledResult<Prepared>): Promise<Finished> {
  if (one.status === 'rejected') throw one.reason
  const switched = await switchOver(one.value)
  return { prepared: one.value, switched, ...(await clean(one.value)) }
}

function record(
  session: Session,
  before: PushRecords,
  targets: readonly PushTarget[],
  done: readonly PromiseSettledResult<Finished>[],
  now: Instant,
): void {
  const fresh = done.flatMap((one, n) =>
    one.status === 'fulfilled' ? [[targets[n]?.text ?? '', { ...one.value.record, at: now }] as const] : [],
  )
  try {
    writePushes(session.store.status, { ...before, ...Object.fromEntries(fresh) })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    session.options.onNotice?.(`cannot write status/push: ${error.message}`)
  }
}

function row(target: string, one: PromiseSettledResult<Finished>): PushedTarget {
  if (one.status === 'fulfilled') {
    const { prepared, switched, removed } = one.value
    return { target, ok: true, from: prepared.served, switched, files: prepared.files, removed, error: null }
  }
  const { reason } = one as { readonly reason: unknown }
  if (!(reason instanceof AppError)) throw reason
  const { code, message, hint = null } = reason
  return { target, ok: false, from: null, switched: false, files: 0, removed: 0, error: { code, message, hint } }
}

/** Returns the targets, each once. */
function targetsOf(session: Session, given: readonly string[]): readonly PushTarget[] {
  if (given.length === 0) refuseDisabledServers(session)
  const configured = session.loaded.repository.servers.flatMap(({ push: target }) => target ?? [])
  const texts = given.length > 0 ? given : configured
  if (texts.length === 0)
    throw new AppError('usage', 'push-targets-missing', 'no target is given, and none is configured', {
      hint: `name one: brine pubserver push TARGET, or set push in a [[repository.server]] of ${session.configPath}`,
    })
  const targets = texts.map(parseTarget)
  for (const target of targets) refuseOwn(session, target)
  return targets.filter(({ text }, n) => targets.findIndex((one) => one.text === text) === n)
}

/** Throws `push-target-invalid` (usage) for a folder in the data directory or the published tree, or around them. */
function refuseOwn({ repoDir, store }: Session, target: PushTarget): void {
  if (!isWithinOwn(target, [repoDir, store.dir])) return
  const message = `${target.text} is in the data directory or the published tree, or around it`
  throw new AppError('usage', 'push-target-invalid', message, { hint: 'name a folder of its own' })
}

/** Returns true if the installed rsync knows --fsync (3.2.4). Throws `rsync-missing` (remote). */
async function isSyncing(): Promise<boolean> {
  const text = await rsync({ args: ['--help'], seconds: 30, where: 'rsync' })
  return text.includes('--fsync')
}
