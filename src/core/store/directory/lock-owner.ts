/** The owner of the write lock: host, boot, process, command and start time, for messages and for the check before a commit. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { isCount, isText } from '../../base/shape.js'
import { instantOf } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import { readOptionalFile } from '../disk/optional-file.js'
import { encodeRecord } from '../disk/records.js'
import { writeUnsynced } from '../disk/write-file.js'

export interface LockOwner {
  /** Random for each time the lock is taken. */
  readonly token: string
  readonly host: string
  readonly machine: string
  readonly boot: string
  readonly pid: number
  /** Start time of the process in clock ticks of the kernel: a process id alone may have been reused. */
  readonly start: string
  readonly command: string
  readonly since: string
  readonly long?: true
}

const OWNER = {
  token: isText,
  host: isText,
  machine: isText,
  boot: isText,
  pid: isCount,
  start: isText,
  command: isText,
  since: isText,
  'long?': (v: unknown) => v === true,
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return ''
  }
}

/** Returns an opaque name of this machine, a hash of its machine id; empty where it has no id (many containers). */
export function machineName(): string {
  const id = fileText('/etc/machine-id')
  return /^[0-9a-f]{32}$/.test(id) ? sha256Hex(`brine machine ${id}`).slice(0, 32) : ''
}

function startOf(pid: number): string {
  const stat = fileText(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

/** Describes this process as the owner of a lock. */
export function newLockOwner(token: string, command: string, long: boolean): LockOwner {
  return {
    token,
    host: hostname(),
    machine: machineName(),
    boot: fileText('/proc/sys/kernel/random/boot_id'),
    pid: process.pid,
    start: startOf(process.pid),
    command,
    since: instantOf(Date.now() / 1000),
    ...(long ? { long } : {}),
  }
}

/** Reads the owner file; undefined if it is missing or damaged. Throws `io`. */
export function readLockOwner(path: string): LockOwner | undefined {
  return readOptionalFile(path, OWNER) as unknown as LockOwner | undefined
}

export function writeLockOwner(path: string, owner: LockOwner): void {
  writeUnsynced(path, encodeRecord(owner))
}

/** Returns true if the owner is on this machine: by machine name where both have one, otherwise by host name. */
export function isSameHost(owner: LockOwner): boolean {
  const machine = machineName()
  return machine !== '' && owner.machine !== '' ? machine === owner.machine : owner.host === hostname()
}

/** Returns true if the owning process certainly ended; false for a process of another machine, which cannot be checked. */
export function isOwnerDead(owner: LockOwner): boolean {
  if (!isSameHost(owner)) return false
  if (owner.boot !== fileText('/proc/sys/kernel/random/boot_id')) return true
  try {
    process.kill(owner.pid, 0)
  } catch (error) {
    return (error as { readonly code?: string }).code === 'ESRCH'
  }
  return startOf(owner.pid) !== owner.start
}

/** Identifies this process for `isRunning`. */
export function thisProcess(): Pick<LockOwner, 'pid' | 'start'> {
  return { pid: process.pid, start: startOf(process.pid) }
}

/** Returns true if the process is running and its process id has not been reused; `start` is its start time. */
export function isRunning(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'ESRCH') return false
  }
  const now = startOf(pid)
  return now === '' || now === start
}

/** Returns a short name of this machine that changes with each boot. */
export function thisBoot(): string {
  const boot = fileText('/proc/sys/kernel/random/boot_id')
  return sha256Hex(`brine boot ${machineName() || hostname()} ${boot}`).slice(0, 12)
}

/** Formats an owner: `pid 4711 (brine roa add) on host.example since 2026-11-21T23:20:00Z`. */
export function formatLockOwner(owner: LockOwner): string {
  const long = owner.long === true ? ', long-running' : ''
  return `pid ${owner.pid} (${owner.command}${long}) on ${owner.host} since ${owner.since}`
}
