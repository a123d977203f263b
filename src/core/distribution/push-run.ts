/** One push to one target: what it works with, and its calls of rsync. */
import type { Instant } from '../base/time.js'
import { DEFAULT_TREES } from '../publication/tree-choice.js'
import type { Tree } from '../publication/writer-records.js'
import type { TargetRecord } from './push-record.js'
import type { PushSource } from './push-source.js'
import type { PushTarget } from './push-target.js'
import { rsync } from './rsync-program.js'

export interface PushRun {
  readonly target: PushTarget
  readonly source: PushSource
  /** Of the last push that succeeded. */
  readonly record: TargetRecord | undefined
  readonly now: Instant
  /** Seconds for one phase. */
  readonly seconds: number
  /** Seconds for which an RRDP file stays after the notification no longer lists it. */
  readonly oldFilesSeconds: number
  /** Folder of `withScratch`. */
  readonly scratch: string
  /** True if the installed rsync can sync what it writes. */
  readonly canSync: boolean
  /** Descriptor of the lock, which each rsync holds: one that outlives this process must end before another push starts. */
  readonly lock: number
  /** True: nothing is written to the target. */
  readonly dryRun: boolean
}

/** A target with all files of the new version, which still serves the old one. */
export interface Prepared {
  readonly run: PushRun
  /** Serial that the target serves; null if it serves none, or another session. */
  readonly served: number | null
  /** The tree that `current` points to; undefined without one. */
  readonly before: string | undefined
  /** The tree with the new version; the same as `before` if that has it already. */
  readonly tree: string
  readonly trees: readonly Tree[]
  /** Files below `rrdp/` that the new notification does not list. */
  readonly unlisted: readonly string[]
  readonly isNotified: boolean
  /** Number of files that were sent. */
  readonly files: number
}

/** Changes follow each other faster than here: in two hours there are fewer than this. */
export const TREES = { ...DEFAULT_TREES, keepSeconds: 0, max: 200 }

/** Runs rsync for one target. */
export type Call = (args: readonly string[], input?: string) => Promise<string>

/** Returns a function that has the time of one phase for all its runs. */
export function caller({ target, seconds, canSync, lock, dryRun }: PushRun): Call {
  const until = performance.now() + seconds * 1000
  const stall = Math.max(1, Math.min(60, Math.ceil(seconds)))
  const connecting = target.kind === 'daemon' ? [`--contimeout=${Math.min(15, stall)}`] : []
  const syncing = target.kind === 'folder' && canSync ? ['--fsync'] : []
  const trying = dryRun ? ['-n'] : []
  return (args, input = '') => {
    const left = Math.max(0.1, (until - performance.now()) / 1000)
    const options = args.includes('--list-only') ? connecting : [...connecting, ...syncing, ...trying]
    return rsync({ args: [`--timeout=${stall}`, ...options, ...args], seconds: left, input, where: target.text, lock })
  }
}

export function newTree(name: string): Tree {
  return { name, session: '', serial: 0, retiredAt: null }
}
