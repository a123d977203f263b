/** Ends of validity on an axis of time, a lane for each kind, and the nearest of each kind as a table. Pure. */
import { formatDuration, type Instant, secondsBetween } from '../../base/time.js'
import { EXPIRY_KINDS, type Expiry, type ReportData } from './data.js'
import { foreign, html, type Markup, NOTHING, text, time } from './markup.js'

const [HOUR, DAY] = [3600, 86_400]
const LAST = 3650 * DAY
/** Marks of the axis, which is logarithmic: the next hours are as wide as the next years. The wide ones stay on a narrow screen. */
const MARKS: readonly (readonly [name: string, seconds: number, isWide: boolean])[] = [
  ['now', 0, true],
  ['1 h', HOUR, false],
  ['6 h', 6 * HOUR, true],
  ['1 d', DAY, true],
  ['1 w', 7 * DAY, true],
  ['30 d', 30 * DAY, true],
  ['90 d', 90 * DAY, false],
  ['1 y', 365 * DAY, true],
  ['10 y', LAST, true],
]
/** Per cent of the width left of the present, for what has ended, and right of the last mark. */
const [PAST, RIGHT] = [6, 4]
/** Per cent of the width. */
const CLOSE = 4.5
const LANE = 40

/** Returns the time line of everything that expires, and the nearest expiries as a table. */
export function expiryTimeLine({ expiries, status: { now } }: Pick<ReportData, 'expiries' | 'status'>): Markup {
  if (expiries.length === 0) return html`<p class="soft">Nothing has been issued.</p>`
  const kinds = EXPIRY_KINDS.flatMap((kind) => {
    const own = expiries.filter((one) => one.kind === kind)
    return own.length === 0 ? [] : [{ kind, own }]
  })
  const rows = kinds.map(
    ({ kind, own }) =>
      html`<div class="lane"><p class="row"><span>${text(kind)}</span><span class="facts">${own.length}</span></p>${lane(kind, own, now)}</div>`,
  )
  const marks = MARKS.map(
    ([name, seconds, isWide]) =>
      html`<text class="${(isWide ? '' : 'wide') as Markup}" x="${place(seconds)}%" y="12" text-anchor="middle">${text(name)}</text>`,
  )
  return html`<figure class="line">${rows}<svg class="axis" aria-hidden="true">${marks}</svg></figure>
<table><thead><tr><th>Next to end</th><th>In</th><th>Of</th><th class="wide">At, UTC</th></tr></thead><tbody>${kinds.map(({ own: [first] }) => (first === undefined ? NOTHING : nearest(first, now)))}</tbody></table>`
}

function nearest({ kind, at, owner }: Expiry, now: Instant): Markup {
  const late = (at < now ? 'bad' : '') as Markup
  return html`<tr><td>${text(kind)}</td><td class="${late}">${text(distance(now, at))}</td><td class="free-text">${foreign(owner, 80)}</td><td class="wide">${time(at)}</td></tr>`
}

/** Returns the place, in per cent of the width, of a time so many seconds from now; what has ended is left of it. */
export function place(seconds: number): number {
  if (seconds < 0) return PAST / 2
  const scale = (s: number): number => Math.log1p(s / HOUR)
  return PAST + Math.min(1, scale(seconds) / scale(LAST)) * (100 - PAST - RIGHT)
}

interface Cluster {
  count: number
  readonly first: Expiry
  readonly x: number
}

/** Returns the lane of a kind; ends that are close to each other are one circle with their number. */
function lane(kind: string, own: readonly Expiry[], now: Instant): Markup {
  const clusters: Cluster[] = []
  for (const one of own) {
    const x = place(secondsBetween(now, one.at))
    const last = clusters.at(-1)
    if (last !== undefined && x - last.x < CLOSE && last.first.at < now === one.at < now) last.count += 1
    else clusters.push({ count: 1, first: one, x })
  }
  const grid = MARKS.map(([, seconds]) => html`<line x1="${place(seconds)}%" x2="${place(seconds)}%" y2="100%"/>`)
  const base = html`<line x2="100%" y1="${LANE - 12}" y2="${LANE - 12}"/>`
  const dots = clusters.map((cluster) => dot(cluster, now))
  return html`<svg height="${LANE}" role="img" aria-label="${text(kind)}">${grid}${base}${dots}</svg>`
}

function dot({ count, first, x }: Cluster, now: Instant): Markup {
  const radius = Math.min(9, 4 + Math.log2(count) * 0.8)
  const cls = (first.at < now ? 'late' : 'due') as Markup
  const number = count > 1 ? html`<text x="${x}%" y="13" text-anchor="middle">${count}</text>` : NOTHING
  return html`<g><title>${count}, the first at ${text(first.at)}: ${text(first.owner, 80)}</title><circle class="${cls}" cx="${x}%" cy="${LANE - 12}" r="${radius}"/>${number}</g>`
}

/** Returns the time from now in its two largest units; `ended … ago` for one in the past. */
export function distance(now: Instant, at: Instant): string {
  const seconds = secondsBetween(now, at)
  const words = formatDuration(Math.abs(seconds)).split(' ').slice(0, 2).join(' ')
  return seconds < 0 ? `ended ${words} ago` : words
}
