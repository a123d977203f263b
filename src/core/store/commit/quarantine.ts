/**
 * What no commit names is moved aside, what a commit names is put back: by the lock holder alone.
 * Invariant: nothing is destroyed; a file that was wrongly swept away is found again by its hash.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { exists, listDir, makeDir, moveFile, syncDir } from '../disk/fs.js'
import { parseFileName } from '../disk/paths.js'
import type { MisplacedFile } from './aggregate-loader.js'

/** Moves files into a folder below (`surplus`, `corrupt`) under names that never collide; returns those that were there. */
export function quarantine(folder: string, below: 'surplus' | 'corrupt', names: readonly string[]): readonly string[] {
  if (names.length === 0) return []
  makeDir(join(folder, below))
  const moved = names.filter((name) =>
    moveFile(join(folder, name), join(folder, below, `${name}.${randomBytes(6).toString('hex')}`)),
  )
  syncDir(join(folder, below))
  syncDir(folder)
  return moved
}

/** Names in an aggregate's folder beyond this version and sequence, in an order that leaves no gap when it is cut short: what comes last goes first. */
export function filesBeyond(folder: string, version: number, sequence: number): readonly string[] {
  const rank = { snapshot: 0, command: 1, event: 2 }
  return listDir(folder)
    .map((name) => ({ name, file: parseFileName(name) }))
    .flatMap(({ name, file }) => (file === undefined ? [] : [{ name, ...file }]))
    .filter((f) => (f.type === 'command' ? f.n > sequence : f.type === 'event' ? f.n >= version : f.n > version))
    .sort((a, b) => rank[a.type] - rank[b.type] || b.n - a.n)
    .map((f) => f.name)
}

/** Moves everything beyond this version and sequence to `surplus/`; returns what was moved. */
export function quarantineBeyond(folder: string, version: number, sequence: number): readonly string[] {
  return quarantine(folder, 'surplus', filesBeyond(folder, version, sequence))
}

/** Puts files that a commit names back in their places. */
export function restoreMisplaced(folder: string, astray: readonly MisplacedFile[]): void {
  for (const { path, name } of astray) {
    quarantine(folder, 'surplus', exists(join(folder, name)) ? [name] : [])
    moveFile(path, join(folder, name))
  }
  if (astray.length > 0) {
    syncDir(join(folder, 'surplus'))
    syncDir(folder)
  }
}
