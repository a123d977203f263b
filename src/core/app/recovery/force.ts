/**
 * Recovery within other commands: `BRINE_FORCE_RECOVER` before any command, `always_recover_data` after a command failed on damaged data.
 * Invariant: never on a stand-by, never in a dry run, and every loss is reported as a warning.
 */
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import { type RepublishOptions, type RepublishReport, republish } from '../republishing/republish.js'
import { openSession, type Session } from '../session/session.js'
import type { Loss } from './losses.js'
import { recover } from './recover.js'
import type { RecoveredAggregate, RecoverReport } from './report.js'

/** Runs a full recovery that may lose what cannot be kept. Does nothing if there is no data directory yet. */
export async function forceRecovery(options: CommandContext): Promise<void> {
  const session = await openSession(options).catch(undefinedIfNoDataDir)
  if (session === undefined || session.store.role().role === 'standby') return
  warnAbout(session, await recover(session, { permit: 'anything' }))
}

function undefinedIfNoDataDir(error: unknown): undefined {
  if (error instanceof AppError && error.kind === 'no-data-dir') return undefined
  throw error
}

/**
 * Recovers the damaged aggregate, or everything, if the configuration permits it. Returns true if something was recovered, so that the command
 * can be retried.
 */
export async function recoverIfAllowed(options: CommandContext, damage: AppError): Promise<boolean> {
  const session = await openSession(options)
  if (!session.config.alwaysRecoverData || session.store.role().role === 'standby') return false
  const { aggregate } = damage.details as { readonly aggregate?: string }
  const report = await recover(session, {
    permit: 'anything',
    ...(aggregate === undefined ? {} : { aggregates: [aggregate] }),
  })
  warnAbout(session, report)
  return report.changed
}

const DAMAGE_CODES = ['file-missing', 'file-damaged', 'commit-missing', 'object-missing', 'object-damaged']

/** Republishes. If a CA failed on damaged data and the configuration permits it, recovers and republishes again. */
export async function republishRepaired(session: Session, options: RepublishOptions = {}): Promise<RepublishReport> {
  const first = await republish(session, options)
  const damaged = first.failed.some((f) => DAMAGE_CODES.includes(f.code))
  if (!damaged || options.dryRun === true || !session.config.alwaysRecoverData) return first
  const report = await recover(session, { permit: 'anything' })
  warnAbout(session, report)
  return report.changed ? republish(session, options) : first
}

function warnAbout({ options }: Session, report: RecoverReport): void {
  if (!report.changed) return
  const losses = report.aggregates.map((a) => `${a.kind}/${a.handle}: ${formatRowLosses(a)}`)
  options.onNotice?.(`recovered; ${losses.join('; ') || 'nothing is lost'}`)
  for (const { aggregate, what } of report.objects.lost) options.onNotice?.(`${aggregate} ${what}: content lost`)
  for (const failure of report.failed) options.onNotice?.(`${failure.aggregate}: ${failure.message}`)
}

/** Formats what one aggregate loses, files of history that no state needs included. */
export function formatRowLosses({ lost, gone }: RecoveredAggregate): string {
  const history = gone.length === 0 ? [] : [`${gone.join(', ')} of history lost`]
  return [...(lost.length === 0 && gone.length > 0 ? [] : [formatLosses(lost)]), ...history].join(', ')
}

const LOSS_WORDS: Readonly<Partial<Record<Loss['type'], string>>> = { roa: 'ROA', aspa: 'ASPA', router: 'router key' }

/** Formats losses as `1 command, 2 ROAs lost, 1 ROA back`. */
export function formatLosses(lost: readonly Loss[]): string {
  const count = (back: boolean): readonly string[] =>
    (
      [
        ...(['command', 'roa', 'dates', 'aspa', 'router', 'child', 'key', 'certificate', 'revocation'] as const),
        ...(['request', 'password'] as const),
      ] as const
    ).flatMap((type) => {
      const n = lost.filter((l) => l.type === type && (l.type === 'command' ? false : l.back) === back).length
      const many = n === 1 ? '' : 's'
      return n === 0 ? [] : [type === 'dates' ? `dates of ${n} ROA${many}` : `${n} ${LOSS_WORDS[type] ?? type}${many}`]
    })
  const parts = [[count(false), 'lost'] as const, [count(true), 'back'] as const]
  return (
    parts.flatMap(([list, what]) => (list.length === 0 ? [] : [`${list.join(', ')} ${what}`])).join(', ') ||
    'nothing lost'
  )
}
