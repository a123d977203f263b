/** A file of metrics for the Prometheus text-file collector: whole at every instant, and readable by another user. */
import { utf8 } from '../../base/bytes.js'
import { AppError, rewrap } from '../../base/errors.js'
import { replaceFile } from '../../store/disk/write-file.js'

/** Puts the metrics whole in the place of the file. Throws `prom-unwritable` (io). */
export function writeMetrics(text: string, path: string): void {
  try {
    replaceFile(path, utf8(text), { mode: 0o644, sync: false })
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause
    const { errno } = cause.details as { readonly errno?: string }
    const hint = errno === 'ENOENT' ? { hint: 'name a file in a folder that is there' } : {}
    throw rewrap(cause, { code: 'prom-unwritable', ...hint })
  }
}
