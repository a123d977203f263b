/**
 * One message at a time to each host and port, and the signing time of the last one. A publication server may have one replay clock for all
 * of its publishers, and refuses a message that was signed before the last one.
 * Invariants: within this process and across processes no two messages to one host are in flight; the signing times toward a host never go
 * back, except by `clock reset`; a signing time is durable before it is used; a missing or damaged record of the last one stops no message.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { AppError } from '../base/errors.js'
import { isObject } from '../base/shape.js'
import { type Instant, later, parseInstant } from '../base/time.js'
import { FlockMissing, LockStopped, lockFile } from '../store/disk/kernel-lock.js'
import { layoutOf } from '../store/disk/paths.js'
import { type StatusFiles, statusFiles } from '../store/disk/status-files.js'
import { parseUri } from './http.js'

/** The signing time of messages to one host. */
export interface HostClock {
  /** Signing time of the last message; null if none is known. */
  readonly last: Instant | null
  /** Returns the time to sign the next message with, `at` or the last one if that is later, and makes it durable. Throws `io`. */
  use(at: Instant): Promise<Instant>
}

export interface HostOptions {
  /** Seconds to wait while other processes exchange messages with this host; default 300. */
  readonly timeoutSeconds?: number
  readonly warn?: (text: string) => void
}

const FOLDER = 'hosts'
/** Longer than the longest exchange. */
const WAIT_SECONDS = 300

/** Last message of this process for each lock: the next one waits for it. */
const queues = new Map<string, Promise<unknown>>()

/** Returns the key of the host that a URI names: `rpki.example.net:443`. Throws `peer-uri-invalid` (usage). */
export function hostKeyOf(uri: string): string {
  const { protocol, hostname, port } = parseUri(uri)
  return `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`
}

/**
 * Runs `work` while no other message goes to the host, in the order of the calls within this process. Not to be nested for one host. Throws
 * `peer-host-busy` (locked) after the time-out, `io`, and what `work` throws.
 */
export function withHost<T>(
  dataDir: string,
  hostKey: string,
  work: (clock: HostClock) => Promise<T>,
  options: HostOptions = {},
): Promise<T> {
  const path = join(dataDir, 'locks', `host-${nameOf(hostKey)}.lock`)
  const before = queues.get(path) ?? Promise.resolve()
  const run = before.then(() => locked(dataDir, path, hostKey, work, options))
  // the next one waits for the end of this one, whatever it is
  const ended = run.catch(() => undefined)
  queues.set(path, ended)
  void ended.then(() => {
    if (queues.get(path) === ended) queues.delete(path)
  })
  return run
}

async function locked<T>(
  dataDir: string,
  path: string,
  hostKey: string,
  work: (clock: HostClock) => Promise<T>,
  { timeoutSeconds = WAIT_SECONDS, warn }: HostOptions,
): Promise<T> {
  const release = await take(path, hostKey, timeoutSeconds, warn)
  const status = statusFiles(layoutOf(dataDir))
  let held = true
  try {
    return await work({
      last: lastOf(status, hostKey),
      async use(at) {
        if (!held) throw new TypeError(`no message to ${hostKey} is prepared now`)
        const last = lastOf(status, hostKey)
        const next = last === null ? at : later(last, at)
        if (next !== last)
          status.write(`${FOLDER}/${nameOf(hostKey)}`, { host: hostKey, last: next }, { durable: true })
        return next
      },
    })
  } finally {
    held = false
    release()
  }
}

async function take(path: string, hostKey: string, seconds: number, warn: HostOptions['warn']): Promise<() => void> {
  try {
    return await lockFile(path, AbortSignal.timeout(seconds * 1000))
  } catch (error) {
    if (error instanceof LockStopped)
      throw new AppError(
        'locked',
        'peer-host-busy',
        `other commands exchanged messages with ${hostKey} for ${seconds} s; nothing was sent`,
        { hint: 'run the command again', details: { host: hostKey, seconds }, retry: true, retryAfter: 60 },
      )
    if (!(error instanceof FlockMissing)) throw error
    warn?.(`${error.message}: messages of several commands to ${hostKey} may overtake each other`)
    return () => undefined
  }
}

/** Returns a file name of a host: case does not matter in host names. */
function nameOf(hostKey: string): string {
  const text = hostKey.toLowerCase().replace(/[^a-z0-9-]/g, (c) => `_${c.charCodeAt(0).toString(16)}_`)
  return text.length <= 150
    ? text
    : `${text.slice(0, 80)}__${createHash('sha256').update(hostKey.toLowerCase()).digest('hex')}`
}

function lastOf(status: StatusFiles, hostKey: string): Instant | null {
  return readTime(status, nameOf(hostKey))?.last ?? null
}

export interface HostTime {
  readonly host: string
  readonly last: Instant
}

function readTime(status: StatusFiles, name: string): HostTime | undefined {
  const value = status.read(`${FOLDER}/${name}`)
  if (!isObject(value)) return undefined
  const { host, last } = value
  const at = typeof last === 'string' ? parseInstant(last) : undefined
  return typeof host === 'string' && nameOf(host) === name && at !== undefined ? { host, last: at } : undefined
}

/** Lists the hosts by name whose last message was signed after `now`. Throws `io`. */
export function futureHosts(dataDir: string, now: Instant): readonly HostTime[] {
  const status = statusFiles(layoutOf(dataDir))
  const all = status.list(FOLDER).flatMap((name) => readTime(status, name) ?? [])
  return all.filter(({ last }) => last > now).sort((a, b) => (a.host < b.host ? -1 : 1))
}

/**
 * Sets signing times after `now` to `now`, for a clock that was ahead, and returns those that were changed. A peer that has seen a later one
 * may refuse messages until its time has come. Throws `io`.
 */
export function resetHosts(dataDir: string, now: Instant): readonly HostTime[] {
  const future = futureHosts(dataDir, now)
  const status = statusFiles(layoutOf(dataDir))
  for (const { host } of future) status.write(`${FOLDER}/${nameOf(host)}`, { host, last: now }, { durable: true })
  return future
}
