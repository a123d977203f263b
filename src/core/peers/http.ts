/**
 * HTTP to peers: `post` sends a message of RFC 6492 or 8181, `fetchBytes` and `fetchDigest` get files of repository servers.
 * Invariants: only status 200 with a body is an answer; a redirect is followed once, on the same host and never from https to http, a POST only by
 * 307 and 308, which keep the method; no Content-Type is required.
 */
import { createHash, X509Certificate } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import { AppError } from '../base/errors.js'
import { quoted } from '../base/text.js'
import type { Instant } from '../base/time.js'
import type { Sha256 } from '../crypto/ports.js'
import type { Resolve } from './addresses.js'
import { type Call, exchange, placeOf } from './exchange.js'
import { peerError, statusError } from './faults.js'
import type { PeerAnswer, PeerTls, Timeouts } from './types.js'

export interface PeerGet {
  /** http or https, without user, password and fragment. */
  readonly uri: string
  readonly tls?: PeerTls
  /** Allows loopback, link-local and private addresses. */
  readonly allowPrivate?: boolean
  /** Of the whole exchange; default 240, as the client of Krill. */
  readonly timeoutSeconds?: number
  /** Shorter limits for a phase; by default 15 to connect and 180 to the first octet of the response. */
  readonly timeouts?: Partial<Timeouts>
  /** Maximum length of the response; 10 MiB, for `fetchDigest` 4 GiB. */
  readonly maxBytes?: number
  /** `brine/<version>`. */
  readonly userAgent: string
  /** Resolves host names; the system by default. */
  readonly resolve?: Resolve
  /** Receives each answer of any status, for a log. */
  readonly onAnswer?: (answer: PeerAnswer) => void
}

export interface PeerRequest extends PeerGet {
  readonly contentType: string
  readonly body: Uint8Array
}

export interface PeerReply {
  readonly status: 200
  readonly body: Uint8Array
  readonly contentType: string | null
  /** Server header: the software of the peer. */
  readonly agent: string | null
  /** Date header: the clock of the peer. */
  readonly peerTime: Instant | null
}

const MIB = 1024 * 1024
/** Seconds. A parent may sign for minutes before it answers; a host that does not accept a connection in 15 s is down. */
const TIMEOUTS: Timeouts = { connect: 15, headers: 180, whole: 240 }
const LARGEST_ANSWER = 10 * MIB
const LARGEST_FILE = 4096 * MIB

const FOLLOWED = { POST: [307, 308], GET: [301, 302, 307, 308] } as const

/** Sends a message and returns the answer, which is not empty. Throws `peer-…` (remote), `peer-uri-invalid` and `peer-tls-ca-invalid` (usage). */
export async function post(request: PeerRequest): Promise<PeerReply> {
  const { contentType, body } = request
  return answered(await send('POST', request, { 'Content-Type': contentType, Accept: '*/*' }, { body }), request)
}

/** Gets a file of up to `maxBytes`. Throws as `post`. */
export async function fetchBytes(request: PeerGet): Promise<PeerReply> {
  return answered(await send('GET', request, {}), request)
}

/** Gets a file without keeping it and returns its SHA-256 and length. An empty file is one. Throws as `post`. */
export async function fetchDigest(request: PeerGet): Promise<{ readonly sha256: Sha256; readonly length: number }> {
  const hash = createHash('sha256')
  const take = (part: Uint8Array): void => void hash.update(part)
  const { length } = await send('GET', { maxBytes: LARGEST_FILE, ...request }, {}, { take })
  return { sha256: hash.digest('hex') as Sha256, length }
}

function answered({ body, headers, at }: PeerAnswer, { uri }: PeerGet): PeerReply {
  if (body.length === 0) {
    const where = placeOf(new URL(uri))
    throw peerError('peer-empty', `${where} answered with status 200 and nothing`, {
      details: { where, ...(at !== null && { peerTime: at }) },
      retry: true,
      retryAfter: 300,
    })
  }
  const { 'content-type': contentType = null, server } = headers
  const agent = typeof server === 'string' ? server.slice(0, 200) : null
  return { status: 200, body, contentType, agent, peerTime: at }
}

