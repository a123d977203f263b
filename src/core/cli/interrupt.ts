/**
 * SIGINT, SIGTERM and SIGHUP: the program ends at once and says whether anything changed.
 * A commit is one synchronous stretch, so a signal is handled before it or after it, never inside.
 */
import type { CommitWatch } from '../base/context.js'
import { AppError } from '../base/errors.js'
import { EXIT_CODES, SIGNAL_EXIT_CODES } from './exit-codes.js'

type Signal = keyof typeof SIGNAL_EXIT_CODES

const SIGNALS: readonly Signal[] = ['SIGINT', 'SIGTERM', 'SIGHUP']

/** The error and the exit code of an interrupt: 128 + signal when nothing changed, 17 when the change stands and `tick` completes it. */
export function interruption(
  signal: Signal,
  watch: CommitWatch,
): { readonly error: AppError; readonly exitCode: number } {
  const { changed } = watch
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

/** Calls `report` with the interruption and ends the program; returns what takes the handlers away again. */
export function onInterrupt(watch: CommitWatch, report: (error: AppError) => void): () => void {
  const handlers = SIGNALS.map((signal) => {
    const handler = (): void => {
      const { error, exitCode } = interruption(signal, watch)
      try {
        report(error)
      } finally {
        process.exit(exitCode)
      }
    }
    process.on(signal, handler)
    return () => process.removeListener(signal, handler)
  })
  return () => {
    for (const remove of handlers) remove()
  }
}
