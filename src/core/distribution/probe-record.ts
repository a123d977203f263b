/**
 * The last probe of the repository servers, in `status/servers.json`. Invariant: replaceable; without it a failure begins now, and a pool
 * without a good server holds all of them.
 */
import type { Json } from '../base/json.js'
import { isObject } from '../base/shape.js'
import { type Instant, parseInstant } from '../base/time.js'
import type { StatusFiles } from '../store/disk/status-files.js'
import type { PartState, ServedPart } from './served-part.js'

/** A part of a server in the last probe. */
export interface ProbedPart extends ServedPart {
  /** False if it fails, or is behind for too long. */
  readonly good: boolean
}

export interface ProbedServer {
  readonly name: string
  readonly ok: boolean
  /** Null if it has no URI for it. */
  readonly rrdp: ProbedPart | null
  readonly rsync: ProbedPart | null
  /** Since when probes fail; null if the last one did not. */
  readonly failingSince: Instant | null
  /** The last probe that found it in order; null if none did. */
  readonly lastOk: Instant | null
}

export interface ProbeRecord {
  readonly at: Instant
  readonly serial: number
  readonly servers: readonly ProbedServer[]
  /** Members of each pool, by its file. */
  readonly pools: Readonly<Record<string, readonly string[]>>
}

const NAME = 'servers'

/** Returns the last probe; undefined if there is none. */
export function readProbe(status: StatusFiles): ProbeRecord | undefined {
  const value = status.read(NAME)
  if (!isObject(value)) return undefined
  const { at, serial, servers, pools } = value
  const time = instantOf(at)
  if (time === null || typeof serial !== 'number' || !Array.isArray(servers)) return undefined
  return { at: time, serial, servers: servers.flatMap(serverOf), pools: poolsOf(pools) }
}

export function writeProbe(status: StatusFiles, record: ProbeRecord): void {
  status.write(NAME, JSON.parse(JSON.stringify(record)) as Json)
}

function serverOf(raw: Json | undefined): readonly ProbedServer[] {
  if (!isObject(raw)) return []
  const { name, ok, rrdp, rsync, failingSince, lastOk } = raw
  if (typeof name !== 'string' || typeof ok !== 'boolean') return []
  const times = { failingSince: instantOf(failingSince), lastOk: instantOf(lastOk) }
  return [{ name, ok, rrdp: partOf(rrdp), rsync: partOf(rsync), ...times }]
}

function partOf(raw: Json | undefined): ProbedPart | null {
  if (!isObject(raw)) return null
  const { state, session, serial, behind, since, findings, good } = raw
  if (typeof state !== 'string' || typeof good !== 'boolean') return null
  return {
    state: state as PartState,
    good,
    session: typeof session === 'string' ? session : null,
    serial: typeof serial === 'number' ? serial : null,
    behind: typeof behind === 'number' ? behind : null,
    since: instantOf(since),
    findings: Array.isArray(findings) ? findings.filter((one) => typeof one === 'string') : [],
  }
}

function poolsOf(raw: Json | undefined): ProbeRecord['pools'] {
  return Object.fromEntries(
    Object.entries(isObject(raw) ? raw : {}).map(([file, names]) => [
      file,
      Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [],
    ]),
  )
}

function instantOf(raw: Json | undefined): Instant | null {
  return typeof raw === 'string' ? (parseInstant(raw) ?? null) : null
}
