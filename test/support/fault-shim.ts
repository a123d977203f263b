/**
 * Loaded into a real `brine` process (`node --require`): counts the file operations that change something below FAULT_ROOT, and fails, tears
 * or dies at the n-th. Built by `faults.ts`. Invariant: without FAULT_KIND the program runs as it would alone.
 */
import fs from 'node:fs'

const { FAULT_ROOT: root = '', FAULT_AT: at = '0', FAULT_KIND: kind = '', FAULT_LOG: log = '' } = process.env
const forever = process.env['FAULT_FOREVER'] === '1'
const paths = new Map<number, string>()
const seen: string[] = []
const { openSync, closeSync, writeSync, fsyncSync, fchmodSync, chmodSync, mkdirSync, rmdirSync, rmSync } = fs
const { linkSync, symlinkSync, renameSync, unlinkSync, writeFileSync } = fs

function die(): void {
  process.kill(process.pid, 'SIGKILL')
}

/** Runs an operation unless it is the one that must not succeed. `tear` does the half of it that may reach the disk. */
function change<T>(operation: string, path: fs.PathLike, run: () => T, tear?: () => void): T {
  const text = path.toString()
  if (!text.startsWith(root)) return run()
  seen.push(`${operation} ${text.slice(root.length)}`)
  const isDue = kind !== '' && (seen.length === Number(at) || (forever && seen.length > Number(at)))
  if (!isDue) return run()
  if (kind === 'torn') tear?.()
  if (kind === 'torn' || kind === 'kill') die()
  throw Object.assign(new Error(`${kind}: injected, ${operation} '${text}'`), { code: kind, syscall: operation, path })
}

function pathOf(fd: number): string {
  return paths.get(fd) ?? ''
}

const WRITING = fs.constants.O_WRONLY | fs.constants.O_RDWR | fs.constants.O_CREAT

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

process.on('exit', () => {
  if (log !== '') writeFileSync(log, seen.join('\n'))
})
