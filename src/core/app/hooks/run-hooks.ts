/**
 * Runs the program of `[hooks]` on the outcomes of a command that has ended.
 * Invariant: it runs after the commit and without the lock, and nothing about it is an error of the command.
 */
import { resolve } from 'node:path'
import type { CommandContext } from '../../base/context.js'
import { parseInstant } from '../../base/time.js'
import type { HooksConfig } from '../../config/hooks/schema.js'
import { loadUsableConfig } from '../../config/load.js'
import { readConfigText } from '../../config/read.js'
import { ownerFault, programFault } from '../../hooks/program.js'
import { IN_HOOK, runHook } from '../../hooks/run.js'
import { systemTime } from '../session/clock.js'
import { type Ending, type Outcome, outcomesOf } from './outcomes.js'

type Env = Readonly<Record<string, string | undefined>>

/** Runs the hook once for each outcome that the configuration names, and returns one sentence for each problem. Never throws. */
export async function runHooks(
  context: CommandContext,
  command: string,
  ending: Ending,
  env: Env,
): Promise<readonly string[]> {
  // audit verify of an export opens no directory
  if (env[IN_HOOK] !== undefined || context.dataDir === '') return []
  try {
    const configPath = context.configPath ?? resolve(context.dataDir, 'brine.toml')
    const { hooks } = await loadUsableConfig(readConfigText(configPath), configPath)
    const { program } = hooks
    if (program === undefined) return []
    const now = parseInstant(context.nowOverride ?? '') ?? systemTime()
    const outcomes = outcomesOf(command, ending, now).filter(({ outcome }) => hooks.on.includes(outcome))
    if (outcomes.length === 0) return []
    const fault = hookFault(hooks, configPath)
    if (fault !== undefined) return [`hook not run: ${fault}`]
    const problems: string[] = []
    for (const one of outcomes) {
      const input = inputOf(context, one, now)
      const problem = await runHook({ program, input, seconds: hooks.timeout, env })
      if (problem !== undefined) problems.push(`hook ${program} on ${one.outcome} ${problem}`)
    }
    return problems
  } catch (error) {
    return [`hook not run: ${error instanceof Error ? error.message : String(error)}`]
  }
}

/** Returns why the program of the configuration is not run; undefined if it may be, or there is none. */
function hookFault({ program }: HooksConfig, configPath: string): string | undefined {
  return program === undefined ? undefined : (ownerFault(configPath) ?? programFault(program))
}

function inputOf({ command, dataDir, actor, host }: CommandContext, outcome: Outcome, at: string): string {
  return `${JSON.stringify({ ...outcome, command, dataDir: resolve(dataDir), actor, host, at })}\n`
}
