/** Confirmation of a step that is hard to undo: a question on a terminal, `--yes` everywhere else. */
import { AppError } from '../base/errors.js'

export interface Confirmation {
  /** The consequence, as a sentence without a question mark. */
  readonly what: string
  /** Question to ask on a terminal. Default: `what` and "Continue?". */
  readonly question?: string | undefined
  readonly yes: boolean
  readonly interactive: boolean
}

/** Returns if the step is confirmed. Throws `confirmation-needed` without a terminal, `confirmation-declined` after a no (both usage). */
export async function confirm(
  { what, question = `${what}. Continue?`, yes, interactive }: Confirmation,
  ask: (question: string) => Promise<string> = askOnTerminal,
): Promise<void> {
  if (yes) return
  if (!interactive)
    throw new AppError('usage', 'confirmation-needed', `confirmation needed: ${what}`, {
      hint: 'check with --dry-run, then add --yes',
    })
  const answer = await ask(`${question} [y/N] `)
  if (/^(?:y|yes)$/i.test(answer.trim())) return
  throw new AppError('usage', 'confirmation-declined', `not confirmed: ${what}`)
}

/** Reads one line from the terminal; '' at the end of input. Uses plain line mode, so that Ctrl-C remains a signal. */
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
