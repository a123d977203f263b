/** Checks that a program of the configuration can only have been written by root or by the user who runs it. */
import { accessSync, constants, lstatSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs'
import { dirname, isAbsolute } from 'node:path'

const OTHERS_WRITE = 0o022
const STICKY = 0o1000

/** Returns why the program is not run; undefined if it may be. */
export function programFault(path: string): string | undefined {
  try {
    const real = realpathSync(path)
    const stat = statSync(real)
    if (!stat.isFile()) return `${path}: not a file`
    const unsafe = chainOf(path)
      .map(unsafeness)
      .find((why) => why !== undefined)
    if (unsafe !== undefined) return unsafe
    accessSync(real, constants.X_OK)
    return undefined
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return `${path}: no such file`
    return code === 'EACCES' ? `${path}: not executable for this user` : `${path}: ${code ?? String(error)}`
  }
}

/** Returns why a file of the configuration may not name a program for this user; undefined if it may. */
export function ownerFault(path: string): string | undefined {
  try {
    return unsafeness(realpathSync(path))
  } catch (error) {
    return `${path}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`
  }
}

/** Returns the path, every folder above it and every link on the way: who can write one of them can put another program there. */
function chainOf(path: string): readonly string[] {
  const above = dirname(path)
  if (above === path) return [path]
  const target = lstatSync(path).isSymbolicLink() ? readlinkSync(path) : undefined
  // not normalized: a link may come before `..`
  const next = target === undefined || isAbsolute(target) ? target : `${above}/${target}`
  return [path, ...chainOf(above), ...(next === undefined ? [] : chainOf(next))]
}

function unsafeness(path: string): string | undefined {
  const stat = lstatSync(path)
  if (stat.uid !== 0 && stat.uid !== process.getuid?.())
    return `${path}: belongs to uid ${stat.uid}, not to root or this user`
  // the mode of a link says nothing
  return !stat.isSymbolicLink() && isOpenToOthers(stat) ? `${path}: writable by others` : undefined
}

/** Returns true if others can replace it. In a folder with the sticky bit they cannot replace files that are not theirs. */
function isOpenToOthers(stat: Stats): boolean {
  return (stat.mode & OTHERS_WRITE) !== 0 && !(stat.isDirectory() && (stat.mode & STICKY) !== 0)
}
