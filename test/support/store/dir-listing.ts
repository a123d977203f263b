/** Lists everything in a data directory, so that a test can check that nothing changed. */
import { lstatSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Paths that may change without a command changing anything: replaceable status, the key pool, the lock. */
const REPLACEABLE = /^(?:status|keys\/pool|\.lock|lock)(?:\/|$)/

/** Maps each path outside `status/`, `keys/pool/` and the lock to a fingerprint: ctime, which no process can set back, replaces a hash. */
export function listingOf(dir: string): ReadonlyMap<string, string> {
  const listing = new Map<string, string>()
  for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' }).sort()) {
    if (REPLACEABLE.test(name)) continue
    const path = join(dir, name)
    const stat = lstatSync(path, { bigint: true })
    const target = stat.isSymbolicLink() ? ` -> ${readlinkSync(path)}` : ''
    listing.set(name, `${stat.mode.toString(8)} ${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}${target}`)
  }
  return listing
}

/** Returns the paths that were added, removed or changed. */
export function changesBetween(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): readonly string[] {
  const names = new Set([...before.keys(), ...after.keys()])
  return [...names].filter((name) => before.get(name) !== after.get(name)).sort()
}
