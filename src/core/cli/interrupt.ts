/**
 * SIGINT, SIGTERM and SIGHUP: the program ends at once and says whether anything changed.
 * A commit is one synchronous stretch, so a signal is handled before it or after it, never inside.
 */
import type { CommitWatch } from '../base/context.js'
import { AppError } from '../base/errors.js'
import { EXIT_CODES, SIGNAL_EXIT_CODES } from './exit-codes.js'

type Signal = keyof typeof SIGNAL_EXIT_CODES

const SIGNALS: readonly Signal[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/**
 * Returns the error and the exit code of an interrupt: 128 + signal if nothing changed, 17 if the change is durable and `tick`
 * completes it, or what the open request to another host prescribes.
 */
export function interruption(
  signal: Signal,
  watch: CommitWatch,
): { readonly error: AppError; readonly exitCode: number } {
  const { changed, openRequest } = watch
  if (openRequest !== undefined) {
    const { kind, message, hint } = openRequest
    const init = { changed: changed === 'no' ? 'unknown' : changed, hint, details: { signal } } as const
    return { error: new AppError(kind, 'interrupted', `interrupted: ${message}`, init), exitCode: EXIT_CODES[kind] }
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
  const hint =
    changed === 'yes' ? 'complete the remaining work with: brine tick' : 'see what happened: brine history list'
  return {
    error: new AppError(kind, 'interrupted', message, { changed, hint, details: { signal } }),
    exitCode: EXIT_CODES[kind],
  }
}

let answer: ((signal: Signal) => void) | undefined

/**
 * Installs handlers that call `report` with the interruption and end the program. Returns a function to call once the result has been
 * reported: from then on a signal, also one that is pending, ends the program with the given exit code. The handlers remain installed,
 * since another listener could otherwise let the signal kill a command that has just reported success.
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
