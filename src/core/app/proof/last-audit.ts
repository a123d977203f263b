/** The last `audit verify` that completed, for `status`. A record in `status/`, which is replaceable and no part of history. */
import { AppError } from '../../base/errors.js'
import { type Instant, parseInstant } from '../../base/time.js'
import type { Session } from '../session/session.js'
import { type AuditOptions, type AuditReport, auditVerify } from './audit.js'

const RECORD = 'last-audit'

export interface LastAudit {
  /** Time at which it ended. */
  readonly at: Instant
  /** Commits that were verified. */
  readonly commits: number
  readonly findings: number
  /** Checkpoints that the history was compared with. */
  readonly checkpoints: number
}

/** Verifies the directory as `auditVerify` does, and records the end. */
export async function auditAndRecord(session: Session, options: Partial<AuditOptions>): Promise<AuditReport> {
  const report = await auditVerify(session, options)
  recordAudit(session, report)
  return report
}

/** Records the end of an audit. An error is ignored: an audit may be run by a user who can only read, and its report is complete. */
function recordAudit(session: Session, { commits, problems, aggregates, checkpoints }: AuditReport): void {
  const findings = problems.length + aggregates.reduce((sum, one) => sum + one.problems.length, 0)
  const record = { at: session.now(), commits, findings, checkpoints: checkpoints.length }
  try {
    session.store.status.write(RECORD, record)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
  }
}

/** Returns the last audit; null if there was none, or the record is damaged. */
export function lastAudit({ store }: Session): LastAudit | null {
  const value = store.status.read(RECORD)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const { at, commits, findings, checkpoints } = value as Readonly<Record<string, unknown>>
  const instant = typeof at === 'string' ? parseInstant(at) : undefined
  if (instant === undefined || !isCount(commits) || !isCount(findings) || !isCount(checkpoints)) return null
  return { at: instant, commits, findings, checkpoints }
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
