/**
 * `doctor`: checks of the machine, the data directory and everything that `status` and `config check` know.
 * Invariant: it changes nothing, connects to nothing unless it is asked to, and one check that fails leaves the others as they are.
 */
import { join, resolve } from 'node:path'
import { folderFacts } from '../../audit/host-survey.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { ownerFault, programFault } from '../../hooks/program.js'
import { checkConfig } from '../operations/config.js'
import { showTls } from '../operations/tls.js'
import { systemTime } from '../session/clock.js'
import { openSession, type Session } from '../session/session.js'
import type { StatusReport } from '../status/report.js'
import { status } from '../status/status.js'
import { type DoctorCheck, faultOf, guarded, ok, sorted, warning } from './check.js'
import { clockChecks } from './clock.js'
import { directoryChecks, diskChecks, diskFacts, lockChecks, permissionChecks } from './directory.js'
import { statusChecks } from './findings.js'
import { keyChecks } from './keys.js'
import { type ProgramFacts, programChecks } from './program.js'

export interface DoctorReport {
  /** False with any fault; warnings do not matter. */
  readonly ok: boolean
  readonly dataDir: string
  readonly at: Instant
  readonly checks: readonly DoctorCheck[]
  /** Checks that are not `ok`, faults first. */
  readonly problems: readonly DoctorCheck[]
  /** File with the bundle; null without --bundle. */
  readonly bundle: string | null
}

export interface DoctorOptions {
  readonly program: ProgramFacts
  readonly uid: number | undefined
  /** True: connect to the servers that state and configuration name. */
  readonly network: boolean
}

/** A report, and what a bundle has beside it. */
export interface Diagnosis {
  readonly report: DoctorReport
  readonly session: Session | undefined
  readonly status: StatusReport | undefined
}

/** Runs all checks. Throws `no-data-dir` if the directory does not exist. */
export async function diagnose(context: CommandContext, options: DoctorOptions): Promise<Diagnosis> {
  const dir = resolve(context.dataDir)
  const facts = folderFacts(dir)
  if (facts === 'ENOENT' || facts === 'ENOTDIR')
    throw new AppError('no-data-dir', 'no-data-dir', `${dir}: no such directory`, {
      hint: `brine init --data-dir ${dir}`,
    })
  const opened = await open(context)
  const { session } = opened
  const found =
    session === undefined ? undefined : await status(session).catch((error: unknown) => faultOf('state', error))
  const now = session?.now() ?? systemTime()
  const isTest = session?.fixedTime === true
  const groups = [
    programChecks(options.program),
    directoryChecks(dir, options.uid),
    await guarded('permissions', () => permissionChecks(dir)),
    await guarded('disk', () => diskChecks(diskFacts(dir, session?.repoDir ?? ''))),
    await guarded('lock', () => lockChecks(dir, now)),
    await guarded('configuration', () => configChecks(context, dir)),
    isTest ? [] : await guarded('clock', () => clockChecks(session?.clockSigns, dir, now)),
    ...(opened.failure === undefined ? [] : [[opened.failure]]),
    ...(session === undefined ? [] : [await sessionChecks(session)]),
    ...(found === undefined ? [] : ['check' in found ? [found] : statusChecks(found)]),
    ...(session === undefined || !options.network ? [] : [await guarded('network', () => reachServers(session))]),
  ]
  const report = found === undefined || 'check' in found ? undefined : found
  return { report: reportOf(dir, now, groups.flat()), session, status: report }
}

async function open(context: CommandContext): Promise<{ readonly session?: Session; readonly failure?: DoctorCheck }> {
  // a read changes nothing, not even where auto_upgrade allows it
  const { upgradeFirst: _, ...reading } = context
  try {
    return { session: await openSession(reading) }
  } catch (error) {
    const isConfig = error instanceof AppError && error.code.startsWith('config-')
    return isConfig ? {} : { failure: faultOf('state', error) }
  }
}

async function sessionChecks(session: Session): Promise<readonly DoctorCheck[]> {
  const keys = await guarded('keys', () => keyChecks(session))
  const tls = await guarded('certificates', async () => {
    const { problems, notAfter } = await showTls(session)
    if (problems.length === 0)
      return [ok('certificates', `HTTPS: key and certificate belong together, until ${notAfter}`)]
    return problems.map((message) =>
      warning('certificates', 'tls', `HTTPS: ${message}`, 'brine tls show; brine tls renew'),
    )
  })
  return [...keys, ...tls, ...(await guarded('hooks', () => hookChecks(session)))]
}

function hookChecks({ loaded, configPath }: Session): readonly DoctorCheck[] {
  const { program, on } = loaded.hooks
  if (program === undefined) return []
  const fault = programFault(program) ?? ownerFault(configPath)
  if (fault === undefined) return [ok('hooks', `${program} on ${on.join(', ')}`)]
  return [warning('hooks', 'hook-unusable', `not run: ${fault}`, 'correct owner and mode, or change [hooks]')]
}

async function configChecks(context: CommandContext, dir: string): Promise<readonly DoctorCheck[]> {
  const { problems, file, set } = await checkConfig({ configPath: context.configPath ?? join(dir, 'brine.toml') })
  if (problems.length === 0) return [ok('configuration', `${file}: valid, ${set} settings changed from default`)]
  return problems.map(({ level, line, message }) => ({
    check: 'configuration' as const,
    level: level === 'error' ? ('fault' as const) : ('warning' as const),
    code: level === 'error' ? 'config-fault' : 'config-warning',
    message: `${file}:${line}: ${message}`,
    hint: 'brine config check',
  }))
}

/** Loaded only with --network. */
async function reachServers(session: Session): Promise<readonly DoctorCheck[]> {
  return (await import('./network.js')).networkChecks(session)
}

function reportOf(dataDir: string, at: Instant, all: readonly DoctorCheck[]): DoctorReport {
  const checks = sorted(all)
  const problems = ['fault', 'warning'].flatMap((level) => checks.filter((one) => one.level === level))
  return { ok: checks.every(({ level }) => level !== 'fault'), dataDir, at, checks, problems, bundle: null }
}
