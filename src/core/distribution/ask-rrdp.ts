/** Asks a repository server for its notification, and for the RRDP snapshot and newest delta that it names: from this server, by their hashes. */
import { readFileSync } from 'node:fs'
import { AppError } from '../base/errors.js'
import type { RepositoryServer } from '../config/repository/schema.js'
import { fetchBytes, fetchDigest, type PeerGet } from '../peers/http.js'
import { readNotification } from '../protocols/read-notification.js'
import type { RrdpFile } from '../protocols/rrdp.js'
import { judgeRrdp, type Published } from './judge-rrdp.js'
import { type ServedPart, unread } from './served-part.js'

export interface AskRrdp {
  readonly server: RepositoryServer
  readonly seconds: number
  readonly userAgent: string
  /** Reads what is published now: after the answer of the server, which is never newer then. */
  readonly published: () => Promise<Published>
  /** Checks every delta, not only the newest. */
  readonly isFull: boolean
}

const NOTIFICATION_BYTES = 16 * 1024 * 1024

/** Returns what the server serves by RRDP. Never throws an AppError. */
export async function askRrdp(ask: AskRrdp): Promise<ServedPart> {
  const { server, published, isFull } = ask
  const uri = server.notification ?? ''
  const until = performance.now() + ask.seconds * 1000
  try {
    const get = requestOf(ask, until)
    const { body } = await fetchBytes({ ...get(uri), maxBytes: NOTIFICATION_BYTES })
    const said = readNotification(body)
    const now = await published()
    if (said === undefined) return unread('broken', `${uri} is no RRDP notification`)
    const judged = judgeRrdp(said, now)
    if (judged.state === 'differs' && judged.since === null) return judged
    const base = uri.slice(0, uri.lastIndexOf('/') + 1)
    const files = [said.snapshot, ...(isFull ? said.deltas : said.deltas.slice(0, 1))]
    const faults = await Promise.all(files.map((file) => faultOf(file, base, now.state.rrdpBase, get)))
    const findings = faults.filter((fault) => fault !== undefined)
    return findings.length === 0
      ? judged
      : { ...judged, state: 'broken', since: null, findings: [...findings, ...judged.findings] }
  } catch (error) {
    if (error instanceof AppError) return unread('unreachable', error.message)
    throw error
  }
}

type Get = (uri: string) => PeerGet

/** Returns a function that has what is left of the time for each request. */
function requestOf({ server, userAgent }: AskRrdp, until: number): Get {
  const ca = server.tlsCa === undefined ? undefined : readRoots(server.tlsCa)
  return (uri) => ({
    uri,
    userAgent,
    // the address is the operator's own
    allowPrivate: true,
    timeoutSeconds: Math.max(0.1, (until - performance.now()) / 1000),
    ...(ca !== undefined && { tls: { ca } }),
  })
}

function readRoots(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'EIO'
    throw new AppError('usage', 'server-tls-ca', `cannot read tls_ca ${path}: ${errno}`, { cause })
  }
}

/** Returns what is wrong with a file that the notification names. */
async function faultOf(
  { uri, sha256 }: RrdpFile,
  base: string,
  rrdpBase: string,
  get: Get,
): Promise<string | undefined> {
  const own = base + uri.slice(rrdpBase.length)
  try {
    const found = await fetchDigest(get(own))
    return found.sha256 === sha256 ? undefined : `${own} has another hash than its notification says`
  } catch (error) {
    if (error instanceof AppError) return error.message
    throw error
  }
}
