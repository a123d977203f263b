/** ID keys of a CA or of the publication server, as `ca id` and `pubserver id` show them. */

import type { IdChoice } from '../../app/exchange/client/parent-contact.js'
import type { IdChangeReport, IdKeysReport } from '../../app/exchange/id-keys.js'
import type { Instant } from '../../base/time.js'
import { formatIdUser, type IdHolder } from '../../identity/id-keys.js'
import { changeEnding } from '../output/change-ending.js'
import type { Theme } from '../output/theme.js'

/** Returns a table of ID keys, or what makes the first one. */
export function idKeysView({ ca, ids }: IdKeysReport, theme: Theme): string {
  if (ids.length === 0) {
    const next = ca === null ? 'brine pubserver id add makes one' : `brine parent request ${ca} makes one`
    return theme.dim(theme.paste(`no ID key yet: ${next}`))
  }
  return theme.table({
    columns: [
      'KEY',
      { title: 'CERTIFICATE UNTIL', cut: 'time' },
      { title: 'USED WITH', rank: 1 },
      { title: 'OFFERED', rank: 2 },
    ],
    rows: ids.map(({ ski, notAfter, newest, users, offered, offeredTo }) => [
      ski,
      notAfter,
      users.map((user) => holderText(user, notAfter)).join(', ') || '-',
      [
        ...(newest ? ['newest'] : []),
        ...offered.map((to) => `to ${to}`),
        ...offeredTo.map((name) => `to parent ${name}`),
      ].join(', ') || '-',
    ]),
  })
}

function holderText(user: IdHolder, notAfter: Instant): string {
  return user.until === notAfter ? formatIdUser(user) : `${formatIdUser(user)} (its certificate until ${user.until})`
}

/** Returns what a command has changed, and the keys afterwards. */
export function idChangeView(report: IdChangeReport, change: string, theme: Theme): string {
  const ending = changeEnding(report.ca ?? 'publication server', report, [change])
  return report.dryRun ? ending : `${idKeysView(report, theme)}\n${ending}`
}

/** Returns what the operator must know of the ID key toward a peer: it is another one, or may not be the one that the peer was given. */
export function idChoiceLines(
  { ca, id, formerId, otherIds }: Omit<IdChoice, 'idUntil'> & { readonly ca: string },
  peer: string,
  flags: string,
): readonly string[] {
  if (formerId !== null)
    return [
      `messages to ${peer} are signed with ID key ${id} from now on; if it knows only the former one: brine ca id use ${ca} ${formerId} ${flags}`,
    ]
  return otherIds.map(
    (other) =>
      `messages to ${peer} are signed with ID key ${id}, the one of the newest request; if it has answered a request with key ${other}: brine ca id use ${ca} ${other} ${flags}`,
  )
}
