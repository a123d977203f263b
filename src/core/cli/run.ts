/** Entry point: loads oclif's configuration once, normalises the command line and runs one command. */
// Loads oclif's command class, and with it the listener on standard output that guardStdout takes over from.
import '@oclif/core/command'
import { Config } from '@oclif/core/config'
import { run as runOclif } from '@oclif/core/run'
import { normalizeArgv } from './argv.js'
import { reportFatal } from './fatal.js'
import { guardStdout, outputHeard } from './stdout.js'

/**
 * Runs the command line `argv` with the program installed in `root`. Never throws: a failure ends the process at once with its exit
 * code, so that pending work of the failed command does not keep it alive.
 */
export async function run(root: string, argv: readonly string[]): Promise<void> {
  guardStdout()
  let commands: readonly string[] = []
  try {
    const config = await Config.load({ root })
    commands = config.commandIDs.map((id) => id.replaceAll(':', ' '))
    const words = normalizeArgv(argv, (id) => config.findCommand(id) !== undefined)
    await runOclif(words, config)
    if (asksForHelp(words)) process.stdout.write(await exitCodeHelp())
    // at a natural end Node first restores the default signal handlers, and a signal then would kill a command that has reported success
    await outputHeard()
    process.exit()
  } catch (error) {
    process.exit(await reportFatal(error, { argv, bin: 'brine', commands }))
  }
}

function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf('--')
  return (end < 0 ? words : words.slice(0, end)).includes('--help')
}

/** Returns the table of exit codes, which oclif's help lacks and which is the same for every command. */
async function exitCodeHelp(): Promise<string> {
  const { EXIT_STATUS } = await import('./manual/facts.js')
  return `EXIT CODES\n${EXIT_STATUS.map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`).join('\n')}\n`
}
