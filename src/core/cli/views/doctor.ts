/** Renders the report of `brine doctor`: one line for each check, the next step below. */
import type { DoctorReport } from '../../app/doctor/doctor.js'
import { counted } from '../output/endings.js'
import type { Theme } from '../output/theme.js'

export function doctorView({ checks, problems, ok, bundle }: DoctorReport, theme: Theme): string {
  const tone = { ok: theme.good, warning: theme.caution, fault: theme.bad }
  const lines = checks.flatMap(({ check, level, message, hint }) => [
    `${tone[level](level.padEnd(7))} ${check.padEnd(13)} ${message}`,
    ...(hint === null ? [] : [theme.dim(theme.paste(`${' '.repeat(22)}-> ${hint}`))]),
  ])
  const faults = problems.filter(({ level }) => level === 'fault').length
  const sum = `${counted(faults, 'fault')}, ${counted(problems.length - faults, 'warning')}`
  const written = bundle === null ? [] : [`${bundle}: written; read it before you send it`]
  return [...lines, ...written, ok ? theme.good(sum) : theme.bad(sum)].join('\n')
}
