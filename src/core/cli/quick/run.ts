/**
 * Runs commands without oclif, which takes longer to load than most commands take to run. oclif stays the definition of everything that is
 * not a valid command line: help, errors, versions. The build makes this program from the same commands, with the stand-ins of this folder.
 */
import { joinCommand, normalizeArgv } from '../argv.js'
import { prepareProcess } from '../start.js'
import { outputHeard } from '../stdout.js'
import type { Command, Program } from './command.js'
import { parseLine, type Shape } from './parse.js'

type CommandClass = Shape & { id: string } & (new (argv: string[], config: Program) => Command)

/** The commands of a bundle by their ids, each loaded when it is used. */
export type Commands = Readonly<Record<string, () => Promise<{ readonly default: unknown }>>>

/** A valid command line and the class that runs it. */
interface Accepted {
  readonly id: string
  readonly argv: string[]
  readonly command: CommandClass
}

/** Place of a command line that this bundle does not run: the bundle that has its command, or oclif. */
type Other = 'elsewhere' | 'oclif'

/** Variables that make oclif behave differently: it writes what it does, or writes JSON without being asked to. */
const OF_OCLIF = ['DEBUG', 'BRINE_CONTENT_TYPE']

/** Returns the command of a valid command line, or where else it is handled. Changes nothing. */
export async function accepted(
  commands: Commands,
  { commandIDs }: Pick<Program, 'commandIDs'>,
  words: readonly string[],
): Promise<Accepted | Other> {
  if (words.includes('--help') || OF_OCLIF.some((name) => process.env[name])) return 'oclif'
  const isCommand = (id: string): boolean => commandIDs.includes(id)
  const [id = '', ...argv] = joinCommand(normalizeArgv(words, isCommand), isCommand)
  if (!isCommand(id) || argv.includes('--help')) return 'oclif'
  if (!Object.hasOwn(commands, id)) return 'elsewhere'
  const command = (await commands[id]?.())?.default as CommandClass
  return (await parseLine(command, argv)) === undefined ? 'oclif' : { id, argv, command }
}

/** Runs the command line and ends the process, as `run` with oclif does. Returns where else it is handled, and has done nothing then. */
export async function runQuickly(
  commands: Commands,
  program: Program,
  argv: readonly string[],
): Promise<'done' | Other> {
  // oclif reports a command that cannot be loaded
  const line = await accepted(commands, program, argv).catch((): Other => 'oclif')
  if (typeof line === 'string') return line
  prepareProcess()
  try {
    const { id, command } = line
    command.id = id
    await new command(line.argv, program)._run()
    await outputHeard()
    process.exit()
  } catch (error) {
    const { reportFatal } = await import('../fatal.js')
    const names = program.commandIDs.map((id) => id.replaceAll(':', ' '))
    process.exit(await reportFatal(error, { argv, bin: program.bin, commands: names }))
  }
  return 'done'
}
