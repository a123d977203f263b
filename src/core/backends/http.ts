/**
 * The HTTPS client to remote CAs: TLS both ways, own roots, a bounded answer, no connection kept, no redirect followed.
 * Invariant: nothing of the environment (proxies, further roots, a switched-off verification) changes whom it trusts.
 */
import { X509Certificate } from 'node:crypto'
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { request } from 'node:https'
import type { Remote } from '../config/enrolment.js'
import { configFault, isKeyOf, readCertificates, readConfigured, readKey } from './files.js'
import { type Answer, type Course, connectionFault, garbled } from './http-faults.js'
import type { BackendPorts } from './ports.js'
import { inTime } from './request.js'

const LARGEST_ANSWER = 1024 * 1024

export interface Question {
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
export type Ask = (question: Question) => Promise<Answer>

/** A client to one CA; its files are read for each question. */
export function httpClient(remote: Remote, ports: BackendPorts): Ask {
  return async (question) => {
    const url = urlOf(remote.url, question.path)
    const tls = await readTls(remote, ports)
    inTime(question.signal)
    return exchange(url, tls, question)
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

async function readTls(remote: Remote, { clock }: BackendPorts): Promise<TlsFiles> {
  const roots = await readCertificates(remote.tlsCa ?? remote.caCert)
  const ca = roots.map(({ der }) => new X509Certificate(der).toString())
  const { authCert, authKey } = remote
  if (authCert === undefined && authKey === undefined) return { ca }
  if (authCert === undefined || authKey === undefined)
    throw configFault('ca-client-incomplete', 'a client certificate wants both auth_cert and auth_key')
  if (authKey.startsWith('pkcs11:'))
    throw configFault('ca-client-token', 'this version reads auth_key from a PEM file, not from a pkcs11: URI')
  const [own] = await readCertificates(authCert)
  const key = await readKey(authKey)
  if (own === undefined || !isKeyOf(key, own))
    throw configFault('ca-key-mismatch', `${authKey}: not the private key of the certificate in ${authCert}`)
  if (own.notAfter <= clock.now())
    throw configFault('ca-client-expired', `${authCert}: the client certificate expired at ${own.notAfter}`)
  return { ca, cert: await readConfigured(authCert), key: key.export({ type: 'pkcs8', format: 'pem' }) }
}

function exchange(url: URL, tls: TlsFiles, question: Question): Promise<Answer> {
  const { method, body, headers = {}, issues = false, signal } = question
  const where = `${url.origin}${url.pathname}`
  const course: Course = { where, issues, isSecured: false, status: undefined }
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(connectionFault(error, course, signal.aborted))
    const outgoing = request(url, {
      method,
      signal,
      // one connection a question
      agent: false,
      ...tls,
      ca: [...tls.ca],
      rejectUnauthorized: true,
      // the root that is named may be the issuing CA itself, below another root
      allowPartialTrustChain: true,
      minVersion: 'TLSv1.2',
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
