/** Renders the report of a restore: age of the backup, what was published after it was taken, and the next steps. */
import type { RestoreReport } from '../../app/backup/restore.js'
import { formatDuration } from '../../base/time.js'
import { counted } from '../output/endings.js'
import type { Theme } from '../output/theme.js'

/** Returns the lines after the first one. */
export function restoredLines(report: RestoreReport, theme: Theme): readonly string[] {
  const { cutAt, replaced, behind, dropped, seen, nextSteps } = report
  const age = report.age === null ? '' : `, ${formatDuration(report.age).split(' ').slice(0, 2).join(' ')} ago`
  const gaps = behind.map((b) => {
    const number =
      b.seenNumber === null ? '' : b.kind === 'pubserver' ? `, serial ${b.seenNumber}` : `, manifest ${b.seenNumber}`
    return `  ${b.kind}/${b.handle}: restored at seq ${b.sequence}; the replaced directory was at seq ${b.seenSequence}${number}`
  })
  return [
    cutAt === null ? 'backup taken before the first commit' : `backup taken at ${cutAt}${age}`,
    ...(dropped > 0 ? [theme.caution(`${counted(dropped, 'newer commit')} of the copy left out: incomplete`)] : []),
    `published after this backup was taken: ${seen === 'unknown' ? 'unknown' : behind.length === 0 ? 'nothing' : counted(behind.length, 'aggregate')}`,
    ...gaps,
    ...(replaced === null ? [] : [`the replaced directory is now ${replaced}`]),
    'next:',
    ...nextSteps.map((step, i) => `  ${i + 1}. ${step}`),
  ]
}
