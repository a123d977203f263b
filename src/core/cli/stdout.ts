/** Writes standard output: a closed pipe is ignored, any other write error is reported with exit code 14. */
import { AppError, type Changed } from '../base/errors.js'
import { errorText } from './errors.js'
import { EXIT_CODES } from './exit-codes.js'

let guarded = false
/** True while `writeOut` handles write errors itself, and after the guard has reported one. */
let handled = false

/**
 * Replaces oclif's error listener, which throws. `writeOut` handles its own errors; if text that oclif writes (help, version) cannot
 * be written, the guard prints a message and sets exit code 14. Runs once per process.
 */
export function guardStdout(): void {
  if (guarded) return
  guarded = true
  process.stderr.removeAllListeners('error')
  process.stderr.on('error', () => undefined)
  process.stdout.removeAllListeners('error')
  process.stdout.on('error', (failure: NodeJS.ErrnoException) => {
    if (handled || failure.code === 'EPIPE') return
    handled = true
    process.stderr.write(errorText(stdoutFailed(failure, 'no')))
    process.exitCode = EXIT_CODES.io
  })
}

/**
 * Writes text or octets and waits until the system has accepted it. Ignores a closed pipe. Throws `stdout-failed` (io), which reports `changed`.
 * Writes the last character separately: Node does not notice a write that a full disk shortened, but the next write fails.
 */
export async function writeOut(output: string | Uint8Array, changed: Changed): Promise<void> {
  handled = true
  for (const part of [output.slice(0, -1), output.slice(-1)]) {
    const failure = part.length === 0 ? undefined : await written(part)
    if (failure?.code === 'EPIPE') return
    if (failure !== undefined) throw stdoutFailed(failure, changed)
  }
  handled = false
}

/** Resolves when errors of everything written so far have reached the guard. */
export function outputHeard(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function written(text: string | Uint8Array): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    process.stdout.write(text, (failure) => resolve(failure ?? undefined))
  })
}

function stdoutFailed(failure: NodeJS.ErrnoException, changed: Changed): AppError {
  const errno = failure.code ?? failure.message
  return new AppError('io', 'stdout-failed', `cannot write to standard output: ${errno}`, {
    changed,
    cause: failure,
    details: { errno },
    hint:
      changed === 'no'
        ? 'free space on the output device and retry'
        : 'the change was applied; only its output was lost',
  })
}
