/** Derives the outcomes on which a hook can run from the report or error of a command. Pure. */
import { AppError, faultsOf } from '../../base/errors.js'
import { addSeconds, type Instant } from '../../base/time.js'
import type { OutcomeName } from '../../config/hooks/schema.js'
import type { BackupReport } from '../backup/create.js'
import type { TickReport } from '../operations/tick.js'
import type { AuditReport } from '../proof/audit.js'
import { HELD_CODES } from '../session/held-changes.js'

export interface Outcome {
  readonly outcome: OutcomeName
  /** Description of what happened, in one sentence. */
  readonly message: string
  /** Members of the report that belong to it. */
  readonly details: object
}

/** The end of a command: its report, or its error. */
export type Ending = { readonly report: object } | { readonly error: unknown }

const HOUR = 3600
/** Commands whose report has outcomes. Errors of every command are looked at. */
const REPORTING = ['tick', 'backup:create', 'audit:verify']

/** Returns true if the ending can have an outcome, so that other commands load and read nothing for hooks. */
export function mayHaveOutcome(command: string, ending: Ending): boolean {
  return REPORTING.includes(command) || ('error' in ending && heldFault(ending.error) !== undefined)
}

/** Returns the outcomes of a command, as of `now`. */
export function outcomesOf(command: string, ending: Ending, now: Instant): readonly Outcome[] {
  if ('error' in ending) return errorOutcomes(command, ending.error)
  if (command === 'tick') return tickOutcomes(ending.report as TickReport, now)
  if (command === 'backup:create') return backupOutcomes(ending.report as BackupReport)
  return command === 'audit:verify' ? auditOutcomes(ending.report as AuditReport) : []
}

function errorOutcomes(command: string, error: unknown): readonly Outcome[] {
  if (!(error instanceof AppError)) return []
  const [message = ''] = error.message.split('\n')
  const code = heldFault(error)
  if (code !== undefined) return [{ outcome: 'change-held', message, details: { code } }]
  return command === 'tick' ? [{ outcome: 'tick-failed', message, details: { code: error.code, failed: [] } }] : []
}

function tickOutcomes({ role, failed, staleAt }: TickReport, now: Instant): readonly Outcome[] {
  if (role !== 'primary') return []
  const count = failed.length === 1 ? '1 part' : `${failed.length} parts`
  const failing: Outcome = { outcome: 'tick-failed', message: `${count} of tick failed`, details: { failed } }
  const isStale = staleAt !== null && staleAt <= addSeconds(now, HOUR)
  const stale: readonly Outcome[] = isStale
    ? [{ outcome: 'stale-soon', message: `the first object goes stale at ${staleAt}`, details: { staleAt } }]
    : []
  return [...(failed.length === 0 ? [] : [failing]), ...stale]
}

function backupOutcomes({ dryRun, file, cutAt, encrypted, size }: BackupReport): readonly Outcome[] {
  if (dryRun) return []
  return [{ outcome: 'backup-done', message: `backup in ${file}`, details: { file, cutAt, encrypted, size } }]
}

function auditOutcomes({ ok, problems, aggregates, commits }: AuditReport): readonly Outcome[] {
  if (ok) return []
  const findings = problems.length + aggregates.reduce((sum, one) => sum + one.problems.length, 0)
  return [
    { outcome: 'audit-findings', message: `findings of audit verify: ${findings}`, details: { findings, commits } },
  ]
}

/** Returns the code by which limits or guard hold a change. */
function heldFault(error: unknown): string | undefined {
  if (!(error instanceof AppError)) return undefined
  const faults = faultsOf(error)
  return [error, ...faults].map(({ code }) => code).find((code) => (HELD_CODES as readonly string[]).includes(code))
}
