/**
 * The page of a report: one file without script and without a reference to another one. The policy in its head forbids both, also where a
 * browser would find a way. Pure.
 */
import { createHash } from 'node:crypto'
import type { Instant } from '../../base/time.js'
import { addressMap } from './address-map.js'
import { caTree } from './ca-tree.js'
import type { ReportData } from './data.js'
import { distance, expiryTimeLine } from './expiry-line.js'
import { haTimeLine } from './ha-line.js'
import { foreign, html, type Markup, text } from './markup.js'
import { STYLE } from './style.js'
import { findingList, historyTable, roaTable, TONE } from './tables.js'

const SIGN = { ok: '✓', warning: '!', critical: '✕' } as const

interface Section {
  readonly id: string
  readonly title: string
  readonly content: Markup
}

/** Returns the page. The same data gives the same page. */
export function reportPage(data: ReportData): string {
  const { status, version } = data
  const hash = createHash('sha256').update(STYLE).digest('base64')
  const sections: readonly Section[] = [
    { id: 'findings', title: 'Findings', content: findingList(data) },
    { id: 'cas', title: 'CAs', content: caTree(data) },
    { id: 'addresses', title: 'Addresses', content: addressMap(data) },
    { id: 'ends', title: 'Ends of validity', content: expiryTimeLine(data) },
    { id: 'enrolment', title: 'Enrolment CAs', content: haTimeLine(data.ha, status.now) },
    { id: 'roas', title: 'Newest ROAs', content: roaTable(data) },
    { id: 'history', title: 'Last commands', content: historyTable(data) },
  ]
  return html`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-${hash as Markup}'; base-uri 'none'; form-action 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">
<title>Brine: ${text(status.verdict)}, ${text(status.now)}</title>
<style>${STYLE as Markup}</style></head><body>
${head(data, sections)}
<main>
${sections.map(({ id, title, content }) => html`<section id="${text(id)}"><h2>${text(title)}</h2>\n${content}</section>\n`)}</main>
<footer class="soft">Written by brine ${text(version)}. The page shows the state at its time and does not update itself.</footer>
</body></html>
`
}

function head(data: ReportData, sections: readonly Section[]): Markup {
  const { verdict, now, dataDir } = data.status
  const links = sections.map(({ id, title }) => html`<a href="#${text(id)}">${text(title)}</a>`)
  const facts = factsOf(data).map(([name, value]) => html`<div><dt>${text(name)}</dt><dd>${text(value)}</dd></div>`)
  return html`<header><p class="verdict ${TONE[verdict] as Markup}">${text(SIGN[verdict])} ${text(verdict)}</p>
<h1>Brine, ${text(now.slice(0, 10))} <span>${text(now.slice(11, 16))} UTC</span></h1>
<p class="soft">${foreign(dataDir)}</p>
<dl>${facts}</dl><nav aria-label="Sections">${links}</nav></header>`
}

function factsOf({ status, cas }: ReportData): readonly (readonly [string, string])[] {
  const { role, now, lastTick, nextDue, staleAt, publication } = status
  const sum = (count: (ca: ReportData['cas'][number]) => number): number => cas.reduce((all, ca) => all + count(ca), 0)
  return [
    ['CAs', String(cas.filter(({ isTa }) => !isTa).length)],
    ['ROAs', String(sum(({ roas }) => roas))],
    ['Objects', String(sum(({ objects }) => objects))],
    ['RRDP serial', publication === null ? 'none' : String(publication.serial)],
    ['Role', role === 'primary' ? 'primary' : 'stand-by'],
    ['Last tick', lastTick === null ? 'never' : `${distance(lastTick.at, now)} ago`],
    ['Next due', nextDue === null ? '–' : ahead(now, nextDue)],
    ['Goes stale', staleAt === null ? '–' : ahead(now, staleAt)],
  ]
}

function ahead(now: Instant, at: Instant): string {
  return at <= now ? 'now' : `in ${distance(now, at)}`
}
