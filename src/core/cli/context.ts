/** Converts flags and environment into the plain `CommandContext` of a use case. Reads no secrets and uses no network. */
import { hostname, userInfo } from 'node:os'
import type { CommandContext } from '../base/context.js'
import { AppError } from '../base/errors.js'

/** The global flags as parsed. */
export interface GlobalFlags {
  readonly 'data-dir'?: string | undefined
  readonly config?: string | undefined
  readonly actor?: string | undefined
  readonly reason?: string | undefined
  readonly 'lock-timeout'?: number | undefined
  readonly 'dry-run'?: boolean | undefined
}

/** The environment of the process. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly osUser: string
  readonly host: string
  /** Standard input is a terminal. */
  readonly interactive: boolean
}

/** The parts of a context that the command itself supplies. */
export type CommandPorts = Pick<CommandContext, 'command' | 'watch' | 'onNotice' | 'onProgress'>

/** Returns the surroundings of this process. */
export function surroundings(): Surroundings {
  return {
    env: process.env,
    osUser: loginName(),
    host: hostname(),
    // the stream costs a millisecond, and few commands ask
    get interactive() {
      return process.stdin.isTTY === true
    },
  }
}

/** Returns the context of a command. Throws `data-dir-missing` (usage) if neither a flag nor the environment names the data directory. */
export function commandContext(flags: GlobalFlags, around: Surroundings, ports: CommandPorts): CommandContext {
  const dataDir = flags['data-dir']
  if (dataDir === undefined)
    throw new AppError('usage', 'data-dir-missing', 'no data directory given', {
      hint: 'pass --data-dir DIR, or: export BRINE_DATA_DIR=DIR',
    })
  const { config, reason } = flags
  const lockTimeout = flags['lock-timeout']
  const now = around.env['BRINE_NOW']
  return {
    dataDir,
    ...(config === undefined ? {} : { configPath: config }),
    ...(reason === undefined ? {} : { reason }),
    ...(lockTimeout === undefined ? {} : { lockTimeoutSeconds: lockTimeout }),
    ...(now === undefined ? {} : { nowOverride: now }),
    actor: flags.actor ?? sudoUser(around.env) ?? around.osUser,
    osUser: around.osUser,
    host: around.host,
    dryRun: flags['dry-run'] === true,
    upgradeFirst: async (context, older) => (await import('../app/operations/migrate.js')).upgradeFirst(context, older),
    ...ports,
  }
}

/** Returns SUDO_USER. Ignores a name with control characters, which could forge the output of `history` on a terminal. */
function sudoUser(env: Surroundings['env']): string | undefined {
  const name = env['SUDO_USER']
  return name !== undefined && /^[^\p{Cc}]{1,100}$/u.test(name) ? name : undefined
}

function loginName(): string {
  try {
    return userInfo().username
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`
  }
}
