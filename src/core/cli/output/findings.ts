/** Findings, one per line for grep: `file: RFC section: what is wrong`. */
import type { Theme } from './theme.js'

export interface ShownFinding {
  /** A file, or `brine.toml:3`. */
  readonly place?: string | undefined
  /** `RFC 6487 section 4.8.1`. */
  readonly section?: string | undefined
  readonly message: string
}

/** Returns one line per finding, without a final line break; '' for an empty list. */
export function findingsView(faults: readonly ShownFinding[], theme: Pick<Theme, 'bad'>): string {
  return faults
    .map(({ place, section, message }) =>
      [place, section, theme.bad(message)].filter((part) => part !== undefined).join(': '),
    )
    .join('\n')
}
