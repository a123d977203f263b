/**
 * Session of one command: the open data directory, its configuration and the clock.
 * Invariant: opening writes nothing, unless `auto_upgrade` permits to migrate an older format; `transact` (transact.ts) takes the lock.
 */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import type { ClockSigns } from '../../base/clock-advance.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import type { Clock } from '../../base/ports.js'
import { addSeconds, type Instant, later } from '../../base/time.js'
import type { Enrolment } from '../../config/enrolment/schema.js'
import { configDigest, type LoadedConfig, loadUsableConfig, timingOf } from '../../config/load.js'
import { readConfigText } from '../../config/read.js'
import type { Config } from '../../config/schema.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { Reader } from '../../eventsourcing/store.js'
import type { Timing } from '../../issuing/timing.js'
import { type FileStore, openStore } from '../../store/commit/file-store.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import { systemClockSigns } from '../../store/directory/system-clock.js'
import { refuseReplaced } from '../../store/directory/tree-lock.js'
import { startTime, systemTime } from './clock.js'
import { hasAllReferences } from './revision-completeness.js'

export interface Session {
  readonly options: CommandContext
  readonly store: FileStore
  readonly config: Config
  readonly enrolment: Enrolment
  readonly loaded: LoadedConfig
  readonly configPath: string
  readonly configDigest: Sha256
  readonly timing: Timing
  readonly repoDir: string
  readonly cores: number
  /** Returns the clock for work on this revision. Each revision needs its own, since another command may have committed meanwhile. */
  readonly clockFor: (reader: Pick<Reader, 'at'>) => Clock
  readonly now: () => Instant
  /** True if the time is BRINE_NOW. */
  readonly fixedTime: boolean
  readonly clockSigns: ClockSigns
  /** True only for a clock reset: its commit may be earlier than the newest one. */
  readonly resetsClock?: true
}

/** Opens the store, after a migration if its format is older and the configuration permits that. Throws `format-older` if it does not. */
async function openMigrated(options: CommandContext): Promise<FileStore> {
  const asCopy = options.asCopy === true
  try {
    return openStore(options.dataDir, { command: options.command, asCopy })
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'format-older') throw error
    if (options.upgradeFirst === undefined) throw error
    await options.upgradeFirst(options, error)
    return openStore(options.dataDir, { command: options.command })
  }
}

/** Opens a data directory and reads its configuration. Throws `no-data-dir`, `format`, `usage` (configuration, BRINE_NOW), `credentials` (modes). */
export async function openSession(options: CommandContext): Promise<Session> {
  const store = await openMigrated(options)
  const configPath = options.configPath ?? resolve(store.dir, 'brine.toml')
  const loaded = await loadUsableConfig(readConfigText(configPath), configPath)
  const { config } = loaded
  const configured = openStore(options.dataDir, {
    command: options.command,
    snapshotInterval: config.snapshotInterval,
    lockTimeout: options.lockTimeoutSeconds ?? config.lockTimeout,
    asCopy: options.asCopy === true,
    complete: (reader) => hasAllReferences(reader as StoreReader, configured),
    ...(options.onNotice === undefined ? {} : { onWarning: options.onNotice }),
    ...(options.archives === undefined ? {} : { archives: options.archives }),
  })
  // the configuration is that of the directory that was opened first
  refuseReplaced(configured.dir, store.identity)
  const start = startTime(options.nowOverride, store.marker.test === true)
  const now = (): Instant => (start.fixed ? start.at : systemTime())
  return {
    options,
    store: configured,
    config,
    enrolment: loaded.enrolment,
    loaded,
    configPath,
    configDigest: configDigest(loaded),
    timing: timingOf(config),
    repoDir: config.repoDir === undefined ? resolve(store.dir, 'repo') : resolve(store.dir, config.repoDir),
    cores: availableParallelism(),
    now,
    fixedTime: start.fixed,
    clockSigns: systemClockSigns,
    clockFor: (reader) => ({
      now: () => (start.fixed && reader.at !== undefined ? later(start.at, addSeconds(reader.at, 1)) : now()),
    }),
  }
}
