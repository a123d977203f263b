/** What an audit finds: the file, the place in it, and what is wrong. Invariant: reading on after a problem, so that one run names them all. */
import { AppError } from '../base/errors.js'

export interface Finding {
  /** Relative to DATA_DIR. */
  readonly file: string
  /** JSON path inside the file, `$` for all of it. */
  readonly path: string
  readonly problem: string
}

/** Runs `read`; damage becomes a problem and `undefined`, anything else is thrown. */
export function noting<T>(problems: Finding[], file: string, read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof AppError) || error.kind !== 'corrupt') throw error
    problems.push({ file, path: '$', problem: reasonOf(error) })
    return undefined
  }
}

/** Runs `work` over what events made; where a value has not the shape that its type promises, that becomes a problem and `undefined`. */
export function shaped<T>(problems: Finding[], file: string, work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError)) throw error
    problems.push({ file, path: '$', problem: 'has not the shape that its type promises' })
    return undefined
  }
}

/** The message without the file that it begins with. */
export function reasonOf(error: AppError): string {
  const { path } = error.details as { readonly path?: string }
  if (path === undefined || !error.message.startsWith(path)) return error.message
  return error.message
    .slice(path.length)
    .replace(/^ \([^)]*\)/, '')
    .replace(/^: /, '')
}
