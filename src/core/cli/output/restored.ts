/** What a restored directory says of itself: how old, what the world has seen since, what to do. */
import type { RestoreReport } from '../../app/backup/restore.js'
import { formatDuration } from '../../base/time.js'
import { counted } from './endings.js'
import type { Theme } from './theme.js'

/** Lines after the first one. */
export function restoredLines(report: RestoreReport, theme: Theme): readonly string[] {
  const { cutAt, age, replaced, behind, dropped, seen, nextSteps } = report
  const old = age === null ? '' : `, ${formatDuration(age).split(' ').slice(0, 2).join(' ')} ago`
  const lost = behind.map((b) => {
    const number =
      b.seenNumber === null ? '' : b.kind === 'pubserver' ? `, serial ${b.seenNumber}` : `, manifest ${b.seenNumber}`
    return `  ${b.kind}/${b.handle}: restored at seq ${b.sequence}, it had reached seq ${b.seenSequence}${number}`
  })
  return [
    `cut at ${cutAt ?? 'no commit'}${old}`,
    ...(dropped > 0 ? [theme.caution(`${counted(dropped, 'newer commit')} of the copy not whole: left out`)] : []),
    seen === 'unknown'
      ? 'seen by the world since the cut: unknown'
      : `seen by the world since the cut: ${behind.length === 0 ? 'nothing more' : counted(behind.length, 'aggregate')}`,
    ...lost,
    ...(replaced === null ? [] : [`what was there lies in ${replaced}`]),
    'next:',
    ...nextSteps.map((step, i) => `  ${i + 1}. ${step}`),
  ]
}
