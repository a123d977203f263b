/**
 * One HTTP exchange with a peer: one connection, one request, one bounded response, a time-out for each phase.
 * Invariants: the environment (proxies, other roots, disabled verification) changes nothing; without `allowPrivate` no packet goes to an address
 * that is not of the public Internet.
 */
import { type IncomingMessage, type OutgoingHttpHeaders, request as plain } from 'node:http'
import { request as secured } from 'node:https'
import { isIP } from 'node:net'
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import { type Instant, instantOf } from '../base/time.js'
import { readBody } from '../transport/body.js'
import { isPrivateAddress, lookupFor, type Resolve } from './addresses.js'
import { connectionError, peerError, privateAddress } from './faults.js'
import type { PeerAnswer, PeerTls, Phase, Timeouts } from './types.js'

export interface Call {
  readonly method: 'GET' | 'POST'
  readonly url: URL
  readonly headers: OutgoingHttpHeaders
  readonly body?: Uint8Array
  readonly tls: PeerTls
  readonly allowPrivate: boolean
  readonly timeouts: Timeouts
  /** Seconds of the whole time-out that have passed, before a redirect. */
  readonly passed?: number
  /** Maximum length of the body of a response with status 200. */
  readonly maxBytes: number
  /** Takes the parts of that body; without it they are collected. */
  readonly take?: (part: Uint8Array) => void
  readonly resolve?: Resolve
}

/** Maximum length that is read of the body of an error. */
const ERROR_BODY = 64 * 1024
/** Milliseconds for one of several addresses; the default of Node, 250, is too short for another continent. */
const ADDRESS_MS = 3000

/** Returns origin and path for messages: without user and query. */
export function placeOf(url: URL): string {
  return `${url.origin}${url.pathname}`
}

/** Sends a request and returns the response with any status. Throws `peer-…` (remote). */
export async function exchange(call: Call): Promise<PeerAnswer> {
  const where = placeOf(call.url)
  const host = call.url.hostname.replace(/^\[|\]$/g, '')
  // a socket looks up names only
  if (!call.allowPrivate && isIP(host) !== 0 && isPrivateAddress(host)) throw privateAddress(where, [host])
  const outgoing = begin(call, host)
  const watch = watchPhases(outgoing, call)
  try {
    const incoming = await responseTo(outgoing, call.body)
    watch.enter('body')
    return await answerOf(incoming, call)
  } catch (error) {
    const { phase, timedOut } = watch
    throw connectionError(error, { where, phase: phase(), timedOut: timedOut(), now: instantOf(Date.now() / 1000) })
  } finally {
    watch.end()
    outgoing.destroy()
  }
}

type Outgoing = ReturnType<typeof plain>

function begin({ method, url, headers, body, tls, allowPrivate, resolve }: Call, host: string): Outgoing {
  const options = {
    method,
    headers: { ...headers, ...(body !== undefined && { 'Content-Length': body.length }) },
    // one connection, and no proxy
    agent: false,
    lookup: lookupFor(allowPrivate, resolve),
    autoSelectFamilyAttemptTimeout: ADDRESS_MS,
  } as const
  if (url.protocol === 'http:') return plain(url, options)
  const trust = { secureContext: contextOf(tls.ca), rejectUnauthorized: tls.insecure !== true }
  return secured(url, { ...options, ...trust, ...(isIP(host) === 0 && { servername: host }) })
}

/** Contexts by the further roots: reading the roots takes more time than a handshake. */
const contexts = new Map<string, SecureContext>()

function contextOf(ca = ''): SecureContext {
  const known = contexts.get(ca)
  if (known !== undefined) return known
  // without a list Node takes its own roots and those of NODE_EXTRA_CA_CERTS; with partial chains it would take none
  const trust = ca === '' ? {} : { ca: [...rootCertificates, ca], allowPartialTrustChain: true }
  const made = createSecureContext({ ...trust, minVersion: 'TLSv1.2' })
  contexts.set(ca, made)
  return made
}

/** Destroys a request whose phase takes too long, and remembers which. */
function watchPhases(outgoing: Outgoing, { url, timeouts, passed = 0 }: Call) {
  let phase: Phase = 'connect'
  let timedOut: number | undefined
  let timer: NodeJS.Timeout | undefined
  const after = (seconds: number, gone = 0): NodeJS.Timeout =>
    setTimeout(
      () => {
        timedOut ??= seconds
        outgoing.destroy(new Error('time-out'))
      },
      Math.max(1, (seconds - gone) * 1000),
    )
  const whole = after(timeouts.whole, passed)
  const enter = (next: Phase, seconds?: number): void => {
    clearTimeout(timer)
    phase = next
    timer = seconds === undefined ? undefined : after(seconds)
  }
  enter('connect', timeouts.connect)
  outgoing.once('socket', (socket) => {
    socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      if (outgoing.writableFinished) enter('headers', timeouts.headers)
      else enter('send')
    })
  })
  outgoing.once('finish', () => {
    if (phase === 'send') enter('headers', timeouts.headers)
  })
  const end = (): void => {
    clearTimeout(timer)
    clearTimeout(whole)
  }
  return { enter, end, phase: () => phase, timedOut: () => timedOut }
}

function responseTo(outgoing: Outgoing, body: Uint8Array | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', resolve)
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}

async function answerOf(incoming: IncomingMessage, { url, maxBytes, take }: Call): Promise<PeerAnswer> {
  const { statusCode: status = 0, headers } = incoming
  const parts: Uint8Array[] = []
  const answer = { status, headers, at: timeOf(headers.date) }
  if (status !== 200) {
    const length = await readStart(incoming, parts)
    return { ...answer, body: Buffer.concat(parts), length }
  }
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding !== 'identity') {
    const where = placeOf(url)
    throw peerError('peer-garbled', `${where}: the response is encoded, which was not asked for`, {
      details: { where },
    })
  }
  const length = await readBody(incoming, maxBytes, take ?? ((part) => void parts.push(part)))
  return { ...answer, body: Buffer.concat(parts), length }
}

/** Reads the start of an error body. A body that ends early is as good. */
async function readStart(incoming: IncomingMessage, parts: Uint8Array[]): Promise<number> {
  let length = 0
  try {
    for await (const part of incoming) {
      const bytes = Buffer.from(part).subarray(0, ERROR_BODY - length)
      parts.push(bytes)
      length += bytes.length
      if (length >= ERROR_BODY) break
    }
  } catch {
    // the status is known
  }
  return length
}

function timeOf(date: string | undefined): Instant | null {
  const ms = Date.parse(date ?? '')
  return Number.isFinite(ms) && ms >= 0 && ms < 253_402_300_800_000 ? instantOf(ms / 1000) : null
}
