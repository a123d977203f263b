/** Entry point with oclif, for what `quick/run.ts` leaves to it: loads oclif's configuration once, normalises the command line and runs one command. */
// Loads oclif's command class, and with it the listener on standard output that guardStdout takes over from.
import '@oclif/core/command'
import { Config } from '@oclif/core/config'
import { run as runOclif } from '@oclif/core/run'
import { joinCommand, normalizeArgv } from './argv.js'
import { reportFatal } from './fatal.js'
import { prepareProcess } from './start.js'
import { outputHeard } from './stdout.js'

/**
 * Runs the command line `argv` with the program installed in `root`. Never throws: a failure ends the process at once with its exit
 * code, so that pending work of the failed command does not keep it alive.
 */
export async function run(root: string, argv: readonly string[]): Promise<void> {
  prepareProcess()
  let commands: readonly string[] = []
  try {
    const config = await Config.load({ root, userPlugins: false, devPlugins: false })
    commands = config.commandIDs.map((id) => id.replaceAll(':', ' '))
    const isCommand = (id: string): boolean => config.findCommand(id) !== undefined
    await runOclif(joinCommand(normalizeArgv(argv, isCommand), isCommand), config)
    // at a natural end Node first restores the default signal handlers, and a signal then would kill a command that has reported success
    await outputHeard()
    process.exit()
  } catch (error) {
    process.exit(await reportFatal(error, { argv, bin: 'brine', commands }))
  }
}
