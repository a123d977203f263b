/** Renders the report of `brine status`. */

import { blindText } from '../../app/safety/guard-sight.js'
import { expiriesOf } from '../../app/status/expiries.js'
import type { StatusReport } from '../../app/status/report.js'
import { formatDuration, type Instant, secondsBetween } from '../../base/time.js'
import { dueCell, dueText } from '../output/due.js'
import { counted } from '../output/endings.js'
import type { Theme } from '../output/theme.js'
import { exchangeText } from '../peer-views/parents.js'
import { expiryBars } from './expiry-bars.js'
import { rollText } from './keyroll.js'

/** Renders the report: findings first, then facts, then the CAs. */
export function statusView(report: StatusReport, theme: Theme): string {
  const tone = { ok: theme.good, warning: theme.caution, critical: theme.bad }
  const role = report.standby === null ? 'primary' : `stand-by (${report.standby.reason})`
  const head = `${tone[report.verdict](report.verdict.toUpperCase())}  ${role}, generation ${report.generation}  ${theme.dim(report.dataDir)}`
  const findings = report.concerns.map(({ level, message, hint }) => {
    const [first = '', ...rest] = message.split('\n')
    const next = hint === null ? '' : theme.dim(theme.paste(`  -> ${hint}`))
    return [`${tone[level](level)}: ${first}${next}`, ...rest].join('\n')
  })
  const facts = factsOf(report, theme).map(([name, value]) => `${name.padEnd(11)} ${value}`)
  const table = theme.table({
    columns: [
      { title: 'CA', rank: 3, cut: 'middle' },
      { title: 'ROAS', align: 'right' },
      { title: 'CHILDREN', align: 'right' },
      { title: 'OBJECTS', align: 'right' },
      { title: 'MANIFEST', align: 'right' },
      { title: 'NEXT DUE', cut: 'time' },
      { title: 'STALE AT', cut: 'time' },
    ],
    rows: [
      ...report.cas.map((ca) => [
        ca.kind === 'ta' ? `${ca.handle} (trust anchor)` : ca.handle,
        ca.roas,
        ca.children,
        ca.objects,
        ca.manifestNumber ?? '-',
        ca.nextDue === null ? '-' : dueCell(ca.nextDue, report.now),
        ca.staleAt ?? '-',
      ]),
      ...report.broken
        .filter((b) => b.kind !== '' && !report.cas.some((ca) => ca.handle === b.handle))
        .map((b) => [b.handle, '-', '-', '-', '-', theme.bad(b.code), '-']),
    ],
  })
  const ends = expiryBars(expiriesOf(report), report.now, theme)
  return [head, ...findings, ...facts, table, ends].filter((line) => line !== '').join('\n')
}

function factsOf(report: StatusReport, theme: Theme): readonly (readonly [string, string])[] {
  const { now, lastTick, lastCommit, publication, locks, disk, keyPool, orphanKeys, aside } = report
  const facts: (readonly [string, string])[] = [
    ['stale at', report.staleAt === null ? 'nothing published' : `${moment(report.staleAt, now)}, if nothing runs`],
    ['next due', report.nextDue === null ? '-' : nextMoment(report.nextDue, now)],
    ['last tick', lastTick === null ? 'never' : `${moment(lastTick.at, now)}${failures(lastTick)}`],
    ['last commit', lastCommit.at === null ? 'none' : `${lastCommit.commit}, ${moment(lastCommit.at, now)}`],
    ['last backup', backupText(report, now)],
    ['last audit', auditText(report, now)],
    ['guard', guardText(report, now)],
    ['repository', publication === null ? 'none' : repository(publication)],
    ['disk', `${bytes(disk.free)} free of ${bytes(disk.size)}`],
  ]
  if (report.servers !== null) facts.push(['servers', serversFact(report.servers, now)])
  for (const { name, strategy, next, retryAfter } of report.ha)
    facts.push([
      'group',
      `${name} (${strategy}): ${next === null ? `no CA is available, retry in ${retryAfter} s` : `next is ${next}`}`,
    ])
  for (const { ca, parent, exchange } of report.parents)
    facts.push(['parent', `${parent} of ${ca}: ${exchangeText(exchange)}`])
  for (const { ca, exchange, unconfirmed, leaving } of report.repositories)
    facts.push(['repository', `${leaving ? 'left by' : 'of'} ${ca}: ${exchangeText(exchange)}${waiting(unconfirmed)}`])
  if (report.publishers.length > 0) facts.push(['publishers', servedText(report.publishers.map((p) => p.lastMessage))])
  if (report.children.length > 0) facts.push(['children', servedText(report.children.map((c) => c.heardAt))])
  for (const lock of locks)
    facts.push(['locked', `by ${lock.command}, pid ${lock.pid} on ${lock.host} since ${lock.since}`])
  for (const { handle } of report.cas.filter(({ kind, parents }) => kind === 'ca' && parents === 0))
    facts.push(['no parent', theme.paste(`${handle}  -> ${parentSteps(handle)}`)])
  for (const { ca, at } of report.scheduled) facts.push(['ROA dates', `${ca}: ${nextMoment(at, now)}`])
  if (report.unpublished.length > 0) facts.push(['unpublished', report.unpublished.join(' ')])
  if (keyPool.target > 0) facts.push(['key pool', `${keyPool.keys} of ${keyPool.target}`])
  for (const row of report.keyRolls) facts.push(['key roll', `${row.ca} class ${row.class}: ${rollText(row, now)}`])
  if (orphanKeys.length > 0) facts.push(['orphan keys', counted(orphanKeys.length, 'key file')])
  if (aside.surplus + aside.corrupt > 0)
    facts.push(['quarantine', `${counted(aside.surplus, 'surplus file')}, ${counted(aside.corrupt, 'corrupt file')}`])
  return facts
}

