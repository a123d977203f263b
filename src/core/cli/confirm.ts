/** The question before a step that is hard to take back: asked on a terminal, answered by `--yes` everywhere else. */
import { AppError } from '../base/errors.js'

export interface Confirmation {
  /** What will happen, as a sentence without a question mark. */
  readonly what: string
  readonly yes: boolean
  readonly interactive: boolean
}

/** Returns when the step may be taken. Throws `confirmation-needed` where nobody can be asked, `confirmation-declined` after a no (both usage). */
export async function confirm(
  { what, yes, interactive }: Confirmation,
  ask: (question: string) => Promise<string> = askOnTerminal,
): Promise<void> {
  if (yes) return
  if (!interactive)
    throw new AppError('usage', 'confirmation-needed', `confirmation needed: ${what}`, {
      hint: 'look at it with --dry-run, then add --yes',
    })
  const answer = await ask(`${what}. Go on? [y/N] `)
  if (/^(?:y|yes)$/i.test(answer.trim())) return
  throw new AppError('usage', 'confirmation-declined', `not confirmed: ${what}`)
}

/** One line from the terminal; empty at its end. Plain line mode, so that Ctrl-C stays a signal. */
async function askOnTerminal(question: string): Promise<string> {
  const { createInterface } = await import('node:readline')
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false })
  try {
    return await new Promise<string>((resolve) => {
      lines.once('close', () => resolve(''))
      lines.question(question, resolve)
    })
  } finally {
    lines.close()
  }
}
