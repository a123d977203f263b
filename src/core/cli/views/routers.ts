/** Views of the router keys of a CA, and of a change of them. */
import type { RouterListReport, RouterUpdateReport } from '../../app/authority/routers.js'
import type { RouterRow } from '../../app/changes/router-rows.js'
import { formatAsn } from '../../resources/asn.js'
import { changeEnding } from '../output/change-ending.js'
import { changedView } from '../output/changes.js'
import { delta } from '../output/endings.js'
import type { Theme } from '../output/theme.js'

export function routerListView(report: RouterListReport, theme: Theme): string {
  if (report.routers.length === 0) return theme.dim(`${report.ca} has no router keys`)
  return theme.table({
    columns: [
      { title: 'AS', rank: 3 },
      { title: 'ROUTER', rank: 2 },
      { title: 'KEY', rank: 'whole' },
      { title: 'STATE', rank: 3 },
      { title: 'VALID UNTIL', rank: 1 },
      { title: 'ROLL', rank: 1 },
      { title: 'NOTE', rank: 1 },
    ],
    rows: report.routers.map((row) => [
      formatAsn(row.asn),
      row.routerId ?? '',
      row.ski,
      row.state === 'published' ? row.state : theme.caution(row.state),
      row.object?.notAfter ?? '',
      rollOf(row),
      row.comment ?? '',
    ]),
  })
}

function rollOf({ replaces, replacedBy, removedAt }: RouterRow): string {
  if (removedAt !== undefined) return `removal due ${removedAt}`
  if (replacedBy !== undefined) return 'replaced'
  return replaces === undefined ? '' : 'new'
}

/** `removesOld`: `tick` removes the key that was replaced. */
export function routersChangedView(report: RouterUpdateReport, theme: Theme, removesOld = false): string {
  const { ca, added, removed } = report
  const ending = changeEnding(ca, report, delta(added.length, removed.length, 'router key'))
  const sync = report.unconfirmed && !report.dryRun ? [theme.paste(`next: brine repo sync ${ca}`)] : []
  const old = report.addedRouters.flatMap(({ replaces }) => replaces ?? [])
  const roll = report.dryRun
    ? []
    : removesOld
      ? old.map((router) => theme.dim(`tick removes ${router}: let the router sign with the new key before`))
      : old.map((router) => theme.paste(`once the router signs with the new key: brine router remove ${ca} ${router}`))
  return [changedView(report.changes, ending, theme), ...sync, ...roll].join('\n')
}
