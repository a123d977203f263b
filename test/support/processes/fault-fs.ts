/**
 * Puts a judge before every file operation of this process that changes something: it runs the operation, or does not.
 * Invariant: without a judge the program runs as it would alone. Asynchronous operations (the shown lock's folder) are not seen.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

/** `run` does the operation, `tear` the half of it that may reach the disk before a crash. */
export type Judge = <T>(operation: string, path: string, run: () => T, tear?: () => void) => T

const paths = new Map<number, string>()
const { openSync, closeSync, writeSync, fsyncSync, fchmodSync, chmodSync, mkdirSync, rmdirSync, rmSync } = fs
const { linkSync, symlinkSync, renameSync, unlinkSync, futimesSync } = fs
const WRITING = fs.constants.O_WRONLY | fs.constants.O_RDWR | fs.constants.O_CREAT

function pathOf(fd: number): string {
  return paths.get(fd) ?? ''
}

/** Once in a process, before the program is loaded or after it. */
export function patchFs(judge: Judge): void {
  const change = <T>(operation: string, path: fs.PathLike, run: () => T, tear?: () => void): T =>
    judge(operation, path.toString(), run, tear)
  Object.assign(fs, {
    openSync(path: fs.PathLike, flags: fs.OpenMode = 'r', mode?: fs.Mode) {
      const isWriting = typeof flags === 'number' ? (flags & WRITING) !== 0 : flags !== 'r'
      const fd = isWriting
        ? change('open', path, () => openSync(path, flags, mode))
        : openSync(path, flags as string, mode)
      paths.set(fd, path.toString())
      return fd
    },
    closeSync(fd: number) {
      paths.delete(fd)
      closeSync(fd)
    },
    writeSync(fd: number, bytes: Uint8Array, ...rest: readonly number[]) {
      const [offset = 0, length = bytes.length - offset] = rest
      return change(
        'write',
        pathOf(fd),
        () => writeSync(fd, bytes, offset, length),
        () => writeSync(fd, bytes, offset, length >> 1),
      )
    },
    fsyncSync: (fd: number) => change('sync', pathOf(fd), () => fsyncSync(fd)),
    futimesSync: (fd: number, atime: number, mtime: number) =>
      change('times', pathOf(fd), () => futimesSync(fd, atime, mtime)),
    fchmodSync: (fd: number, mode: fs.Mode) => change('chmod', pathOf(fd), () => fchmodSync(fd, mode)),
    chmodSync: (path: fs.PathLike, mode: fs.Mode) => change('chmod', path, () => chmodSync(path, mode)),
    mkdirSync: (path: fs.PathLike, options?: fs.MakeDirectoryOptions) =>
      change('mkdir', path, () => mkdirSync(path, options)),
    rmdirSync: (path: fs.PathLike) => change('rmdir', path, () => rmdirSync(path)),
    rmSync: (path: fs.PathLike, options?: fs.RmOptions) => change('rm', path, () => rmSync(path, options)),
    linkSync: (from: fs.PathLike, to: fs.PathLike) => change('link', to, () => linkSync(from, to)),
    symlinkSync: (target: fs.PathLike, path: fs.PathLike) => change('symlink', path, () => symlinkSync(target, path)),
    renameSync: (from: fs.PathLike, to: fs.PathLike) => change('rename', to, () => renameSync(from, to)),
    unlinkSync: (path: fs.PathLike) => change('unlink', path, () => unlinkSync(path)),
  })
  syncBuiltinESMExports()
}
