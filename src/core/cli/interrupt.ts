/**
 * SIGINT, SIGTERM and SIGHUP: the program ends at once and says whether anything changed.
 * A commit is one synchronous stretch, so a signal is handled before it or after it, never inside.
 */
import type { CommitWatch } from '../base/context.js'
import { AppError } from '../base/errors.js'
import { EXIT_CODES, SIGNAL_EXIT_CODES } from './exit-codes.js'

type Signal = keyof typeof SIGNAL_EXIT_CODES

const SIGNALS: readonly Signal[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** The error and the exit code of an interrupt: 128 + signal when nothing changed, 17 when the change stands and `tick` completes it, or as the question that is open says. */
export function interruption(
  signal: Signal,
  watch: CommitWatch,
): { readonly error: AppError; readonly exitCode: number } {
  const { changed, question } = watch
  if (question !== undefined) {
    const { kind, message, hint } = question
    const told = { changed: changed === 'no' ? 'unknown' : changed, hint, details: { signal } } as const
    return { error: new AppError(kind, 'interrupted', `interrupted: ${message}`, told), exitCode: EXIT_CODES[kind] }
  }
  if (changed === 'no') {
    const error = new AppError('interrupted', 'interrupted', 'interrupted, nothing changed', {
      details: { signal },
      retry: true,
    })
    return { error, exitCode: SIGNAL_EXIT_CODES[signal] }
  }
  const kind = changed === 'yes' ? 'pending' : 'uncertain'
  const message =
    changed === 'yes' ? 'interrupted after the change was made' : 'interrupted while the change was being made'
  const hint = changed === 'yes' ? 'what is left is completed by: brine tick' : 'see what happened: brine history list'
  return {
    error: new AppError(kind, 'interrupted', message, { changed, hint, details: { signal } }),
    exitCode: EXIT_CODES[kind],
  }
}

let answer: ((signal: Signal) => void) | undefined

/**
 * Calls `report` with the interruption and ends the program. What it returns is called when everything has been told: a signal that comes
 * later, or came during the work and was not delivered yet, ends the program with the exit code that was earned. The handlers stay, since
 * a library that listens too would otherwise let the signal kill a command that has just said that it is done.
 */
export function onInterrupt(watch: CommitWatch, report: (error: AppError) => void): (exitCode: number) => void {
  if (answer === undefined) for (const signal of SIGNALS) process.on(signal, () => answer?.(signal))
  answer = (signal) => {
    const { error, exitCode } = interruption(signal, watch)
    try {
      report(error)
    } finally {
      process.exit(exitCode)
    }
  }
  return (exitCode) => {
    answer = () => process.exit(exitCode)
  }
}
