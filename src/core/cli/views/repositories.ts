/** Repositories of CAs in words, as `repo show` and `repo status` print them. */
import type { RepoShowReport, RepoStatusReport, RepoStatusRow } from '../../app/status/repositories.js'
import type { Theme } from '../output/theme.js'
import { contactLines, exchangeText } from './parents.js'

const HERE = 'in this data directory'

/** Returns the lines of a repository. */
export function repositoryView(report: RepoShowReport, theme: Theme): string {
  const { ca, transport, base, notify, publisher, contact, exchange, confirmedAt, staleAt, nextDue, objects } = report
  const remote = [
    `last exchange ${exchangeText(exchange)}`,
    `confirmed     ${confirmedAt ?? 'never'}`,
    `next          ${nextDue ?? 'at the next tick'}`,
  ]
  return [
    `${theme.bold('repository')} of ${ca}, ${transport === 'local' ? HERE : 'elsewhere (RFC 8181)'}`,
    `objects at    ${base}`,
    `RRDP          ${notify ?? 'none'}`,
    `publisher     ${publisher}`,
    ...(contact === null ? [] : [`service       ${contact.serviceUri}`, ...contactLines(contact), ...remote]),
    `objects       ${objects.wanted} wanted, ${objects.published ?? 'unknown which are'} published`,
    `unconfirmed   ${unconfirmedText(report)}`,
    `stale at      ${staleAt ?? 'unknown'}`,
  ].join('\n')
}

/** Returns the table of repositories, after what is wrong with them. */
export function repositoriesView({ repositories, concerns, failed }: RepoStatusReport, theme: Theme): string {
  const wrong = [
    ...failed.map(({ ca, message }) => `${ca}: ${message}`),
    ...concerns.map(({ level, message, hint }) => `${level}: ${message}${hint === undefined ? '' : `: ${hint}`}`),
  ]
  const table =
    repositories.length === 0
      ? theme.dim('no CA has a repository')
      : theme.table({
          columns: [
            'CA',
            { title: 'REPOSITORY', cut: 'middle' },
            { title: 'LAST SUCCESS', cut: 'time', rank: 2 },
            { title: 'UNCONFIRMED', align: 'right' },
            { title: 'STALE AT', cut: 'time' },
            { title: 'NEXT', cut: 'time', rank: 1 },
          ],
          rows: repositories.map(cells),
        })
  return [...wrong, table].join('\n')
}

function cells(row: RepoStatusRow): readonly string[] {
  const { ca, transport, serviceUri, exchange, staleAt, nextDue } = row
  const isLocal = transport === 'local'
  return [
    ...[ca, isLocal ? HERE : (serviceUri ?? '')],
    ...[isLocal ? '-' : (exchange?.lastSuccess ?? 'never'), unconfirmedText(row), staleAt ?? '-'],
    isLocal ? '-' : (nextDue ?? 'next tick'),
  ]
}

const unconfirmedText = ({ unconfirmed }: Pick<RepoStatusRow, 'unconfirmed'>): string =>
  unconfirmed === null ? 'some' : `${unconfirmed}`
