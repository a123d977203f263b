/** A sandbox on disk for tests from end to end: made by the program, then used by it or, where hundreds of commands run, by sessions in this process. */
import { chmodSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSession, type Session } from '../../../src/core/app/session/session.js'
import { runBrine } from '../processes/cli.js'
import { makeFixedKeys } from '../rpki/fixed-keys.js'
import { copySeed } from './seeds.js'

const RSYNC_BASE = 'rsync://rpki.example/repo/'
const RRDP_BASE = 'https://rpki.example/rrdp/'

/** A new folder that another user may pass through, as the folders above a data directory must let rsyncd and nginx do. */
export function scratchFolder(name: string): { readonly dir: string; readonly remove: () => void } {
  const dir = mkdtempSync(join(tmpdir(), `brine-${name}-`))
  chmodSync(dir, 0o755)
  return { dir, remove: () => rmSync(dir, { recursive: true, force: true }) }
}

/** The report of a command that must succeed; `now` is BRINE_NOW. */
export async function brineOk<T = Readonly<Record<string, unknown>>>(
  dataDir: string,
  args: readonly string[],
  now?: string,
): Promise<T> {
  const ran = await runBrine([...args, '--json'], { dataDir, ...(now === undefined ? {} : { now }) })
  if (ran.code !== 0) throw new Error(`brine ${args.join(' ')}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`)
  return ran.json<T>()
}

/**
 * A sandbox with a trust anchor and a CA `testbed`: a copy of the seed, or made in the directory where that exists. With `now` its clock is
 * BRINE_NOW's, without it the directory is a primary that takes the real clock.
 */
export async function newTestbed(dataDir: string, now?: string): Promise<void> {
  const test = now === undefined ? [] : ['--test']
  const make = (made: string) =>
    brineOk(made, ['testbed', 'init', '--rsync', RSYNC_BASE, '--rrdp', RRDP_BASE, ...test], now)
  if (existsSync(dataDir)) await make(dataDir)
  else await copySeed(`testbed-${now ?? 'live'}`, dataDir, make, { primary: now === undefined })
}

/**
 * A session for one command, at `now` where the directory takes BRINE_NOW. The keys that it makes are fixed ones: what it signs is valid,
 * and a month of republishing costs seconds.
 */
export async function quickSession(dataDir: string, now?: string, archives: readonly string[] = []): Promise<Session> {
  const who = { actor: 'tester', osUser: 'tester', host: 'host.example', command: 'test' }
  const session = await openSession({ dataDir, archives, ...who, ...(now === undefined ? {} : { nowOverride: now }) })
  makeFixedKeys(session.store.keys.list())
  return session
}
