/**
 * Identity of the installation, which tells the original from a copy: `status/origin.json` records the inode, birth time and machine of the
 * directory that it was written in, and those of a copy differ.
 * Invariant: in doubt the directory is a copy: a stand-by that waits costs less than two primaries.
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
  /** Empty where the machine has no id: then inode and birth time decide alone. */
  readonly machine: string
  readonly generation: number
  readonly at: Instant
  readonly demoted?: { readonly at: Instant; readonly reason: string }
}

export type Role =
  | { readonly role: 'primary' }
  | {
      readonly role: 'standby'
      /**
       * `copy`: data of another directory; `restored`: overwritten by a copy; `demoted`: by command; `unfinished`: a promote was
       * interrupted.
       */
      readonly reason: 'copy' | 'restored' | 'demoted' | 'unfinished'
      /** The host that wrote last, if known. */
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

/** Returns inode and birth time of a directory as text. Throws `io`. */
function identity(dir: string): Pick<InstallationId, 'inode' | 'birth'> {
  let stat: fs.BigIntStats
  try {
    stat = fs.statSync(dir, { bigint: true })
  } catch (error) {
    throw ioError('stat', dir, error)
  }
  // without a birth time Node may return the ctime instead, which changes
  const birth = stat.birthtimeNs === stat.ctimeNs || stat.birthtimeNs <= 0n ? '' : String(stat.birthtimeNs)
  return { inode: String(stat.ino), birth }
}

/** Returns the identity of this directory on this machine. Throws `io`. */
export function thisInstallation(dir: string, generation: number, at: Instant): InstallationId {
  return { ...identity(dir), host: hostname(), machine: machineName(), generation, at }
}

/** Writes the recorded identity, durable on return. Throws `io`. */
export function writeInstallationId(dir: string, id: InstallationId): void {
  const { origin: path } = layoutOf(dir)
  replaceFile(path, encodeRecord({ format: 1, ...id }))
  syncDir(dirname(path))
}

/** Reads the recorded identity; undefined if it is missing or damaged. Throws `io`. */
export function readInstallationId(dir: string): InstallationId | undefined {
  return readOptionalFile(layoutOf(dir).origin, ORIGIN) as unknown as InstallationId | undefined
}

/** Determines whether this directory is the primary or a stand-by. One made by `init --test` is always primary. Throws `io`. */
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
  // `rsync -a backup/ DATA_DIR/` keeps the inode of the directory and replaces its history by an older one
  if (isRestoredFromCopy(layoutOf(dir).head, origin.birth !== ''))
    return { role: 'standby', reason: 'restored', host: origin.host }
  return { role: 'primary' }
}

/**
 * Returns the generation of a recovery that was interrupted between its two steps, `origin.json` and then the marker; undefined otherwise.
 * A promote writes them in the other order.
 */
export function interruptedGeneration(dir: string, marker: { readonly generation: number }): number | undefined {
  const origin = readInstallationId(dir)
  if (origin === undefined || origin.demoted !== undefined || origin.generation !== marker.generation + 1)
    return undefined
  const here = thisInstallation(dir, origin.generation, origin.at)
  return here.inode === origin.inode && here.machine === origin.machine ? origin.generation : undefined
}
