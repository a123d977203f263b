/** Who holds the lock, for people and for a fence: host, boot, process, command, since when. */
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { isCount, isText } from '../../base/shape.js'
import { instantOf } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import { readOptionalFile } from '../disk/optional-file.js'
import { encodeRecord } from '../disk/records.js'
import { writeUnsynced } from '../disk/write-file.js'

export interface LockOwner {
  /** Drawn anew for each holding. */
  readonly token: string
  readonly host: string
  readonly machine: string
  readonly boot: string
  readonly pid: number
  /** When the kernel started the process, in its own ticks: a process id alone may be another's by now. */
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

/** A name for this machine that tells nothing about it; empty where it has none (many containers). */
export function machineName(): string {
  const id = fileText('/etc/machine-id')
  return /^[0-9a-f]{32}$/.test(id) ? sha256Hex(`brine machine ${id}`).slice(0, 32) : ''
}

function startOf(pid: number): string {
  const stat = fileText(`/proc/${pid}/stat`)
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? ''
}

/** This process as the owner of a lock. */
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

/** What the owner file says; undefined when it says nothing readable. */
export function readLockOwner(path: string): LockOwner | undefined {
  return readOptionalFile(path, OWNER) as unknown as LockOwner | undefined
}

export function writeLockOwner(path: string, owner: LockOwner): void {
  writeUnsynced(path, encodeRecord(owner))
}

/** Same machine: by its name where both have one, else by the host name. */
export function isSameHost(owner: LockOwner): boolean {
  const machine = machineName()
  return machine !== '' && owner.machine !== '' ? machine === owner.machine : owner.host === hostname()
}

/** Is the process that it names certainly gone? Only this machine can say. */
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

/** This process, as `isRunning` asks for it. */
export function thisProcess(): Pick<LockOwner, 'pid' | 'start'> {
  return { pid: process.pid, start: startOf(process.pid) }
}

/** Does a process of this boot run that is this one, and no other that got its number since? */
export function isRunning(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'ESRCH') return false
  }
  const now = startOf(pid)
  return now === '' || now === start
}

/** A short name for this machine since it started. */
export function thisBoot(): string {
  const boot = fileText('/proc/sys/kernel/random/boot_id')
  return sha256Hex(`brine boot ${machineName() || hostname()} ${boot}`).slice(0, 12)
}

/** `pid 4711 (brine roa add) on host.example since 2026-11-21T23:20:00Z`. */
export function formatLockOwner(owner: LockOwner): string {
  const long = owner.long === true ? ', which takes long' : ''
  return `pid ${owner.pid} (${owner.command}${long}) on ${owner.host} since ${owner.since}`
}
