/**
 * The original or a copy: `status/origin.json` names the directory that it was written in, and a copy carries a file that names another.
 * Invariant: in doubt it is a copy, for a copy that waits costs less than two primaries.
 */
import * as fs from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { isCount, isOne, isText, isTime } from '../../base/shape.js'
import type { Instant } from '../../base/time.js'
import { isRestoredFromCopy } from '../disk/caches.js'
import { syncDir } from '../disk/fs.js'
import { ioError } from '../disk/io-error.js'
import { readOptionalFile } from '../disk/optional-file.js'
import { layoutOf } from '../disk/paths.js'
import { encodeRecord } from '../disk/records.js'
import { replaceFile } from '../disk/write-file.js'
import { machineName } from './lock-owner.js'

/** STORED in `status/origin.json`. */
export interface InstallationId {
  readonly inode: string
  /** Nanoseconds; empty where the file system does not keep it. */
  readonly birth: string
  readonly host: string
  /** Empty where the machine has no name of its own: then inode and birth decide alone. */
  readonly machine: string
  readonly generation: number
  readonly at: Instant
  readonly demoted?: { readonly at: Instant; readonly reason: string }
}

export type Role =
  | { readonly role: 'primary' }
  | {
      readonly role: 'standby'
      /** `copy`: another directory's data; `restored`: a copy was put over it; `demoted`: by command; `unfinished`: a promote was interrupted. */
      readonly reason: 'copy' | 'restored' | 'demoted' | 'unfinished'
      /** The host that wrote last, where it is known. */
      readonly host: string | undefined
    }

const isDemoted = (v: unknown): boolean => typeof v === 'object' && v !== null
const ORIGIN = {
  format: isOne,
  inode: isText,
  birth: isText,
  host: isText,
  machine: isText,
  generation: isCount,
  at: isTime,
  'demoted?': isDemoted,
}

/** Inode and birth time of a directory, as text. */
function identity(dir: string): Pick<InstallationId, 'inode' | 'birth'> {
  let stat: fs.BigIntStats
  try {
    stat = fs.statSync(dir, { bigint: true })
  } catch (error) {
    throw ioError('stat', dir, error)
  }
  // where there is no birth time Node may show the time of the last change instead, which moves
  const birth = stat.birthtimeNs === stat.ctimeNs || stat.birthtimeNs <= 0n ? '' : String(stat.birthtimeNs)
  return { inode: String(stat.ino), birth }
}

/** The origin that this directory on this machine would have. */
export function thisInstallation(dir: string, generation: number, at: Instant): InstallationId {
  return { ...identity(dir), host: hostname(), machine: machineName(), generation, at }
}

export function writeInstallationId(dir: string, origin: InstallationId): void {
  const { origin: path } = layoutOf(dir)
  replaceFile(path, encodeRecord({ format: 1, ...origin }))
  syncDir(dirname(path))
}

/** Undefined when there is none that can be read. */
export function readInstallationId(dir: string): InstallationId | undefined {
  return readOptionalFile(layoutOf(dir).origin, ORIGIN) as unknown as InstallationId | undefined
}

/** What this directory is. One that was made for tests is always primary. */
export function roleOf(dir: string, marker: { readonly generation: number; readonly test?: true }): Role {
  if (marker.test === true) return { role: 'primary' }
  const origin = readInstallationId(dir)
  if (origin === undefined) return { role: 'standby', reason: 'copy', host: undefined }
  const here = identity(dir)
  const machine = machineName()
  const sameMachine = machine === '' || origin.machine === '' || machine === origin.machine
  const sameBirth = origin.birth === '' || here.birth === '' || origin.birth === here.birth
  if (origin.inode !== here.inode || !sameBirth || !sameMachine)
    return { role: 'standby', reason: 'copy', host: origin.host }
  if (origin.generation !== marker.generation) return { role: 'standby', reason: 'unfinished', host: origin.host }
  if (origin.demoted !== undefined) return { role: 'standby', reason: 'demoted', host: origin.host }
  // `rsync -a backup/ DATA_DIR/` leaves the directory what it was and takes its history back
  if (isRestoredFromCopy(layoutOf(dir).head, origin.birth !== ''))
    return { role: 'standby', reason: 'restored', host: origin.host }
  return { role: 'primary' }
}

/**
 * The generation that a recovery had begun when it was cut short between its two steps: the origin, then the marker. Undefined otherwise: a
 * promote writes the marker first.
 */
export function interruptedGeneration(dir: string, marker: { readonly generation: number }): number | undefined {
  const origin = readInstallationId(dir)
  if (origin === undefined || origin.demoted !== undefined || origin.generation !== marker.generation + 1)
    return undefined
  const here = thisInstallation(dir, origin.generation, origin.at)
  return here.inode === origin.inode && here.machine === origin.machine ? origin.generation : undefined
}
