/** Writes metrics for the text-file collector of Prometheus: replaced atomically, and readable by other users. */
import { dirname } from 'node:path'
import { utf8 } from '../../base/bytes.js'
import { AppError, rewrap } from '../../base/errors.js'
import { hintOfUserFile } from '../../store/disk/user-files.js'
import { replaceFile } from '../../store/disk/write-file.js'

/** Replaces the file atomically. Throws `prom-unwritable` (io). */
export function writeMetrics(text: string, path: string): void {
  try {
    replaceFile(path, utf8(text), { mode: 0o644, sync: false })
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause
    const { errno } = cause.details as { readonly errno?: string }
    const folder = dirname(path)
    if (errno === 'EACCES' || errno === 'EPERM')
      throw rewrap(cause, {
        code: 'prom-unwritable',
        message: `cannot write to ${folder}: permission denied`,
        hint: 'name a file in a folder that this user can write to',
      })
    throw rewrap(cause, {
      code: 'prom-unwritable',
      message: `cannot write ${path}: ${errno ?? 'EIO'}`,
      hint: hintOfUserFile(errno ?? 'EIO', path) ?? cause.hint ?? '',
    })
  }
}
