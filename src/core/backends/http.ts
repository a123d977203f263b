/**
 * The HTTPS client to remote CAs: TLS both ways, own roots, a bounded answer, no connection kept, no redirect followed.
 * Invariant: nothing of the environment (proxies, further roots, a switched-off verification) changes whom it trusts.
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
import { configFault, isKeyOf, readCertificates, readConfigured, readKey } from './files.js'
import { type Answer, type Course, connectionFault, garbled } from './http-faults.js'
import type { BackendPorts } from './ports.js'
import { inTime } from './request.js'

const LARGEST_ANSWER = 1024 * 1024

export interface HttpQuery {
  readonly method: 'GET' | 'POST'
  /** Below the CA's URL, beginning with a slash; what is secret does not belong here. */
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
  /** The CA makes a certificate when it gets this: no answer is then an unknown outcome. */
  readonly issues?: boolean
  readonly signal: AbortSignal
}

/** Asks and returns the answer whatever its status. Throws a BackendFault. */
export type Ask = (question: HttpQuery) => Promise<Answer>

/** A client to one CA; its files are read for each question. */
export function httpClient(remote: Remote, ports: BackendPorts): Ask {
  return async (question) => {
    const url = urlOf(remote.url, question.path)
    const { isToken, ...tls } = await readTls(remote, ports)
    inTime(question.signal)
    const where = `${url.origin}${url.pathname}`
    const course: Course = { where, issues: question.issues ?? false, isSecured: false, status: undefined }
    if (!isToken) return exchange(secured(url, tls), course, question)
    const tunnel = await tunnelTo(url, tls, remote, course, ports, question.signal)
    return exchange(over(url, tunnel), course, question)
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

/** `isToken`: there is a client certificate, and its key is not in a file. */
async function readTls(remote: Remote, { clock }: BackendPorts): Promise<TlsFiles & { readonly isToken: boolean }> {
  const roots = await readCertificates(remote.tlsCa ?? remote.caCert)
  const ca = roots.map(({ der }) => new X509Certificate(der).toString())
  const { authCert, authKey } = remote
  if (authCert === undefined && authKey === undefined) return { ca, isToken: false }
  if (authCert === undefined || authKey === undefined)
    throw configFault('ca-client-incomplete', 'a client certificate wants both auth_cert and auth_key')
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

/** A connection through another program, which has the token. */
async function tunnelTo(
  url: URL,
  { ca, cert = Buffer.alloc(0) }: TlsFiles,
  remote: Remote,
  course: Course,
  ports: BackendPorts,
  signal: AbortSignal,
): Promise<Duplex> {
  const [own, ...above] = certificatesOf(cert).flatMap((der) => readPlainCertificate(der) ?? [])
  if (own === undefined) throw configFault('ca-file-invalid', `${remote.authCert}: no certificate in it`)
  const { openTunnel } = await import('./token-tls.js')
  return openTunnel({ url, ca, certificates: [own, ...above], remote }, course, ports, signal)
}

/** Begins a request; the caller ends it. */
type Begin = (options: RequestOptions) => ClientRequest

function secured(url: URL, tls: TlsFiles): Begin {
  return (options) =>
    request(url, {
      ...options,
      // one connection a question
      agent: false,
      ...tls,
      ca: [...tls.ca],
      rejectUnauthorized: true,
      // the root that is named may be the issuing CA itself, below another root
      allowPartialTrustChain: true,
      minVersion: 'TLSv1.2',
    })
}

function over(url: URL, tunnel: Duplex): Begin {
  const path = `${url.pathname}${url.search}`
  return ({ headers, ...options }) =>
    plainRequest({ ...options, path, headers: { Host: url.host, ...headers }, createConnection: () => tunnel })
}

function exchange(begin: Begin, course: Course, question: HttpQuery): Promise<Answer> {
  const { method, body, headers = {}, signal } = question
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(connectionFault(error, course, signal.aborted))
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
        course.isSecured = true
      })
    })
    outgoing.on('error', fail)
    outgoing.on('response', (incoming) => {
      course.status = incoming.statusCode ?? 0
      collect(incoming, course).then(resolve, (error: unknown) => {
        outgoing.destroy()
        if (error instanceof TypeError) reject(garbled(course, `an answer of more than ${LARGEST_ANSWER} bytes`))
        else fail(error instanceof Error ? error : new Error(String(error)))
      })
    })
    outgoing.end(body)
  })
}

/** Throws a TypeError for an answer that is too long. */
async function collect(incoming: IncomingMessage, { where }: Course): Promise<Answer> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of incoming) {
    const bytes = Buffer.from(part)
    size += bytes.length
    if (size > LARGEST_ANSWER) throw new TypeError('too long')
    parts.push(bytes)
  }
  // a connection that ends early without an error
  if (!incoming.complete) throw new Error('the answer was cut off')
  return { where, status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(parts) }
}

/** Seconds until the CA wants to be asked again (RFC 9110 section 10.2.3): a number, or a date; `fallback` without either. */
export function retryAfter({ headers }: Answer, { clock }: BackendPorts, fallback = 60): number {
  const text = headers['retry-after'] ?? ''
  if (/^\d{1,9}$/.test(text)) return Math.max(1, Number(text))
  const seconds = Math.ceil((Date.parse(text) - Date.parse(clock.now())) / 1000)
  return Number.isFinite(seconds) ? Math.max(1, seconds) : fallback
}
