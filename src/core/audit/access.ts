/**
 * Finds files of the data directory that other users can write or own, and secrets that they can read, by modes and owners.
 * Invariant: the published tree is left to `publication/served-modes.ts`, and no link is followed.
 */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { formatMode } from '../publication/other-users.js'

export interface AccessFinding {
  /** Relative to the data directory. */
  readonly path: string
  readonly problem: string
  /** Command that corrects it; PATH stands for the path. */
  readonly remedy: string
}

/** `quick`: the folders, and the files in the folders with keys; `full`: every file. */
export type AccessDepth = 'quick' | 'full'

/** Folders whose files other users may not read either. */
const SECRET = /^(?:keys(?:\/|$)|ssl\/key\.pem)/

/** Returns every file and folder that another user can write, that has a secret and can be read, or that another user owns. */
export function accessFindings(dir: string, depth: AccessDepth): readonly AccessFinding[] {
  const owner = fs.statSync(dir).uid
  const found: AccessFinding[] = []
  for (const { path, stat } of entriesBelow(dir, '', depth)) {
    const mode = formatMode(stat.mode)
    if ((stat.mode & 0o022) !== 0)
      found.push({ path, problem: `can be written by other users (mode ${mode})`, remedy: 'chmod go-w PATH' })
    else if (SECRET.test(path) && (stat.mode & 0o077) !== 0)
      found.push({ path, problem: `can be read by other users (mode ${mode})`, remedy: 'chmod go-rwx PATH' })
    if (stat.uid !== owner)
      found.push({ path, problem: `is owned by uid ${stat.uid}, not by ${owner}`, remedy: `chown ${owner} PATH` })
  }
  return found
}

interface Entry {
  readonly path: string
  readonly stat: fs.Stats
}

function* entriesBelow(dir: string, folder: string, depth: AccessDepth): Generator<Entry> {
  for (const entry of list(join(dir, folder))) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (path === 'repo' || entry.isSymbolicLink()) continue
    const isLooked = depth === 'full' || entry.isDirectory() || /^(?:keys|ssl)?$/.test(folder)
    if (!isLooked) continue
    const stat = fs.lstatSync(join(dir, path), { throwIfNoEntry: false })
    // commands that run meanwhile remove their temporary files
    if (stat === undefined) continue
    yield { path, stat }
    if (stat.isDirectory()) yield* entriesBelow(dir, path, depth)
  }
}

/** Lists a folder; one that cannot be read or is gone has no entries, and what reads it says so. */
function list(path: string): readonly fs.Dirent[] {
  try {
    return fs.readdirSync(path, { withFileTypes: true })
  } catch {
    return []
  }
}
