/**
 * Standard output that tells the truth: a reader who went away is fine, a full disk is an error, and neither is a stack trace.
 */
import { AppError, type Changed } from '../base/errors.js'
import { errorText } from './errors.js'
import { EXIT_CODES } from './exit-codes.js'

let guarded = false
/** Someone answers for a failure: `writeOut`, before and after the event, or the guard that told it once. */
let answered = false

/**
 * Takes over from the command-line library, whose listener throws. What `writeOut` writes, it answers for itself; text that the
 * library writes (help, the version) ends with a message and exit code 14 when it is lost. Once a process.
 */
export function guardStdout(): void {
  if (guarded) return
  guarded = true
  process.stderr.removeAllListeners('error')
  process.stderr.on('error', () => undefined)
  process.stdout.removeAllListeners('error')
  process.stdout.on('error', (failure: NodeJS.ErrnoException) => {
    if (answered || failure.code === 'EPIPE') return
    answered = true
    process.stderr.write(errorText(stdoutFailed(failure, 'no')))
    process.exitCode = EXIT_CODES.io
  })
}

/**
 * Writes text and waits until the system has it. A closed pipe is no failure. Throws `stdout-failed` (io); `changed` is what to tell
 * the user then. The last character goes alone: Node takes a write that a full disk cut short for a whole one, the next one fails.
 */
export async function writeOut(text: string, changed: Changed): Promise<void> {
  answered = true
  for (const part of [text.slice(0, -1), text.slice(-1)]) {
    const failure = part === '' ? undefined : await written(part)
    if (failure?.code === 'EPIPE') return
    if (failure !== undefined) throw stdoutFailed(failure, changed)
  }
  answered = false
}

/** Resolves once the guard has heard of everything that was written so far and is lost. */
export function outputHeard(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function written(text: string): Promise<NodeJS.ErrnoException | undefined> {
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
    hint: changed === 'no' ? 'give the output room and run it again' : 'the change stands, only its report is lost',
  })
}
