/**
 * Documents every key of the section `[hooks]` of `brine.toml`, for the template that `init` writes and for brine.toml(5).
 * Invariant: parse.ts reads exactly these keys; test/unit/config/hooks.test.ts compares both.
 */
import type { EnrolmentSection } from '../enrolment/keys.js'

export const HOOKS_SECTIONS: readonly EnrolmentSection[] = [
  {
    header: '[hooks]',
    about: 'A program that runs when a command has ended with one of these outcomes, with JSON on its standard input.',
    keys: [
      {
        name: 'program',
        about:
          'absolute path of the program; it and its folders belong to root or the user of brine, not writable by others',
        example: '"/usr/local/lib/brine/notify"',
        fallback: 'required',
        details: ['It runs after the commit, without a lock, and never changes the exit code of the command.'],
      },
      {
        name: 'on',
        about: 'outcomes: tick-failed, stale-soon, change-held, backup-done, audit-findings',
        example: '["tick-failed", "stale-soon", "change-held"]',
        fallback: 'required',
      },
      {
        name: 'timeout',
        about: 'the program and what it started are ended after this time',
        example: '"10s"',
        fallback: '"10s"',
      },
    ],
  },
]
