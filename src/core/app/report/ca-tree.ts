/** The tree of CAs as a drawing: a row a CA, with the lines to its parent and to its children. Pure. */
import type { ReportCa, ReportData } from './data.js'
import { counted, foreign, html, type Markup, NOTHING, text } from './markup.js'

interface Row {
  readonly label: string
  readonly facts: string
  readonly depth: number
  readonly form: 'node' | 'anchor' | 'away'
  /** Depths whose line goes on below this row: an ancestor has another child. */
  readonly open: readonly number[]
}

const HEIGHT = 28
/** Width of a level; less in a deep tree, so that names have room on a narrow screen. */
const [STEP, MOST_INDENT] = [22, 132]
/** Rows that are drawn. */
export const MOST_ROWS = 2000

/** Returns the drawing, or a sentence if there is no CA. */
export function caTree({ cas }: Pick<ReportData, 'cas'>): Markup {
  const rows = rowsOf(cas)
  if (rows.length === 0) return html`<p class="soft">There is no CA yet.</p>`
  const deepest = rows.reduce((most, { depth }) => Math.max(most, depth), 1)
  const step = Math.min(STEP, MOST_INDENT / deepest)
  const shown = rows.slice(0, MOST_ROWS)
  const more = rows.length - shown.length
  return html`<ul class="tree" aria-label="Tree of CAs">${shown.map((row, n) => drawn(row, shown[n + 1], step))}</ul>${more > 0 ? html`<p class="soft">and ${more} more</p>` : NOTHING}`
}

function drawn({ label, facts, depth, form, open }: Row, below: Row | undefined, step: number): Markup {
  const x = (level: number): number => 8 + level * step
  const [at, middle, width] = [x(depth), HEIGHT / 2, x(depth) + 10]
  const through = open.filter((level) => level < depth - 1).map((level) => html`<path d="M${x(level)} 0V${HEIGHT}"/>`)
  const end = open.includes(depth - 1) ? HEIGHT : middle
  const edge = depth === 0 ? NOTHING : html`<path d="M${x(depth - 1)} 0V${end}M${x(depth - 1)} ${middle}H${at}"/>`
  const down = below !== undefined && below.depth > depth ? html`<path d="M${at} ${middle}V${HEIGHT}"/>` : NOTHING
  return html`<li><svg class="edges" width="${width}" height="${HEIGHT}" aria-hidden="true">${through}${edge}${down}<circle class="${form as Markup}" cx="${at}" cy="${middle}" r="5"/></svg><span class="name">${foreign(label, 80)}</span><span class="facts">${text(facts)}</span></li>`
}

/** Returns the rows from the roots down. A CA with several parents is drawn below the first, once. */
function rowsOf(cas: readonly ReportCa[]): readonly Row[] {
  const known = new Set(cas.map(({ id }) => id))
  const below = new Map<string, ReportCa[]>()
  for (const ca of cas) {
    const key = keyOf(ca, known)
    below
      .set(key, below.get(key) ?? [])
      .get(key)
      ?.push(ca)
  }
  const rows: Row[] = []
  const done = new Set<string>()
  const drawAll = (children: readonly ReportCa[], depth: number, open: readonly number[]): void => {
    const fresh = children.filter(({ id }) => !done.has(id))
    for (const [n, ca] of fresh.entries()) {
      if (done.has(ca.id)) continue
      done.add(ca.id)
      const lines = n < fresh.length - 1 && depth > 0 ? [...open, depth - 1] : open
      const form = ca.isTa ? 'anchor' : 'node'
      rows.push({ label: ca.handle, facts: factsOf(ca), depth, form, open: lines })
      drawAll(below.get(ca.id) ?? [], depth + 1, lines)
    }
  }
  drawAll(below.get('') ?? [], 0, [])
  for (const name of [...below.keys()].filter((key) => key.startsWith(ELSEWHERE)).sort()) {
    const label = name.slice(ELSEWHERE.length)
    rows.push({ label, facts: 'parent elsewhere', depth: 0, form: 'away', open: [] })
    drawAll(below.get(name) ?? [], 1, [])
  }
  // parents that are each other's children are never reached from a root
  drawAll(cas, 0, [])
  return rows
}

const ELSEWHERE = 'elsewhere '

function keyOf({ parents, parentsElsewhere }: ReportCa, known: ReadonlySet<string>): string {
  const local = parents.find((parent) => known.has(parent))
  const [away] = parentsElsewhere
  return local ?? (away === undefined ? '' : `${ELSEWHERE}${away}`)
}

function factsOf({ isTa, roas, aspas, parents, parentsElsewhere, childrenElsewhere }: ReportCa): string {
  const more = parents.length + parentsElsewhere.length - 1
  return [
    ...(isTa ? ['trust anchor'] : [counted(roas, 'ROA')]),
    ...(aspas > 0 ? [counted(aspas, 'ASPA')] : []),
    ...(childrenElsewhere > 0 ? [`${counted(childrenElsewhere, 'child', 'children')} elsewhere`] : []),
    ...(more > 0 ? [counted(more, 'more parent')] : []),
  ].join(', ')
}
