/** Views of `brine plan` and `brine apply`: the changes by CA, then how many there are. */
import type { AppliedStep, ApplyReport } from '../../app/desired-state/apply.js'
import { changesSomething, type Plan } from '../../app/desired-state/plan.js'
import { datesText } from '../../ca/roa-schedule.js'
import type { CaPlan, PlanItem, PlanRow } from '../../desired-state/difference.js'
import { changeEnding } from '../output/change-ending.js'
import { counted } from '../output/endings.js'
import type { Theme } from '../output/theme.js'
import { routingEffectView, warningLines } from '../roa-views/routing-effect.js'
import { impactLines } from './impact.js'

const WORDS: Readonly<Record<PlanItem, string>> = {
  ca: 'CA',
  parent: 'parent',
  child: 'child',
  roa: 'ROA',
  aspa: 'ASPA',
  router: 'router key',
}
const HELD = ' (apply with --max-removals N, or --yes --reason TEXT)'
/** Flags by which a held plan passes, by the code of what holds it. */
const PERMISSIONS: Readonly<Record<string, string>> = {
  'removals-held': HELD,
  'publisher-emptied': HELD,
  'repository-emptied': HELD,
  'repository-endangered': ' (apply with --allow-invalid-repository --reason TEXT)',
}
const MARKS = { add: '+', remove: '-', update: '~', keep: ' ' } as const

/** Returns the plan with its digest; `file` is the name of the file as it was given, for the next command. */
export function planView(plan: Plan, file: string, theme: Theme): string {
  const lines = [...planLines(plan, theme), ...effectLines(plan, theme), ...heldLines(plan, theme), sumLine(plan)]
  if (!changesSomething(plan)) return lines.join('\n')
  const prune = plan.prune ? ' --prune' : ''
  return [...lines, theme.paste(`next: brine apply ${file}${prune} --plan-digest ${plan.digest}`)].join('\n')
}

function effectLines({ routing, warnings }: Plan, theme: Theme): readonly string[] {
  return routing === undefined ? [] : ['', routingEffectView(routing, theme), ...warningLines(warnings, theme), '']
}

function heldLines({ held }: Plan, theme: Theme): readonly string[] {
  return held.map(({ code, message }) => theme.bad(`held: ${message}${PERMISSIONS[code] ?? ''}`))
}

/** Returns the changes and what follows from them, without their number. */
export function planLines(plan: Plan, theme: Theme): readonly string[] {
  return [
    ...plan.cas.flatMap((ca) => caLines(ca, theme)),
    ...plan.scheduled.map((own) => theme.dim(`  ROA of ${own.ca} with dates, ${own.roa}: ${datesText(own)}`)),
    ...impactLines({ lost: plan.lost, regained: plan.regained }).map((line, at) =>
      at === 0 ? theme.caution(line) : line,
    ),
  ]
}

/** Returns `3 to add, 1 to remove, 0 to change; 2 not in the file, kept`. */
export function sumLine({ counts: { add, remove, change, kept } }: Pick<Plan, 'counts'>): string {
  if (add + remove + change + kept === 0) return 'no difference'
  const left = kept === 0 ? '' : `; ${kept} not in the file, kept (--prune removes ${kept === 1 ? 'it' : 'them'})`
  return `${add} to add, ${remove} to remove, ${change} to change${left}`
}

function caLines({ ca, rows }: CaPlan, theme: Theme): readonly string[] {
  const shown = rows.slice(0, theme.maxRows)
  const left = rows.length - shown.length
  const more = left === 0 ? [] : [theme.dim(`  ... and ${counted(left, 'more row')}: --json lists them all`)]
  return [theme.bold(ca), ...shown.map((row) => rowLine(row, theme)), ...more]
}

function rowLine(row: PlanRow, theme: Theme): string {
  const tones = { add: theme.good, remove: theme.bad, update: theme.caution, keep: theme.dim }
  const line = `  ${MARKS[row.change]} ${WORDS[row.item].padEnd(6)} ${row.name}${detailOf(row)}`
  return tones[row.change](row.change === 'keep' ? `${line}  (not in the file, kept)` : line)
}

function detailOf({ item, change, before, after }: PlanRow): string {
  if (item === 'ca') return ''
  const shown = (text: string | null): string => {
    if (item === 'roa') return text === null ? 'no comment' : `# ${text}`
    // without the request, of hundreds of characters
    if (item === 'router') return (text ?? 'none').replace(/^(\S+) \S+/, '$1')
    return text ?? 'none'
  }
  if (change === 'update') return `  ${shown(before)} -> ${shown(after)}`
  const value = before ?? after
  return value === null ? '' : `  ${shown(value)}`
}

/** Returns what was done, commit by commit, and what was not. In a dry run the plan. */
export function applyView(report: ApplyReport, theme: Theme): string {
  const { dryRun, applied, failed, left } = report
  if (dryRun)
    return [
      ...planLines(report, theme),
      ...effectLines(report, theme),
      `${sumLine(report)}; dry run, nothing changed`,
    ].join('\n')
  if (applied.length === 0) return [...planLines(report, theme), `${sumLine(report)}; nothing to do`].join('\n')
  const lost = impactLines({ lost: report.lost, regained: report.regained })
  const failure = failed === null ? [] : [theme.bad(`failed: ${failed.message}`)]
  const rest = left.length === 0 ? [] : [theme.caution(`not done: ${left.join(', ')}; the same command does the rest`)]
  return [...applied.map(stepLine), ...lost, ...failure, ...rest].join('\n')
}

function stepLine(step: AppliedStep): string {
  const { added, removed, updated } = step
  const parts = [
    ...(added > 0 ? [`${added} added`] : []),
    ...(removed > 0 ? [`${removed} removed`] : []),
    ...(updated > 0 ? [`${updated} changed`] : []),
  ]
  return changeEnding(step.ca, { ...step, changed: true, dryRun: false }, parts)
}
