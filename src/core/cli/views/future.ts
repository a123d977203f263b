/** Report of what lies in the future, as text: one line for the clock, then one block for each aggregate. */
import type { FutureAggregate, FutureReport } from '../../app/clock/future.js'
import { formatDuration } from '../../base/time.js'
import { counted } from '../output/endings.js'
import type { Theme } from '../output/theme.js'

/** Lines of one kind that are shown for an aggregate; `--json` has all. */
const SHOWN = 10

/** Returns the report without a final line break. */
export function futureView(report: FutureReport, theme: Theme): string {
  const { now, lastCommit, ahead, aggregates, broken, hosts } = report
  const record = lastCommit === null ? 'no record yet' : `last record ${lastCommit}`
  const clock = `clock ${now}, ${record}${ahead > 0 ? `, ${formatDuration(ahead)} in the future` : ''}`
  const lines = [
    ahead > 0 ? theme.bad(clock) : clock,
    ...aggregates.flatMap(aggregateLines),
    ...broken.map(({ aggregate, message }) => theme.bad(`${aggregate}: cannot be read: ${message}`)),
    ...hosts.map(({ host, last }) => `messages to ${host}: last one signed with ${last}`),
  ]
  return aggregates.length === 0 && hosts.length === 0 && ahead === 0
    ? [...lines, 'nothing lies in the future'].join('\n')
    : lines.join('\n')
}

function aggregateLines({
  aggregate,
  commands,
  from,
  to,
  points,
  objects,
  entries,
}: FutureAggregate): readonly string[] {
  const recorded =
    commands === 0 ? '' : `: ${counted(commands, 'command')} from ${from}${from === to ? '' : ` to ${to}`}`
  return [
    `${aggregate}${recorded}`,
    ...capped(
      points.map((p) => `manifest and CRL ${p.manifestNumber} of class ${p.class}, thisUpdate ${p.thisUpdate}`),
    ),
    ...capped(objects),
    ...capped(entries),
  ]
}

function capped(lines: readonly string[]): readonly string[] {
  const more = lines.length > SHOWN ? [`  and ${lines.length - SHOWN} more (--json lists all)`] : []
  return [...lines.slice(0, SHOWN).map((line) => `  ${line}`), ...more]
}
