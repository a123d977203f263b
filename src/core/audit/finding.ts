/** Findings of an audit: file, path in it, and what is wrong. Invariant: reading continues after a finding, so that one run reports all. */
import { AppError } from '../base/errors.js'

export interface Finding {
  /** Relative to DATA_DIR. */
  readonly file: string
  /** JSON path inside the file, `$` for the file as a whole. */
  readonly path: string
  readonly problem: string
}

/** Runs `read`. Damage becomes a finding and returns undefined; other errors are thrown. */
export function noteDamage<T>(problems: Finding[], file: string, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'corrupt') throw error
    problems.push({ file, path: '$', problem: reasonOf(error) })
    return undefined
  }
}

/** Runs `work` on a state; a TypeError, which means a value without its declared shape, becomes a finding and returns undefined. */
export function noteMalformed<T>(problems: Finding[], file: string, work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError)) throw error
    problems.push({ file, path: '$', problem: 'does not have the shape of its type' })
    return undefined
  }
}

/** Returns the message without the file at its start. */
export function reasonOf(error: AppError): string {
  const { path } = error.details as { readonly path?: string }
  if (path === undefined || !error.message.startsWith(path)) return error.message
  return error.message
    .slice(path.length)
    .replace(/^ \([^)]*\)/, '')
    .replace(/^: /, '')
}