/** Sends a request, follows one redirect and returns a response of status 200. */
async function send(
  method: Call['method'],
  request: PeerGet,
  headers: Call['headers'],
  more: Pick<Call, 'body' | 'take'> = {},
): Promise<PeerAnswer> {
  const url = parseUri(request.uri)
  const { whole = request.timeoutSeconds ?? TIMEOUTS.whole, connect, headers: first } = request.timeouts ?? {}
  const call: Call = {
    method,
    url,
    headers: { 'User-Agent': request.userAgent, ...headers },
    tls: checkedTls(request.tls),
    allowPrivate: request.allowPrivate ?? false,
    timeouts: { connect: connect ?? TIMEOUTS.connect, headers: first ?? TIMEOUTS.headers, whole },
    maxBytes: request.maxBytes ?? LARGEST_ANSWER,
    ...(request.resolve !== undefined && { resolve: request.resolve }),
    ...more,
  }
  const begun = performance.now()
  const asked = async (one: Call): Promise<PeerAnswer> => {
    const got = await exchange(one)
    request.onAnswer?.(got)
    return got
  }
  const answer = await asked(call)
  if (!isRedirect(answer.status)) return only200(answer, url)
  const target = redirectTarget(method, url, answer)
  const second = await asked({ ...call, url: target, passed: (performance.now() - begun) / 1000 })
  if (isRedirect(second.status)) throw redirectError(placeOf(url), second.status, 'a second time', '')
  return only200(second, target)
}

function only200(answer: PeerAnswer, url: URL): PeerAnswer {
  if (answer.status === 200) return answer
  throw statusError(placeOf(url), answer, Date.now())
}

/** Parses the URI of a peer. Throws `peer-uri-invalid` (usage). */
export function parseUri(uri: string): URL {
  const url = URL.canParse(uri) ? new URL(uri) : undefined
  const fault =
    url === undefined || !/^https?:$/.test(url.protocol)
      ? 'is not an http or https URI'
      : url.username !== '' || url.password !== ''
        ? 'contains a user or a password'
        : url.hash !== ''
          ? 'contains a fragment'
          : undefined
  if (fault === undefined && url !== undefined) return url
  const shown = url === undefined ? uri : placeOf(url)
  throw new AppError('usage', 'peer-uri-invalid', `${quoted(shown, 200)} ${fault}`)
}

/** Checks that the further roots are certificates. Throws `peer-tls-ca-invalid` (usage). */
function checkedTls(tls: PeerTls = {}): PeerTls {
  const { ca } = tls
  if (ca === undefined) return tls
  const blocks = ca.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  try {
    for (const block of blocks) new X509Certificate(block)
    if (blocks.length > 0) return { ...tls, ca: blocks.join('\n') }
  } catch {
    // reported below
  }
  throw new AppError('usage', 'peer-tls-ca-invalid', 'the further TLS roots of this peer are not certificates in PEM', {
    hint: 'give the root of its TLS certificate with --tls-ca FILE',
  })
}

function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status)
}

/** Returns the target of a redirect that may be followed. Throws `peer-redirect`. */
export function redirectTarget(
  method: Call['method'],
  from: URL,
  { status, headers }: Pick<PeerAnswer, 'status' | 'headers'>,
): URL {
  const where = placeOf(from)
  const location = headers.location ?? ''
  const refuse = (why: string): AppError => redirectError(where, status, why, location)
  if (location === '' || !URL.canParse(location, from.href)) throw refuse('without a target')
  const to = new URL(location, from.href)
  if (!FOLLOWED[method].some((one) => one === status))
    throw refuse(`to ${quoted(placeOf(to), 200)}, which may lose the message`)
  if (to.username !== '' || to.password !== '') throw refuse('to a URI with a user')
  const isUpgrade = from.protocol === 'http:' && to.protocol === 'https:' && from.port === '' && to.port === ''
  const isSameServer = to.protocol === from.protocol && to.host === from.host
  if (to.hostname !== from.hostname || !(isSameServer || isUpgrade))
    throw refuse(`to ${quoted(placeOf(to), 200)}, which is another server`)
  return to
}

function redirectError(where: string, status: number, why: string, location: string): AppError {
  return peerError('peer-redirect', `${where} redirects (status ${status}) ${why}`.trim(), {
    hint: 'if the service has moved, ask its operator for a new response file (RFC 8183) and configure it',
    details: { where, status, ...(location !== '' && { location: location.slice(0, 1000) }) },
  })
}
