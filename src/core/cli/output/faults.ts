/** Faults one a line, as an operator greps for them: `file: RFC section: what is wrong`. */
import type { Theme } from './theme.js'

export interface ShownFault {
  /** A file, or `brine.toml:3`. */
  readonly place?: string | undefined
  /** `RFC 6487 section 4.8.1`. */
  readonly section?: string | undefined
  readonly message: string
}

/** The list, one line each, no final line break; '' when there are none. */
export function faultsView(faults: readonly ShownFault[], theme: Pick<Theme, 'bad'>): string {
  return faults
    .map(({ place, section, message }) =>
      [place, section, theme.bad(message)].filter((part) => part !== undefined).join(': '),
    )
    .join('\n')
}
