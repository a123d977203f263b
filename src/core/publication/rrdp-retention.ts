/**
 * Files below `repo/rrdp/` that the notification no longer lists: kept for validators that read an older notification, then removed.
 * Invariant: a file is removed once it has been unlisted for `oldFilesSeconds`, not earlier; files that a crash left behind are removed too.
 * The cost depends on the change only: the folder of a known serial is not opened.
 */
import { dirname, join } from 'node:path'
import { earlier, type Instant, secondsBetween } from '../base/time.js'
import { filesBelow, namesIn, removeFile, statOf, unlessAbsent } from './served-files.js'
import type { OpenTarget } from './target.js'
import type { RrdpRecord } from './writer-records.js'

type Retired = RrdpRecord['retired'][number]

/**
 * Returns the files other than the `wanted` ones, with the time since when they are unlisted: now, unless an earlier run already
 * recorded them. Paths are relative to `rrdp/`.
 */
export function retiredFiles(
  site: OpenTarget,
  known: RrdpRecord | undefined,
  wanted: ReadonlySet<string>,
): RrdpRecord['retired'] {
  const root = join(site.repoDir, 'rrdp')
  // a time after the present was written by a clock that was ahead: such a file would never be removed
  const since = new Map<string, Instant>((known?.retired ?? []).map((r) => [r.path, earlier(r.at, site.now)]))
  const listed = known === undefined ? [] : [known.snapshot.path, ...known.deltas.map((d) => d.path), ...since.keys()]
  const accounted = known === undefined ? [] : [...listed, ...wanted].map(serialFolder)
  const strangers = filesOfStrangers(root, new Set(accounted))
  const sameSerial = known?.session === site.state.sessionId && known.serial === site.state.serial
  return [...new Set([...listed, ...strangers])]
    .filter((path) => !wanted.has(path))
    .map((path) => ({ path, at: sameSerial ? site.now : (since.get(path) ?? site.now) }))
    .filter((retired) => !isDue(site, retired) || statOf(join(root, retired.path)) !== undefined)
}

/** Removes files that have been unlisted long enough, and folders that become empty. */
export function removeDue(site: OpenTarget, retired: RrdpRecord['retired']): void {
  for (const file of retired) if (isDue(site, file)) removeUpwards(site, file.path)
}

function isDue(site: OpenTarget, { at }: Retired): boolean {
  return secondsBetween(at, site.now) >= site.oldFilesSeconds
}

/** Returns `<session>/<serial>` of a path. */
function serialFolder(path: string): string {
  return path.split('/', 2).join('/')
}

/**
 * Returns files in folders of unknown serials. Files that a crashed run left in the folder of a listed serial are found when that serial
 * is no longer listed: the folder is not empty then, remains, and is unknown.
 */
function filesOfStrangers(root: string, accounted: ReadonlySet<string>): readonly string[] {
  return namesIn(root)
    .filter((session) => session !== 'notification.xml')
    .flatMap((session) => namesIn(join(root, session)).map((serial) => `${session}/${serial}`))
    .filter((folder) => !accounted.has(folder))
    .flatMap((folder) => {
      const isFile = statOf(join(root, folder))?.isFile() === true
      return isFile ? [folder] : filesBelow(join(root, folder)).map((name) => `${folder}/${name}`)
    })
}

function removeUpwards(site: OpenTarget, path: string): void {
  const root = join(site.repoDir, 'rrdp')
  removeFile(site.disk, join(root, path))
  for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) {
    if (namesIn(join(root, folder)).length > 0) return
    unlessAbsent(() => site.disk.rmdir(join(root, folder)))
  }
}
