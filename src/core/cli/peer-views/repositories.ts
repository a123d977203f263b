/** Repositories of CAs in words, as `repo show` and `repo status` print them. */
import type { LeavingReport, RepoShowReport, RepoStatusReport, RepoStatusRow } from '../../app/status/repositories.js'
import type { Instant } from '../../base/time.js'
import { dueCell, dueText } from '../output/due.js'
import type { Theme } from '../output/theme.js'
import { contactLines, exchangeText } from './parents.js'

const HERE = 'in this data directory'

/** Returns the lines of a repository, and of the one that the CA leaves. */
export function repositoryView(report: RepoShowReport, theme: Theme, now?: Instant): string {
  const { ca, leaving } = report
  const present = placeLines(`${theme.bold('repository')} of ${ca}`, report, now)
  if (leaving === null) return present.join('\n')
  const old = placeLines(`${theme.bold('leaves')} since ${leaving.since}`, leaving, now)
  return [...present, '', ...old, `waits         ${leavingText(leaving)}`].join('\n')
}

/** Returns what a migration waits for. */
export function leavingText({ stage, abandonedAt }: Pick<LeavingReport, 'stage' | 'abandonedAt'>): string {
  const abandoned = abandonedAt === null ? '' : `abandoned at ${abandonedAt}, nothing is sent to it; `
  const waits = {
    keyroll: 'a class has no new key: brine keyroll init stages one in the new repository',
    activation: 'the new keys wait for their activation',
    revocation: 'the old keys wait to be revoked by the parent',
    withdrawal: 'what is left of the CA waits to be withdrawn: brine repo sync, or the next tick',
  }
  return `${abandoned}${waits[stage]}`
}

function placeLines(title: string, report: Omit<RepoShowReport, 'leaving'>, now?: Instant): readonly string[] {
  const { transport, base, notify, publisher, contact, exchange, confirmedAt, staleAt, nextDue, objects } = report
  const remote = [
    `last exchange ${exchangeText(exchange)}`,
    `confirmed     ${confirmedAt ?? 'never'}`,
    `next          ${nextDue === null ? 'at the next tick' : dueText(nextDue, now)}`,
  ]
  return [
    `${title}, ${transport === 'local' ? HERE : 'elsewhere (RFC 8181)'}`,
    `objects at    ${base}`,
    `RRDP          ${notify ?? 'none'}`,
    `publisher     ${publisher}`,
    ...(contact === null ? [] : [`service       ${contact.serviceUri}`, ...contactLines(contact), ...remote]),
    `objects       ${objects.wanted} wanted, ${objects.published ?? 'unknown which are'} published`,
    `unconfirmed   ${unconfirmedText(report)}`,
    `stale at      ${staleAt ?? 'unknown'}`,
  ]
}

/** Returns the table of repositories, after what is wrong with them. */
export function repositoriesView(
  { repositories, concerns, failed }: RepoStatusReport,
  theme: Theme,
  now?: Instant,
): string {
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
          rows: repositories.map((row) => cells(row, now)),
        })
  return [...wrong, table].join('\n')
}

function cells(row: RepoStatusRow, now?: Instant): readonly string[] {
  const { ca, transport, serviceUri, exchange, staleAt, nextDue } = row
  const isLocal = transport === 'local'
  const where = isLocal ? HERE : (serviceUri ?? '')
  return [
    ...[ca, row.leaving ? `${where} (left)` : where],
    ...[isLocal ? '-' : (exchange?.lastSuccess ?? 'never'), unconfirmedText(row), staleAt ?? '-'],
    isLocal ? '-' : nextDue === null ? 'next tick' : dueCell(nextDue, now),
  ]
}

const unconfirmedText = ({ unconfirmed }: Pick<RepoStatusRow, 'unconfirmed'>): string =>
  unconfirmed === null ? 'some' : `${unconfirmed}`
