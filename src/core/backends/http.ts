/**
 * HTTPS client for remote CAs: client authentication, own roots, bounded responses, no kept connections, no redirects.
 * Invariant: the environment (proxies, other roots, disabled verification) never changes what it trusts.
 */
import { X509Certificate } from 'node:crypto'
import {
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as plainRequest,
  type RequestOptions,
} from 'node:http'
import { request } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Remote } from '../config/enrolment/schema.js'
import { certificatesOf, readPlainCertificate } from '../pki/certificate.js'
import { BodyTooLarge, readBody } from '../transport/body.js'
import { retryAfterSeconds } from '../transport/failures.js'
import { configFault, isKeyOf, readCertificates, readConfigured, readKey } from './files.js'
import { connectionFault, type ExchangeProgress, garbled, type HttpResponse } from './http-faults.js'
import type { BackendPorts } from './ports.js'
import { inTime } from './request.js'

const LARGEST_RESPONSE = 1024 * 1024

export interface HttpQuery {
  readonly method: 'GET' | 'POST'
  /** Path below the URL of the CA, beginning with a slash; without secrets, since it is in messages. */
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
  /** True if the CA issues a certificate for this request: without a response the outcome is then unknown. */
  readonly issues?: boolean
  readonly signal: AbortSignal
}

/** Sends a request and returns the response with any status. Throws a BackendFault. */
export type Ask = (query: HttpQuery) => Promise<HttpResponse>

/** Creates a client of one CA; its files are read for each request. */
export function httpClient(remote: Remote, ports: BackendPorts): Ask {
  return async (query) => {
    const url = urlOf(remote.url, query.path)
    const { isToken, ...tls } = await readTls(remote, ports)
    inTime(query.signal)
    const where = `${url.origin}${url.pathname}`
    const progress: ExchangeProgress = { where, issues: query.issues ?? false, isSecured: false, status: undefined }
    if (!isToken) return exchange(secured(url, tls), progress, query)
    const tunnel = await tunnelTo(url, tls, remote, progress, ports, query.signal)
    return exchange(over(url, tunnel), progress, query)
  }
}

function urlOf(base: string, path: string): URL {
  const url = URL.canParse(base) ? new URL(base) : undefined
  if (url?.protocol !== 'https:' || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '')
    throw configFault('ca-url-invalid', 'the url of a CA must be an https URL without user, query and fragment')
  url.pathname = `${url.pathname.replace(/\/+$/, '')}${path.split('?')[0]}`
  url.search = path.includes('?') ? path.slice(path.indexOf('?')) : ''
  return url
}

interface TlsFiles {
  readonly ca: readonly string[]
  readonly cert?: Buffer
  readonly key?: string | Buffer
}

/** `isToken` is true if there is a client certificate whose key is in a token. */
async function readTls(remote: Remote, { clock }: BackendPorts): Promise<TlsFiles & { readonly isToken: boolean }> {
  const roots = await readCertificates(remote.tlsCa ?? remote.caCert)
  const ca = roots.map(({ der }) => new X509Certificate(der).toString())
  const { authCert, authKey } = remote
  if (authCert === undefined && authKey === undefined) return { ca, isToken: false }
  if (authCert === undefined || authKey === undefined)
    throw configFault('ca-client-incomplete', 'a client certificate needs both auth_cert and auth_key')
  const [own] = await readCertificates(authCert)
  const isToken = authKey.startsWith('pkcs11:')
  const key = isToken ? undefined : await readKey(authKey)
  if (own === undefined || (key !== undefined && !isKeyOf(key, own)))
    throw configFault('ca-key-mismatch', `${authKey}: not the private key of the certificate in ${authCert}`)
  if (own.notAfter <= clock.now())
    throw configFault('ca-client-expired', `${authCert}: the client certificate expired at ${own.notAfter}`)
  const cert = await readConfigured(authCert)
  return { ca, cert, isToken, ...(key !== undefined && { key: key.export({ type: 'pkcs8', format: 'pem' }) }) }
}

/** Opens a connection through another program, which uses the token. */
async function tunnelTo(
  url: URL,
  { ca, cert = Buffer.alloc(0) }: TlsFiles,
  remote: Remote,
  progress: ExchangeProgress,
  ports: BackendPorts,
  signal: AbortSignal,
): Promise<Duplex> {
  const [own, ...above] = certificatesOf(cert).flatMap((der) => readPlainCertificate(der) ?? [])
  if (own === undefined) throw configFault('ca-file-invalid', `${remote.authCert}: contains no certificate`)
  const { openTunnel } = await import('./token/token-tls.js')
  return openTunnel({ url, ca, certificates: [own, ...above], remote }, progress, ports, signal)
}

/** Starts a request; the caller ends it. */
type Begin = (options: RequestOptions) => ClientRequest

function secured(url: URL, tls: TlsFiles): Begin {
  return (options) =>
    request(url, {
      ...options,
      // one connection per request
      agent: false,
      ...tls,
      ca: [...tls.ca],
      rejectUnauthorized: true,
      // the configured root may be the issuing CA itself, below another root
      allowPartialTrustChain: true,
      minVersion: 'TLSv1.2',
    })
}

function over(url: URL, tunnel: Duplex): Begin {
  const path = `${url.pathname}${url.search}`
  return ({ headers, ...options }) =>
    plainRequest({ ...options, path, headers: { Host: url.host, ...headers }, createConnection: () => tunnel })
}

function exchange(begin: Begin, progress: ExchangeProgress, query: HttpQuery): Promise<HttpResponse> {
  const { method, body, headers = {}, signal } = query
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(connectionFault(error, progress, signal.aborted))
    const outgoing = begin({
      method,
      signal,
      headers: {
        'User-Agent': 'brine',
        ...headers,
        ...(body !== undefined && { 'Content-Length': Buffer.byteLength(body) }),
      },
    })
    outgoing.on('socket', (socket) => {
      socket.once('secureConnect', () => {
        progress.isSecured = true
      })
    })
    outgoing.on('error', fail)
    outgoing.on('response', (incoming) => {
      progress.status = incoming.statusCode ?? 0
      collect(incoming, progress).then(resolve, (error: unknown) => {
        outgoing.destroy()
        if (error instanceof BodyTooLarge) reject(garbled(progress, error.message))
        else fail(error instanceof Error ? error : new Error(String(error)))
      })
    })
    outgoing.end(body)
  })
}

async function collect(incoming: IncomingMessage, { where, issues }: ExchangeProgress): Promise<HttpResponse> {
  const parts: Buffer[] = []
  await readBody(incoming, LARGEST_RESPONSE, (part) => void parts.push(part))
  return { where, issues, status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(parts) }
}

/** Returns Retry-After in seconds from a number or a date (RFC 9110 section 10.2.3); `fallback` without either. */
export function retryAfter({ headers }: HttpResponse, { clock }: BackendPorts, fallback = 60): number {
  return retryAfterSeconds(headers['retry-after'], Date.parse(clock.now())) ?? fallback
}
