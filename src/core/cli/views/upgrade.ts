/** Renders the report of an upgrade, for `brine upgrade` and for any command under BRINE_UPGRADE_ONLY=1. */
import type { UpgradeReport } from '../../app/operations/upgrade.js'
import { counted } from '../output/endings.js'

export function upgradeView(report: UpgradeReport): string {
  const { from, to, steps, keptAt, role, republished, resumed, changed, dryRun, bytes, digest } = report
  if (!changed) return `data format ${to}: nothing to do`
  const lines = steps.map((s) => {
    const carried =
      s.commands === undefined
        ? ''
        : `: ${counted(s.commands, 'command')}, ${counted(s.events ?? 0, 'event')}, ${counted(s.objects ?? 0, 'object')}`
    return `${s.from} to ${s.to}, ${s.title}${carried}`
  })
  if (dryRun)
    return [...lines, `would migrate data format ${from} to ${to}, ${bytes} bytes; nothing changed`].join('\n')
  if (digest !== null) lines.push(`verified by replay, logical=${digest.logical}`)
  const where = keptAt === null ? '' : `; the old tree is kept in ${keptAt}`
  const what = `data format ${from} to ${to}${resumed ? ', completed' : ''}${where}`
  const published =
    republished !== null ? '; published' : role === 'standby' ? '; a stand-by publishes nothing' : '; not published'
  return [...lines, `${what}${published}`].join('\n')
}
