/** Exit code of each kind of error. Scripts rely on this table: entries are added, never changed. */
import type { ErrorKind } from '../base/errors.js'

export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  rejected: 1,
  usage: 2,
  partial: 3,
  differs: 4,
  'no-data-dir': 10,
  locked: 11,
  corrupt: 12,
  format: 13,
  io: 14,
  remote: 15,
  unavailable: 16,
  pending: 17,
  uncertain: 18,
  credentials: 19,
  standby: 20,
  internal: 70,
  interrupted: 130,
}

/** Exit codes after a signal: 128 plus its number, as shells expect. */
export const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const
