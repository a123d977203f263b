/** Reads the text of a configuration file. Invariant: a missing or unreadable file is an error, never silently the defaults. */
import { readFileSync } from 'node:fs'
import { AppError } from '../base/errors.js'

/** Returns the text of `file`. Throws `config-missing` or `config-not-utf8` (usage), `config-unreadable` (io). */
export function readConfigText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file))
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'EIO'
    if (code === 'ENOENT')
      throw new AppError('usage', 'config-missing', `configuration file ${file} does not exist`, {
        hint: `restore it from a backup, or create an empty one for the defaults: touch ${file}`,
        cause,
      })
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw new AppError('usage', 'config-not-utf8', `${file} is not UTF-8 text`, { cause })
    throw new AppError('io', 'config-unreadable', `cannot read ${file}: ${code}`, {
      cause,
      details: { file, errno: code },
    })
  }
}
