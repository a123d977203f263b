/**
 * The last exchange with each peer: `status/exchanges/`, one file for each. Invariant: no part of history and never trusted; a file that is
 * missing, damaged or of an older program costs no more than the knowledge of that exchange.
 */
import { createHash } from 'node:crypto'
import { AppError } from '../base/errors.js'
import type { Json } from '../base/json.js'
import { isObject, type JsonObject } from '../base/shape.js'
import { type Instant, parseInstant } from '../base/time.js'
import { layoutOf } from '../store/disk/paths.js'
import { type StatusFiles, statusFiles } from '../store/disk/status-files.js'

const KINDS = ['parent', 'child', 'repository', 'publisher'] as const

/** Role of the peer: we are the client of a parent and of a repository, and the server of a child and of a publisher. */
export type PeerKind = (typeof KINDS)[number]

export interface PeerName {
  readonly kind: PeerKind
  /** Our CA; null for a publisher, which is a peer of the publication server. */
  readonly ca: string | null
  /** Our handle for the peer. */
  readonly peer: string
}

/** An exchange that has ended. */
export interface EndedExchange extends PeerName {
  /** Service URI; null where the peer is the client. */
  readonly uri: string | null
  readonly at: Instant
  readonly outcome: 'success' | 'failure'
  /** Of the error: `peer-timeout`. */
  readonly code?: string
  readonly message?: string
  /** Software of the peer, from its User-Agent or Server header. */
  readonly agent?: string
}

export interface LastExchange extends EndedExchange {
  /** First exchange in an unbroken row with the same outcome. */
  readonly since: Instant
  /** Last exchange that succeeded; null if there was none. */
  readonly lastSuccess: Instant | null
}

const FOLDER = 'exchanges'
const LIMITS = { code: 100, message: 1000, agent: 200 } as const

/**
 * Replaces the last exchange with a peer and returns it. A file that cannot be written is reported to `warn`: the exchange itself is over, and
 * must not fail for it.
 */
export function recordExchange(dataDir: string, ended: EndedExchange, warn?: (text: string) => void): LastExchange {
  const before = readExchange(dataDir, ended)
  const { kind, ca, peer, uri, at, outcome } = ended
  const texts = Object.entries(LIMITS).flatMap(([name, limit]) => {
    const text = ended[name as keyof typeof LIMITS]
    return text === undefined ? [] : [[name, text.slice(0, limit)] as const]
  })
  const since = before?.outcome === outcome && before.since <= at ? before.since : at
  const lastSuccess = outcome === 'success' ? at : (before?.lastSuccess ?? null)
  const next = { kind, ca, peer, uri, at, outcome, since, lastSuccess, ...Object.fromEntries(texts) }
  try {
    statusFiles(layoutOf(dataDir)).write(nameOf(ended), next as unknown as Json)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    warn?.(`cannot write the last exchange with ${peer}: ${error.message}`)
  }
  return next
}

/** Returns the last exchange with a peer; undefined if none is known. */
export function readExchange(dataDir: string, name: PeerName): LastExchange | undefined {
  return read(statusFiles(layoutOf(dataDir)), nameOf(name))
}

/** Lists the last exchanges with all peers, by kind, CA and peer. */
export function listExchanges(dataDir: string): readonly LastExchange[] {
  const status = statusFiles(layoutOf(dataDir))
  const all = status.list(FOLDER).flatMap((name) => read(status, `${FOLDER}/${name}`) ?? [])
  const key = ({ kind, ca, peer }: LastExchange): string => `${KINDS.indexOf(kind)}\0${ca ?? ''}\0${peer}`
  return all.sort((a, b) => (key(a) < key(b) ? -1 : 1))
}

/** Forgets the exchanges with a peer that was removed. A file that stays is reported to `warn`: the peer is removed already. */
export function removeExchange(dataDir: string, name: PeerName, warn?: (text: string) => void): void {
  try {
    statusFiles(layoutOf(dataDir)).remove(nameOf(name))
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    warn?.(`cannot remove the last exchange with ${name.peer}: ${error.message}`)
  }
}

/** Handles may be longer together than a file name. */
function nameOf({ kind, ca, peer }: PeerName): string {
  const hash = createHash('sha256')
    .update(`${kind}\0${ca ?? ''}\0${peer}`)
    .digest('hex')
  return `${FOLDER}/${kind}-${hash.slice(0, 40)}`
}

function read(status: StatusFiles, name: string): LastExchange | undefined {
  const value = readQuietly(status, name)
  if (!isObject(value)) return undefined
  const { kind, ca, peer, uri = null, outcome } = value
  const at = instantIn(value, 'at')
  const known = KINDS.find((one) => one === kind)
  if (known === undefined || at === null || (outcome !== 'success' && outcome !== 'failure')) return undefined
  if (typeof peer !== 'string' || !isTextOrNull(ca) || !isTextOrNull(uri)) return undefined
  // a file that was copied to another name
  if (nameOf({ kind: known, ca, peer }) !== name) return undefined
  const texts = Object.keys(LIMITS).flatMap((member) =>
    typeof value[member] === 'string' ? [[member, value[member]] as const] : [],
  )
  return {
    ...{ kind: known, ca, peer, uri, at, outcome },
    since: instantIn(value, 'since') ?? at,
    lastSuccess: instantIn(value, 'lastSuccess'),
    ...Object.fromEntries(texts),
  }
}

function readQuietly(status: StatusFiles, name: string): Json | undefined {
  try {
    return status.read(name)
  } catch (error) {
    if (error instanceof AppError) return undefined
    throw error
  }
}

function instantIn(value: JsonObject, member: string): Instant | null {
  const text = value[member]
  return typeof text === 'string' ? (parseInstant(text) ?? null) : null
}

function isTextOrNull(value: Json | undefined): value is string | null {
  return value === null || typeof value === 'string'
}
