/**
 * Recovery without being asked for by name: `BRINE_FORCE_RECOVER` before any command, `always_recover_data` where a command meets damage.
 * Invariant: never on a stand-by, never for a dry run, and everything that is lost is told.
 */
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import { type RepublishOptions, type RepublishReport, republish } from '../authority/republish.js'
import { openSession, type Session } from '../transaction/session.js'
import type { Lost } from './lost.js'
import { recover } from './recover.js'
import type { RecoverReport } from './report.js'

/** One full recovery with permission to lose what cannot be kept; nothing where there is no data directory yet. */
export async function forceRecovery(options: CommandContext): Promise<void> {
  const session = await openSession(options).catch(absent)
  if (session === undefined || session.store.role().role === 'standby') return
  tell(session, await recover(session, { permit: 'anything' }))
}

function absent(error: unknown): undefined {
  if (error instanceof AppError && error.kind === 'no-data-dir') return undefined
  throw error
}

/** After a command met damage: recovers that aggregate, or everything, where the configuration permits it. True when the command may be run again. */
export async function recoverIfAllowed(options: CommandContext, damage: AppError): Promise<boolean> {
  const session = await openSession(options)
  if (!session.config.alwaysRecoverData || session.store.role().role === 'standby') return false
  const { aggregate } = damage.details as { readonly aggregate?: string }
  const report = await recover(session, {
    permit: 'anything',
    ...(aggregate === undefined ? {} : { aggregates: [aggregate] }),
  })
  tell(session, report)
  return report.changed
}

const DAMAGE = ['file-missing', 'file-damaged', 'commit-missing', 'object-missing', 'object-damaged']

/** `republish`, and once more after a recovery where one is permitted and damage kept a CA from it. */
export async function republishRepaired(session: Session, options: RepublishOptions = {}): Promise<RepublishReport> {
  const first = await republish(session, options)
  const damaged = first.failed.some((f) => DAMAGE.includes(f.code))
  if (!damaged || options.dryRun === true || !session.config.alwaysRecoverData) return first
  const report = await recover(session, { permit: 'anything' })
  tell(session, report)
  return report.changed ? republish(session, options) : first
}

function tell({ options }: Session, report: RecoverReport): void {
  if (!report.changed) return
  const told = report.aggregates.map((a) => `${a.kind}/${a.handle}: ${lossText(a.lost)}`)
  options.onNotice?.(`recovered; ${told.join('; ') || 'nothing is lost'}`)
  for (const { aggregate, what } of report.objects.lost)
    options.onNotice?.(`the bytes of ${aggregate} ${what} are lost`)
  for (const failure of report.failed) options.onNotice?.(`${failure.aggregate}: ${failure.message}`)
}

/** `1 command, 2 ROAs lost, 1 ROA back` */
export function lossText(lost: readonly Lost[]): string {
  const count = (back: boolean): readonly string[] =>
    (['command', 'roa', 'child', 'key', 'certificate', 'revocation', 'request', 'password'] as const).flatMap(
      (type) => {
        const n = lost.filter((l) => l.type === type && (l.type === 'command' ? false : l.back) === back).length
        return n === 0 ? [] : [`${n} ${type === 'roa' ? 'ROA' : type}${n === 1 ? '' : 's'}`]
      },
    )
  const parts = [[count(false), 'lost'] as const, [count(true), 'back'] as const]
  return (
    parts.flatMap(([list, what]) => (list.length === 0 ? [] : [`${list.join(', ')} ${what}`])).join(', ') ||
    'nothing lost'
  )
}
