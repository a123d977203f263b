/** `config check` and `config show`: findings in brine.toml with their lines, and every key with its value. Invariant: only `checkConfigAndRecords` opens an aggregate. */
import { resolve } from 'node:path'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { Enrolment } from '../../config/enrolment/schema.js'
import { type ConfigEntry, configDigest, configEntries, loadConfig } from '../../config/load.js'
import { readConfigText } from '../../config/read.js'
import { checkDataDir, readMarker } from '../../store/directory/data-dir.js'
import { startTime } from '../session/clock.js'

export interface ConfigPlace {
  /** Undefined to read only `configPath`. */
  readonly dataDir?: string
  readonly configPath?: string
  /** Text of `BRINE_NOW`. */
  readonly nowOverride?: string
}

export interface ConfigProblem {
  readonly level: 'error' | 'warning'
  readonly line: number
  readonly key: string | null
  readonly message: string
}

export interface ConfigCheckReport {
  /** False with any error, also one that disables only a section; warnings do not matter. */
  readonly ok: boolean
  readonly file: string
  /** Ordered by line. */
  readonly problems: readonly ConfigProblem[]
  /** Number of keys that the file sets outside of tables. */
  readonly set: number
  /** Number of enrolment CAs. */
  readonly cas: number
  /** Number of repository servers. */
  readonly servers: number
}

export interface ConfigShowReport {
  readonly file: string
  /** Digest of the configuration, which is stored in every command record. */
  readonly digest: string
  /** Ordered as in the template; durations in seconds. */
  readonly entries: readonly ConfigEntry[]
}

/** Returns every error and every warning. Throws `config-missing` (usage), `no-data-dir`. */
export async function checkConfig(place: ConfigPlace): Promise<ConfigCheckReport> {
  const file = configFile(place)
  const text = readConfigText(file)
  try {
    const { warnings, set, enrolment, repository } = await loadConfig(text, file)
    const now = clockOf(place)
    const all = [...warnings, ...(enrolment.cas.length === 0 ? [] : await warningsWithLines(text, enrolment, now))]
    const problems = all
      .map((w) => ({ level: 'warning' as const, line: w.line, key: w.key, message: w.message }))
      .sort((a, b) => a.line - b.line)
    const servers = repository.servers.length
    return { ok: true, file, problems, set: set.size, cas: enrolment.cas.length, servers }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'config-invalid') throw error
    const { faults } = error.details as { readonly faults: readonly Omit<ConfigProblem, 'level'>[] }
    const problems = faults.map((f) => ({ level: 'error' as const, ...f }))
    return { ok: false, file, problems, set: 0, cas: 0, servers: 0 }
  }
}

/**
 * Returns what `checkConfig` does, and a warning for each CA that left the group of a label while certificates of it are valid. A data
 * directory that cannot be read is reported by other commands.
 */
export async function checkConfigAndRecords(context: CommandContext): Promise<ConfigCheckReport> {
  const report = await checkConfig(context)
  if (!report.ok || report.cas === 0) return report
  const { formerCaWarnings } = await import('../enrolment/former-cas.js')
  const { openSession } = await import('../session/session.js')
  const warnings = await openSession(context)
    .then(formerCaWarnings)
    .catch((error: unknown) => {
      if (error instanceof AppError) return []
      throw error
    })
  const { lineAt, linesOf } = await import('../../config/lines.js')
  const lines = linesOf(readConfigText(report.file))
  const more = warnings.map(({ place, message }) => {
    return { level: 'warning' as const, line: lineAt(lines, place), key: place.join('.'), message }
  })
  return { ...report, problems: [...report.problems, ...more].sort((a, b) => a.line - b.line) }
}

/** Returns every key with its effective value and its source. Throws `config-invalid` (usage). */
export async function showConfig(place: ConfigPlace): Promise<ConfigShowReport> {
  const file = configFile(place)
  const loaded = await loadConfig(readConfigText(file), file)
  return { file, digest: configDigest(loaded), entries: configEntries(loaded) }
}

/** Returns the warnings about enrolment CAs and groups, with their lines. */
async function warningsWithLines(
  text: string,
  enrolment: Enrolment,
  now: Instant,
): Promise<readonly Omit<ConfigProblem, 'level'>[]> {
  const { outlivedCas, watchedCertificates } = await import('../../config/enrolment/expiry.js')
  const { enrolmentWarnings } = await import('../../config/enrolment/warnings.js')
  const { lineAt, linesOf } = await import('../../config/lines.js')
  const lines = linesOf(text)
  const expiring = watchedCertificates(enrolment, now).filter(({ level }) => level !== 'ok')
  return [...enrolmentWarnings(enrolment), ...expiring, ...outlivedCas(enrolment, now)].map(({ place, message }) => ({
    line: lineAt(lines, place),
    key: place.join('.'),
    message,
  }))
}

/** Returns the time that certificates are judged at: BRINE_NOW counts in a test directory alone. */
function clockOf({ dataDir, nowOverride }: ConfigPlace): Instant {
  const isTest = dataDir !== undefined && readMarker(checkDataDir(dataDir)).test === true
  return startTime(isTest ? nowOverride : undefined, isTest).at
}

function configFile({ dataDir, configPath }: ConfigPlace): string {
  if (dataDir === undefined) return resolve(configPath ?? 'brine.toml')
  const dir = checkDataDir(dataDir)
  readMarker(dir)
  return configPath ?? resolve(dir, 'brine.toml')
}
