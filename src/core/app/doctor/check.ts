/** A check of `doctor`: a fact, how bad it is, and what to do. Pure. */
import { AppError } from '../../base/errors.js'

export type CheckLevel = 'ok' | 'warning' | 'fault'

/** Topics of the checks, in the order of the report. */
const TOPICS = [
  'program',
  'directory',
  'permissions',
  'repository',
  'clock',
  'disk',
  'lock',
  'configuration',
  'keys',
  'certificates',
  'tick',
  'hooks',
  'network',
  'state',
] as const
export type Topic = (typeof TOPICS)[number]

export interface DoctorCheck {
  readonly check: Topic
  readonly level: CheckLevel
  /** Stable code in kebab-case. */
  readonly code: string
  /** The fact. */
  readonly message: string
  /** The next step; null if there is nothing to do. */
  readonly hint: string | null
}

export function ok(check: Topic, message: string): DoctorCheck {
  return { check, level: 'ok', code: 'ok', message, hint: null }
}

export function warning(check: Topic, code: string, message: string, hint: string | null): DoctorCheck {
  return { check, level: 'warning', code, message, hint }
}

export function fault(check: Topic, code: string, message: string, hint: string | null): DoctorCheck {
  return { check, level: 'fault', code, message, hint }
}

/** Returns an error as a fault: doctor goes on with the other checks. */
export function faultOf(check: Topic, error: unknown): DoctorCheck {
  if (error instanceof AppError) return fault(check, error.code, error.message, error.hint ?? null)
  const message = error instanceof Error ? error.message : String(error)
  return fault(check, 'check-failed', `cannot be checked: ${message}`, null)
}

/** Runs a group of checks. What throws is a fault of its own, so that damage never hides the other checks. */
export async function guarded(
  check: Topic,
  run: () => readonly DoctorCheck[] | Promise<readonly DoctorCheck[]>,
): Promise<readonly DoctorCheck[]> {
  try {
    return await run()
  } catch (error) {
    return [faultOf(check, error)]
  }
}

/** Returns the checks by topic. A topic with a problem has no `ok`: two sources of one topic could contradict each other. */
export function sorted(all: readonly DoctorCheck[]): readonly DoctorCheck[] {
  return TOPICS.flatMap((topic) => {
    const own = all.filter(({ check }) => check === topic)
    const problems = own.filter(({ level }) => level !== 'ok')
    return problems.length > 0 ? problems : own
  })
}
