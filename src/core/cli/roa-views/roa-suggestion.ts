/** View of proposed changes: lines that `brine roa update --file` reads, with what people have to decide as comments. */
import type { RoaSuggestionReport, RouteRow } from '../../app/routing/analyse-roas.js'
import { routingDataLine } from './routing-data.js'

/** `isMinimal` includes the replacement of ROAs that are too wide and the removal of superfluous ones. */
export function roaSuggestionView(report: RoaSuggestionReport, isMinimal: boolean): string {
  const { add, remove, replace, otherOrigins, unused, disallowing, notHeld } = report
  const replaced = replace.flatMap(({ current, minimal, comment: note }) => [
    removal(current),
    ...minimal.map((roa) => addition(note === undefined ? roa : `${roa} # ${note}`)),
  ])
  const lines = [
    `# ${routingDataLine(report.data)}`,
    ...section(
      'announced, and without a ROA',
      add.map((roa) => addition(roa)),
    ),
    ...section('maxLength wider than what is announced (RFC 9319)', isMinimal ? replaced : replaced.map(comment)),
    ...section('superfluous beside another ROA', isMinimal ? remove.map(removal) : remove.map(removal).map(comment)),
    ...section('announced by an AS without a ROA: a mistake, a customer, or a hijack', otherOrigins.map(announced)),
    ...section('ROAs without an announcement', unused.map(comment)),
    ...section('ROAs that only make announcements invalid', disallowing.map(comment)),
    ...section('ROAs whose prefix the CA does not hold', notHeld.map(comment)),
  ]
  return lines.length === 1 ? `${lines[0]}\n# nothing to change` : lines.join('\n')
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ['', `# ${title}`, ...lines]
}

function addition(roa: string): string {
  return `A: ${roa}`
}

function removal(roa: string): string {
  return `R: ${roa}`
}

function comment(line: string): string {
  return `# ${line}`
}

function announced({ prefix, asn, peers }: RouteRow): string {
  return `# ${prefix} by AS${asn}${peers === null ? '' : `, seen by ${peers} peers`}`
}
