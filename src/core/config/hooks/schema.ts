/** The section `[hooks]` of `brine.toml`: a program of the operator, and the outcomes on which it runs. */

export const OUTCOMES = ['tick-failed', 'stale-soon', 'change-held', 'backup-done', 'audit-findings'] as const
export type OutcomeName = (typeof OUTCOMES)[number]

export interface HooksConfig {
  /** Absolute path; undefined: no hook. */
  readonly program: string | undefined
  readonly on: readonly OutcomeName[]
  /** Seconds after which the program is ended. */
  readonly timeout: number
  /** The first fault with its line, for which the section is not used; null without one. */
  readonly disabled: string | null
}

export const NO_HOOKS: HooksConfig = { program: undefined, on: [], timeout: 10, disabled: null }

/** Top-level name of the section. */
export const HOOKS_TABLE = 'hooks'
