/** Runs the built program as users do, and opens sessions in this process where a test would otherwise start hundreds of programs. */
import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openSession, type Session } from '../../src/core/app/session.js'
import { FIXED_KEYS, fixedPkcs8 } from './fixed-keys.js'

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url))

export const RSYNC_BASE = 'rsync://rpki.example/repo/'
export const RRDP_BASE = 'https://rpki.example/rrdp/'

export interface Ran {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** A new folder that another user may pass through, as the folders above a data directory must let rsyncd and nginx do. */
export function scratchFolder(name: string): { readonly dir: string; readonly remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), `brine-${name}-`))
  chmodSync(dir, 0o755)
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

/** `brine --data-dir DIR ...args`; BRINE_NOW where `now` is given. */
export function brine(dataDir: string, args: readonly string[], now?: string): Promise<Ran> {
  const { BRINE_NOW: _now, BRINE_DATA_DIR: _dir, BRINE_CONFIG: _config, ...inherited } = process.env
  const env = { ...inherited, NODE_EXTRA_CA_CERTS: '', ...(now === undefined ? {} : { BRINE_NOW: now }) }
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [RUN, '--data-dir', dataDir, ...args],
      { env, timeout: 120_000, maxBuffer: 64 * 1024 * 1024 },
      (_error, stdout, stderr) => resolve({ status: child.exitCode ?? -1, stdout, stderr }),
    )
  })
}

/** The report of a command that must succeed. */
export async function brineOk<T = Readonly<Record<string, unknown>>>(
  dataDir: string,
  args: readonly string[],
  now?: string,
): Promise<T> {
  const { status, stdout, stderr } = await brine(dataDir, [...args, '--json'], now)
  if (status !== 0) throw new Error(`brine ${args.join(' ')}: exit ${status}\n${stdout}${stderr}`)
  return JSON.parse(stdout) as T
}

/** A sandbox with the URIs of this file. */
export async function newTestbed(dataDir: string, now?: string): Promise<void> {
  const test = now === undefined ? [] : ['--test']
  await brineOk(dataDir, ['testbed', 'init', '--rsync', RSYNC_BASE, '--rrdp', RRDP_BASE, ...test], now)
}

/**
 * A session of one command at `now`. Its one-time keys are the fixed ones, round and round, as if the pool had held them: what it signs is
 * valid, and a month of republishing costs seconds.
 */
export async function quickSession(dataDir: string, now: string): Promise<Session> {
  const session = await openSession({
    dataDir,
    actor: 'tester',
    osUser: 'tester',
    host: 'host.example',
    command: 'test',
    nowOverride: now,
  })
  let next = 0
  const takePool = (count: number) =>
    Array.from({ length: Math.min(count, FIXED_KEYS) }, () => fixedPkcs8(next++ % FIXED_KEYS))
  Object.assign(session.store.keys, { takePool })
  return session
}
