/** One line on what an override made of a CA. */
import type { OverrideReport } from '../../app/ha-override.js'

export function overrideLine({ ca, state, until, changed }: OverrideReport): string {
  if (!changed) return `${ca} is in use already; nothing changed`
  if (state === 'in use') return `${ca} is in use`
  const end = until === null ? 'until brine ha resume' : `until ${until}`
  return `${ca} is ${state === 'drained' ? 'drained' : 'in maintenance'} ${end}`
}
