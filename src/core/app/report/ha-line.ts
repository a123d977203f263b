/** States of enrolment CAs over the last days, a bar for each, and the newest changes as a table. Pure. */
import { type Instant, secondsBetween } from '../../base/time.js'
import { HA_DAYS, type HaLane } from './ha-history.js'
import { foreign, html, key, type Markup, NOTHING, text, time } from './markup.js'

const DAY = 86_400
const CHANGES = 12
const STATES = ['healthy', 'degraded', 'circuit-open', 'recovering'] as const
const DAYS_SHOWN = [30, 20, 10, 0]

/** Returns a bar for each enrolment CA: its states in the last days, and the orders of operators. */
export function haTimeLine(lanes: readonly HaLane[], now: Instant): Markup {
  if (lanes.length === 0)
    return html`<p class="soft">No enrolment CA has recorded anything in the last ${HA_DAYS} days.</p>`
  const frame = html`<rect class="out" x="1" y="1" width="20" height="10"/>`
  const keys = [...STATES.map((state) => key(span(state, 0, 100), state)), key(frame, 'taken out by an operator')]
  const rows = lanes.map((one) => lane(one, now))
  const list = changes(lanes)
  const marks = DAYS_SHOWN.map((days) => {
    const anchor = days === HA_DAYS ? 'start' : days === 0 ? 'end' : 'middle'
    return html`<text x="${100 - (days / HA_DAYS) * 100}%" y="12" text-anchor="${anchor as Markup}">${text(days === 0 ? 'now' : `${days} d ago`)}</text>`
  })
  return html`<p class="legend">${keys}</p>
<figure class="line">${rows}<svg class="axis" aria-hidden="true">${marks}</svg></figure>${list}`
}

function lane({ ca, spans, overrides }: HaLane, now: Instant): Markup {
  const x = (at: Instant): number => Math.max(0, 100 + (secondsBetween(now, at) / (HA_DAYS * DAY)) * 100)
  const bars = spans.map(({ from, to, state }) => span(state, x(from), Math.max(0.4, x(to) - x(from))))
  const frames = overrides.map(({ from, to }) => {
    const width = Math.max(0.8, x(to) - x(from))
    return html`<rect class="out" x="${Math.min(100 - width, x(from))}%" y="1" width="${width}%" height="16"/>`
  })
  const isOut = overrides.at(-1)?.to === now
  const last = `${spans.at(-1)?.state ?? 'healthy'}${isOut ? ', taken out' : ''}`
  return html`<div class="bar ha"><p class="row"><span>${foreign(ca, 80)}</span><span class="facts">${text(last)}</span></p><svg role="img" aria-label="States of ${text(ca, 80)}">${bars}${frames}</svg></div>`
}

/** A rectangle of a state: an open circuit is low, a degraded CA half as high, so that colour alone says nothing. */
function span(state: string, x: number, width: number): Markup {
  const low = state === 'circuit-open' ? 60 : state === 'degraded' || state === 'recovering' ? 30 : 0
  return html`<rect class="${state as Markup}" x="${x}%" y="${low}%" width="${width}%" height="${100 - low}%"/>`
}

function changes(lanes: readonly HaLane[]): Markup {
  const states = lanes.flatMap(stateChanges)
  const orders = lanes.flatMap(({ ca, overrides }) =>
    overrides.map(({ from, reason }) => ({ at: from, ca, what: `taken out: ${reason}` })),
  )
  const all = [...states, ...orders].sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0))
  if (all.length === 0) return html`<p class="soft">No state has changed.</p>`
  const rows = all
    .slice(0, CHANGES)
    .map(
      ({ at, ca, what }) =>
        html`<tr><td>${time(at)}</td><td>${foreign(ca, 40)}</td><td class="free-text">${foreign(what)}</td></tr>`,
    )
  const more = all.length > CHANGES ? html`<p class="soft">and ${all.length - CHANGES} earlier changes</p>` : NOTHING
  return html`<table><thead><tr><th>At, UTC</th><th>CA</th><th>Change</th></tr></thead><tbody>${rows}</tbody></table>${more}`
}

interface Change {
  readonly at: Instant
  readonly ca: string
  readonly what: string
}

/** Returns the changes of state without the attempts in between, of which an open circuit has one every few minutes. */
function stateChanges({ ca, spans }: HaLane): readonly Change[] {
  const lasting = spans.filter(({ state }) => state !== 'recovering')
  return lasting.flatMap(({ from, state }, n): readonly Change[] => {
    const before = lasting[n - 1]
    return before === undefined || before.state === state ? [] : [{ at: from, ca, what: state }]
  })
}
