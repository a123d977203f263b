/** View of an override: one line on the new state of a CA. */
import type { OverrideReport } from '../../app/failover/override.js'
import type { Theme } from '../output/theme.js'

export function overrideLine({ ca, state, until, changed, dryRun }: OverrideReport, theme: Theme): string {
  if (!changed) return `${ca} is already in service; nothing changed`
  const is = dryRun ? 'would be' : 'is'
  const dry = dryRun ? '; dry run, nothing changed' : ''
  if (state === 'in use')
    return dryRun ? `${ca} would be back in service after a successful probe${dry}` : `${ca} is back in service`
  const end = until === null ? '' : ` until ${until}`
  const undo = dryRun ? '' : theme.paste(`; undo with: brine ha resume ${ca}`)
  return `${ca} ${is} ${state === 'drained' ? 'drained' : 'in maintenance'}${end}${undo}${dry}`
}
