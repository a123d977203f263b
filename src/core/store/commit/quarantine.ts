/**
 * Quarantine: the lock holder moves files that no commit references to `surplus/`, and committed files back from there.
 * Invariant: nothing is deleted; a file that was quarantined by mistake is found again by its hash.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { isOnDisk, listDisk, makeDir, moveFile, syncDir } from '../disk/fs.js'
import { parseFileName } from '../disk/paths.js'
import type { MisplacedFile } from './aggregate-loader.js'

/**
 * Moves files into a subfolder (`surplus`, `corrupt`) under unique names, durable on return; returns the names that existed. Throws `io`.
 */
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

/**
 * Lists the files in an aggregate's folder beyond this version and sequence, newest first, so that an interrupted move leaves no gap.
 * Throws `io`.
 */
export function filesBeyond(folder: string, version: number, sequence: number): readonly string[] {
  const rank = { snapshot: 0, command: 1, event: 2 }
  return listDisk(folder)
    .map((name) => ({ name, file: parseFileName(name) }))
    .flatMap(({ name, file }) => (file === undefined ? [] : [{ name, ...file }]))
    .filter((f) => (f.type === 'command' ? f.n > sequence : f.type === 'event' ? f.n >= version : f.n > version))
    .sort((a, b) => rank[a.type] - rank[b.type] || b.n - a.n)
    .map((f) => f.name)
}

/** Moves everything beyond this version and sequence to `surplus/`; returns the names of the moved files. Throws `io`. */
export function quarantineBeyond(folder: string, version: number, sequence: number): readonly string[] {
  return quarantine(folder, 'surplus', filesBeyond(folder, version, sequence))
}

/** Moves committed files back from `surplus/`, durable on return. Throws `io`. */
export function restoreMisplaced(folder: string, misplaced: readonly MisplacedFile[]): void {
  for (const { path, name } of misplaced) {
    quarantine(folder, 'surplus', isOnDisk(join(folder, name)) ? [name] : [])
    moveFile(path, join(folder, name))
  }
  if (misplaced.length > 0) {
    syncDir(join(folder, 'surplus'))
    syncDir(folder)
  }
}