/** Returns the age of the last backup and where it is. */
function backupText({ lastBackup }: StatusReport, now: Instant): string {
  if (lastBackup === null) return 'none on this machine'
  const { at, file, encrypted } = lastBackup
  return `${moment(at, now)}, ${file === '-' ? 'to standard output' : file}${encrypted ? '' : ', not encrypted'}`
}

/** Returns the age of the last audit and what it found. */
function auditText({ lastAudit, lastCommit }: StatusReport, now: Instant): string {
  if (lastAudit === null) return 'none'
  const { at, commits, findings } = lastAudit
  const later = Math.max(0, lastCommit.commit - commits)
  const newer = later === 0 ? '' : `, ${counted(later, 'commit')} since`
  return `${moment(at, now)}, ${findings === 0 ? 'no findings' : counted(findings, 'finding')}${newer}`
}

/** Returns what the guard of routes knows, or why it knows nothing. */
function guardText({ guard }: StatusReport, now: Instant): string {
  const { state, addresses, prefixes, lookedUpAt } = guard
  if (state === 'off') return 'off: [routing] has neither bgp nor protected_prefixes'
  const prefixText = prefixes === 0 ? [] : [counted(prefixes, 'prefix', 'prefixes')]
  const addressText =
    lookedUpAt === null ? [] : [`${counted(addresses, 'address', 'addresses')}, looked up ${moment(lookedUpAt, now)}`]
  const known = [...prefixText, ...addressText].join(', ')
  const blind = blindText(guard)
  return blind === undefined ? known : `blind: ${blind}${known === '' ? '' : `; ${known}`}`
}

function failures({ failed, failedPeers }: NonNullable<StatusReport['lastTick']>): string {
  const parts = [
    ...(failed === 0 ? [] : [counted(failed, 'CA')]),
    ...(failedPeers === 0 ? [] : [counted(failedPeers, 'peer')]),
  ]
  return parts.length === 0 ? '' : `, ${parts.join(' and ')} failed`
}

/** Returns `3 elsewhere, last message 2026-11-21T12:00:00Z`, from the last message of each. */
function servedText(messages: readonly (Instant | null)[]): string {
  const last = messages.reduce((a, b) => (a === null || (b !== null && b > a) ? b : a), null)
  return `${messages.length} elsewhere, ${last === null ? 'no message yet' : `last message ${last}`}`
}

/** Returns `; 3 objects wait for it`; nothing if it has confirmed all. */
function waiting(unconfirmed: number | null): string {
  if (unconfirmed === 0) return ''
  return unconfirmed === null ? '; objects wait for it' : `; ${counted(unconfirmed, 'object')} to send`
}

function repository(p: NonNullable<StatusReport['publication']>): string {
  const what = `serial ${p.serial}, ${counted(p.objects, 'object')} of ${counted(p.publishers, 'publisher')}`
  if (p.current) return `${what}, published`
  return `${what}; published serials: RRDP ${p.servedSerial ?? 'none'}, rsync ${p.rsyncSerial ?? 'none'}`
}

function serversFact({ at, servers, configured }: NonNullable<StatusReport['servers']>, now: Instant): string {
  if (at === null) return `${configured} configured, never probed`
  return `${servers.filter(({ ok }) => ok).length} of ${configured} in order, probed ${moment(at, now)}`
}

function nextMoment(at: Instant, now: Instant): string {
  return at <= now ? dueText(at, now) : moment(at, now)
}

function moment(at: Instant, now: Instant): string {
  const seconds = secondsBetween(now, at)
  const span = formatDuration(Math.abs(seconds)).split(' ').slice(0, 2).join(' ')
  return seconds >= 0 ? `${at} (in ${span})` : `${at} (${span} ago)`
}

function bytes(n: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = n
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`
}

/** Returns the first step of each way to a parent: here, and under a registry. */
function parentSteps(ca: string): string {
  return `brine child add PARENT ${ca} --local --resources RESOURCES, or brine parent request ${ca} --out FILE`
}
