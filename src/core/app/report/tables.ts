/** Findings, newest ROAs and newest commands as text. Pure. */
import type { CommandRow } from '../proof/history.js'
import type { ReportData } from './data.js'
import { foreign, html, type Markup, NOTHING, text, time } from './markup.js'

export const TONE = { ok: 'good', warning: 'warn', critical: 'bad' } as const

/** Characters that are shown of a comment, a reason or a summary. */
const NOTE = 160

export function findingList({ status: { concerns } }: Pick<ReportData, 'status'>): Markup {
  if (concerns.length === 0) return html`<p class="good">Nothing to do.</p>`
  const rows = concerns.map(({ level, code, message, hint }) => {
    const next = hint === null ? NOTHING : html`<p class="soft">Next: ${foreign(hint)}</p>`
    return html`<li class="${TONE[level] as Markup}"><p><strong>${text(level)}</strong> ${foreign(message, 1000)} <code>${text(code)}</code></p>${next}</li>`
  })
  return html`<ul class="findings">${rows}</ul>`
}

export function roaTable({ roas }: Pick<ReportData, 'roas'>): Markup {
  if (roas.length === 0) return html`<p class="soft">No ROA is configured.</p>`
  const rows = roas.map(({ text: roa, ca, since, comment }) => {
    const note = comment === null ? NOTHING : html`<p class="soft">${foreign(comment, NOTE)}</p>`
    return html`<tr><td class="free-text">${text(roa)}${note}</td><td class="owner">${foreign(ca, 40)}</td><td class="wide">${time(since)}</td></tr>`
  })
  return html`<table><thead><tr><th>ROA</th><th>CA</th><th class="wide">Since, UTC</th></tr></thead><tbody>${rows}</tbody></table>`
}

export function historyTable({ commands, total, historyProblem }: HistoryFacts): Markup {
  if (historyProblem !== null)
    return html`<p class="bad">The history cannot be read: ${foreign(historyProblem, 1000)}</p>`
  if (commands.length === 0) return html`<p class="soft">There is no command yet.</p>`
  return html`<p class="soft">${commands.length} of ${total}, newest first. Times are UTC.</p>
<ol class="history">${commands.map(commandRow)}</ol>`
}

type HistoryFacts = Pick<ReportData, 'commands' | 'total' | 'historyProblem'>

function commandRow({ at, kind, handle, type, result, actor, reason, summary, error }: CommandRow): Markup {
  const outcome = result === 'accepted' ? NOTHING : html` <strong class="bad">${text(result)}</strong>`
  const line = (content: string | null | undefined, cls: string): Markup =>
    content === null || content === undefined || content === ''
      ? NOTHING
      : html`<p class="${cls as Markup}">${foreign(content, NOTE)}</p>`
  const why = reason === null ? NOTHING : html`: ${foreign(reason, NOTE)}`
  return html`<li>${time(at)}<div><p><span class="command">${text(type)}</span> ${foreign(`${kind}/${handle}`, 80)}${outcome} <span class="soft">by ${foreign(actor, 80)}${why}</span></p>${line(summary, 'soft')}${line(error?.message, 'bad')}</div></li>`
}
