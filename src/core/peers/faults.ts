/**
 * Failed exchanges with a peer as errors: code, one sentence, and what to do. Invariant: a message holds the URI without user and query, and of
 * what a peer sent only quoted, shortened text.
 */
import { AppError, type AppErrorInit } from '../base/errors.js'
import type { Json } from '../base/json.js'
import { quoted } from '../base/text.js'
import type { Instant } from '../base/time.js'
import { BodyTooLarge } from '../transport/body.js'
import {
  failureCode,
  isTlsFailure,
  jsonObject,
  retryAfterSeconds,
  socketReason,
  summaryOf,
  tlsReason,
} from '../transport/failures.js'
import { PrivateAddress } from './addresses.js'
import type { PeerAnswer, Phase } from './types.js'

export interface Failed {
  /** Origin and path. */
  readonly where: string
  readonly phase: Phase
  /** Seconds of the time-out that ended the exchange; undefined if something else did. */
  readonly timedOut: number | undefined
  /** Time by the clock of this machine, for messages. */
  readonly now: Instant
}

type PeerErrorInit = AppErrorInit & { readonly details: Json }

const TRUST_HINT =
  'if this is the right server, name the root that issued its certificate with --tls-ca FILE, or accept any certificate of this peer with --tls-insecure, which history records'
const REACH_HINT = 'check the service URI and the network; nothing changed, the next tick tries again'
const AGAIN = { retry: true, retryAfter: 300 } as const

/** Returns the error of an exchange that failed before its response was complete. */
export function connectionError(error: unknown, failed: Failed): AppError {
  if (error instanceof AppError) return error
  const { where, phase } = failed
  if (error instanceof PrivateAddress) return privateAddress(where, error.addresses)
  if (error instanceof BodyTooLarge)
    return peerError('peer-too-big', `${where}: ${error.message}`, { details: { where, phase }, cause: error })
  if (failed.timedOut !== undefined)
    // a host that no connection reaches is down for all of its peers, one that is slow after it may be so for this peer alone
    return peerError(phase === 'connect' ? 'peer-unreachable' : 'peer-timeout', timeoutText(failed, failed.timedOut), {
      ...AGAIN,
      hint: REACH_HINT,
      details: { where, phase, seconds: failed.timedOut },
      cause: error,
    })
  const code = failureCode(error)
  const init = { details: { where, phase, errno: code }, cause: error }
  if (isTlsFailure(code)) return tlsError(code, failed, init)
  if (code.startsWith('HPE_'))
    return peerError('peer-garbled', `${where}: the response is not HTTP (${code})`, { ...init, hint: URI_HINT })
  if (phase === 'connect')
    return peerError('peer-unreachable', `${where} ${socketReason(code)}`, { ...init, ...AGAIN, hint: REACH_HINT })
  const when = { send: 'while the request was sent', headers: 'before it answered', body: 'during its answer' }[phase]
  const what = code === '' || code === 'ECONNRESET' || code === 'EPIPE' ? 'closed the connection' : socketReason(code)
  return peerError('peer-closed', `${where} ${what} ${when}`, { ...init, ...AGAIN, hint: REACH_HINT })
}

const URI_HINT = 'check the service URI: another server may answer at this address'

function timeoutText({ where, phase }: Failed, seconds: number): string {
  const what = {
    connect: 'could not be reached',
    send: 'did not take the request',
    headers: 'did not begin its answer',
    body: 'did not complete its answer',
  }[phase]
  return `${where} ${what} within ${seconds} s`
}

function tlsError(code: string, { where, now }: Failed, init: PeerErrorInit): AppError {
  const refused = `${where}: its TLS certificate is not accepted: ${tlsReason(code)}`
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return peerError('peer-tls-date', `${refused}; the clock here says ${now}`, {
      ...init,
      hint: 'if the clock here is right, the certificate or the clock of the peer is wrong: ask its operator; until then --tls-insecure accepts it, which history records',
    })
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return peerError('peer-tls-name', refused, { ...init, hint: TRUST_HINT })
  // a handshake that failed before there was a certificate
  if (/^(?:ERR_SSL_|ERR_TLS_|EPROTO)/.test(code))
    return peerError('peer-tls', `${where}: TLS failed: ${tlsReason(code)}`, { ...init, hint: URI_HINT })
  return peerError('peer-tls-untrusted', refused, { ...init, hint: TRUST_HINT })
}

/** Returns the error for a host whose addresses are refused; `attribute` of a response file names it. */
export function privateAddress(where: string, addresses: readonly string[], attribute?: string): AppError {
  const list = addresses.slice(0, 4).join(', ')
  const place = attribute === undefined ? where : `${attribute} of the response, ${where}`
  return peerError('peer-private-address', `${place}: ${list} is a loopback, link-local or private address`, {
    hint: 'if this peer belongs to your own network, allow it with --allow-private, which history records',
    details: { where, addresses: addresses.slice(0, 20), ...(attribute !== undefined && { attribute }) },
  })
}

/** Returns the error for a response with another status than 200, with the error that its body reports. */
export function statusError(where: string, answer: PeerAnswer, now: number): AppError {
  const { status, headers, body, at } = answer
  const krill = krillError(body)
  const said =
    krill === undefined
      ? summaryOf({ headers, body })
      : `${krill.msg === '' ? 'no message' : quoted(krill.msg, 300)} (${quoted(krill.label)})`
  const wait = retryAfterSeconds(headers['retry-after'], now)
  const isBusy = status >= 500 || status === 408 || status === 429
  return peerError('peer-status', `${where} answered with status ${status}${said === '' ? '' : `: ${said}`}`, {
    details: { where, status, ...(krill !== undefined && { krill }), ...(at !== null && { peerTime: at }) },
    ...(isBusy && { retry: true, retryAfter: Math.min(wait ?? 300, 86_400) }),
    ...(status === 404 && { hint: URI_HINT }),
  })
}

export type KrillError = {
  /** Kind of the error: `ca-child-unknown`. */
  readonly label: string
  readonly msg: string
  readonly args: Readonly<Record<string, string>>
}

/** Reads the JSON error of a Krill server, shortened; undefined for any other body. */
export function krillError(body: Buffer): KrillError | undefined {
  const { label, msg, args } = jsonObject(body) ?? {}
  if (typeof label !== 'string' || !/^[a-z0-9_-]{1,80}$/i.test(label)) return undefined
  const pairs = typeof args === 'object' && args !== null && !Array.isArray(args) ? Object.entries(args) : []
  const texts = pairs
    .filter((pair): pair is [string, string] => typeof pair[1] === 'string')
    .slice(0, 20)
    .map(([name, text]) => [name.slice(0, 80), text.slice(0, 1000)] as const)
  return { label, msg: typeof msg === 'string' ? msg.slice(0, 1000) : '', args: Object.fromEntries(texts) }
}

/** Returns an error of an exchange with a peer; nothing changed here. */
export function peerError(code: string, message: string, init: PeerErrorInit): AppError {
  return new AppError('remote', code, message, init)
}
