/**
 * Checks whether a server can be reached: the name, one connection, for https the handshake. Invariant: nothing is asked of the server, every step is
 * limited in time, and without `allowPrivate` no packet is sent to an address outside the public Internet.
 */
import { connect, isIP, type Socket } from 'node:net'
import { rootCertificates, connect as secured } from 'node:tls'
import { failureCode, isTlsFailure, socketReason, tlsReason } from '../transport/failures.js'
import { isPrivateAddress, lookupFor, PrivateAddress, type Resolve } from './addresses.js'

export interface ReachOptions {
  readonly allowPrivate: boolean
  /** Additional root certificates, in PEM. */
  readonly tlsCa?: string | undefined
  /** True if any TLS certificate is accepted, without verification. */
  readonly tlsInsecure?: boolean | undefined
  /** True if a connection is enough, without the TLS handshake of https. */
  readonly connectOnly?: boolean
  /** For the name, the connection and the handshake together; 5 seconds by default. */
  readonly limitSeconds?: number
  readonly resolve?: Resolve
}

const PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443, 'rsync:': 873 }
const LIMIT_SECONDS = 5

/** Returns what is wrong with the server of a URI, as a predicate of it: `refused the connection`; undefined if it can be reached. */
export function unreachable(uri: string, options: ReachOptions): Promise<string | undefined> {
  const url = URL.canParse(uri) ? new URL(uri) : undefined
  const port = url === undefined ? undefined : url.port === '' ? PORTS[url.protocol] : Number(url.port)
  if (url === undefined || port === undefined) return Promise.resolve('is not a URI of a server')
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (!options.allowPrivate && isIP(host) !== 0 && isPrivateAddress(host)) return Promise.resolve(refused([host]))
  const seconds = options.limitSeconds ?? LIMIT_SECONDS
  return new Promise((resolve) => {
    const isTls = url.protocol === 'https:' && options.connectOnly !== true
    const socket = isTls ? openTls(host, port, options) : openPlain(host, port, options)
    const end = (problem: string | undefined): void => {
      clearTimeout(timer)
      socket.on('error', () => undefined)
      socket.destroy()
      resolve(problem)
    }
    const timer = setTimeout(() => end(`could not be reached within ${seconds} s`), seconds * 1000)
    socket.once(isTls ? 'secureConnect' : 'connect', () => end(undefined))
    socket.once('error', (error) => end(problemOf(error)))
  })
}

function openPlain(host: string, port: number, { allowPrivate, resolve }: ReachOptions): Socket {
  return connect({ host, port, lookup: lookupFor(allowPrivate, resolve) })
}

function openTls(host: string, port: number, { allowPrivate, resolve, tlsCa, tlsInsecure }: ReachOptions): Socket {
  return secured({
    ...{ host, port, lookup: lookupFor(allowPrivate, resolve), minVersion: 'TLSv1.2' },
    rejectUnauthorized: tlsInsecure !== true,
    ...(isIP(host) === 0 && { servername: host }),
    ...(tlsCa !== undefined && { ca: [...rootCertificates, tlsCa], allowPartialTrustChain: true }),
  })
}

function problemOf(error: Error): string {
  if (error instanceof PrivateAddress) return refused(error.addresses)
  const code = failureCode(error)
  if (isTlsFailure(code)) return `has a TLS certificate that is not accepted: ${tlsReason(code)}`
  // several addresses, each with an error of its own
  if (error instanceof AggregateError) return socketReason(failureCode(error.errors[0]))
  return socketReason(code)
}

function refused(addresses: readonly string[]): string {
  return `has a loopback, link-local or private address, ${addresses.slice(0, 4).join(', ')}, which is not allowed for it`
}
