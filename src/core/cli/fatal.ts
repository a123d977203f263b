/** Reports failures outside of a command, such as an unknown command, in the same form as all others. */
import { errorDocument, errorText, toAppError } from './errors.js'
import { EXIT_CODES } from './exit-codes.js'
import { formatJson } from './output/json.js'
import { isColoured } from './output/theme.js'
import { guardStdout, writeOut } from './stdout.js'
import { unknownCommand } from './unknown-command.js'

export interface Outside {
  readonly argv: readonly string[]
  /** Name of the program. */
  readonly bin: string
  /** Every command, words separated by spaces. */
  readonly commands: readonly string[]
}

/** Prints a failure that reached the entry point and returns the exit code. Prints nothing if the command has already reported it. */
export async function reportFatal(thrown: unknown, { argv, bin, commands }: Outside): Promise<number> {
  guardStdout()
  const exitCode = exitOf(thrown)
  if (exitCode !== undefined) return exitCode
  const debug = (process.env['DEBUG'] ?? '') !== ''
  const unknown = thrown instanceof Error ? /^command (.+?) not found\.?$/i.exec(thrown.message)?.[1] : undefined
  const error =
    unknown === undefined
      ? toAppError(thrown, { changed: 'no', command: bin, debug })
      : unknownCommand(unknown.split(/[: ]/), commands, bin)
  const json = argv.slice(0, argv.includes('--') ? argv.indexOf('--') : argv.length).includes('--json')
  if (json) await writeOut(formatJson(errorDocument(error)), 'no').catch(() => process.stderr.write(errorText(error)))
  else process.stderr.write(errorText(error, isColoured(process.stderr, process.env)))
  return EXIT_CODES[error.kind]
}

/** Returns the code of a requested exit: after `--help`, or after a command has reported its own failure. */
function exitOf(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown) || thrown.code !== 'EEXIT') return undefined
  const oclif: unknown = Reflect.get(thrown, 'oclif')
  const exit: unknown = typeof oclif === 'object' && oclif !== null ? Reflect.get(oclif, 'exit') : undefined
  return typeof exit === 'number' ? exit : EXIT_CODES.internal
}
