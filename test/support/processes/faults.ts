/** Real `brine` processes with a fault at the n-th file operation (see fault-shim.ts), and what one does when nothing fails. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { type RunOptions, type RunResult, runBrine } from './cli.js'

export interface Fault {
  /** Counts from 1. */
  readonly at: number
  /** `kill` before the operation, `torn`: half a write, then kill; else the errno with which it fails. */
  readonly kind: string
  /** So does everything after it. */
  readonly forever?: boolean
}

/** By the operation's own words: how many come before it may differ from run to run. */
export type NamedFault = Omit<Fault, 'at'> & {
  readonly at: string
  /** So many operations later. */
  readonly after?: number
}

type Where = Pick<RunOptions, 'now'> & { readonly dataDir: string }

export interface FaultRunner {
  /** `link /commits/3.json` and the like, in order, of a run that must succeed. */
  operations(args: readonly string[], where: Where): Promise<readonly string[]>
  run(args: readonly string[], where: Where, fault: Fault | NamedFault): Promise<RunResult>
}

/** Builds the shim into `folder` and returns its path. */
export async function buildFaultShim(folder: string): Promise<string> {
  const shim = join(folder, 'fault-shim.cjs')
  await build({
    entryPoints: [join(dirname(fileURLToPath(import.meta.url)), 'fault-shim.ts')],
    outfile: shim,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
  })
  return shim
}

/** Builds the shim into `folder`. */
export async function faultRunner(folder: string): Promise<FaultRunner> {
  const shim = await buildFaultShim(folder)
  const under = (dataDir: string): Record<string, string> => ({
    NODE_OPTIONS: `--require=${shim}`,
    FAULT_ROOT: dataDir,
  })
  return {
    async operations(args, where) {
      const log = join(folder, 'operations')
      const ran = await runBrine(args, { ...where, env: { ...under(where.dataDir), FAULT_LOG: log } })
      if (ran.code !== 0) throw new Error(`brine ${args.join(' ')}: exit ${ran.code}\n${ran.stderr}`)
      return readFileSync(log, 'utf8').split('\n')
    },
    run(args, where, fault) {
      const { at, kind, forever } = fault
      const after = 'after' in fault ? (fault.after ?? 0) : 0
      const told = { FAULT_AT: String(at), FAULT_KIND: kind, FAULT_FOREVER: forever === true ? '1' : '0' }
      return runBrine(args, { ...where, env: { ...under(where.dataDir), ...told, FAULT_AFTER: String(after) } })
    },
  }
}
