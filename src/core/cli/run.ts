/** The way in: loads oclif's view of the program once, puts the command line in order and runs one command. */
import { Config, flush, handle, run as runOclif } from '@oclif/core'
import { normalizeArgv } from './argv.js'

/** Runs the command line `argv` with the program installed in `root`; sets the exit code and never throws. */
export async function run(root: string, argv: readonly string[]): Promise<void> {
  try {
    const config = await Config.load({ root })
    await runOclif(
      normalizeArgv(argv, (id) => config.findCommand(id) !== undefined),
      config,
    )
    await flush()
  } catch (error) {
    await handle(error instanceof Error ? error : new Error(String(error)))
  }
}
