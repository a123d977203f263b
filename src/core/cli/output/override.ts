/** One line on what an override made of a CA. */
import type { OverrideReport } from '../../app/failover/override.js'

export function overrideLine({ ca, state, until, changed, dryRun }: OverrideReport): string {
  if (!changed) return `${ca} is in use already; nothing changed`
  const is = dryRun ? 'would be' : 'is'
  const dry = dryRun ? '; dry run, nothing changed' : ''
  if (state === 'in use') return dryRun ? `${ca} would be in use once a check has passed${dry}` : `${ca} is in use`
  const end = until === null ? 'until brine ha resume' : `until ${until}`
  return `${ca} ${is} ${state === 'drained' ? 'drained' : 'in maintenance'} ${end}${dry}`
}
