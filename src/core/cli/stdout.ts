/**
 * Standard output that tells the truth: a reader who went away is fine, a full disk is an error, and neither is a stack trace.
 */
import { AppError, type Changed } from '../base/errors.js'

let guarded = false

/**
 * Takes over from the command-line library, whose listener throws: a failed write is told to the one who wrote, by `writeOut`.
 * Once a process.
 */
export function guardStdout(): void {
  if (guarded) return
  guarded = true
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error')
    stream.on('error', () => undefined)
  }
}

/** Writes text and waits until the system has it. A closed pipe is no failure. Throws `stdout-failed` (io); `changed` is what to tell the user then. */
export async function writeOut(text: string, changed: Changed): Promise<void> {
  if (text === '') return
  const failure = await new Promise<NodeJS.ErrnoException | null | undefined>((resolve) => {
    process.stdout.write(text, resolve)
  })
  if (failure === null || failure === undefined || failure.code === 'EPIPE') return
  const errno = failure.code ?? failure.message
  throw new AppError('io', 'stdout-failed', `cannot write to standard output: ${errno}`, {
    changed,
    cause: failure,
    details: { errno },
    hint: changed === 'no' ? 'give the output room and run it again' : 'the change stands, only its report is lost',
  })
}
