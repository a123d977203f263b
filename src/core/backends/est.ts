/**
 * The backend `est`: another server of RFC 7030.
 * Invariant: what is pending is asked for again with the very same request (section 4.2.3), so the reference is the request.
 */
import type { EstBackend } from '../config/enrolment/schema.js'
import { BackendFault, type CaBackend, type Issued } from '../ha/backend.js'
import { readPlainCertificate } from '../pki/certificate.js'
import { estBytes, readCertsOnly } from '../pki/certs-only.js'
import { configFault, readChain, readPassword } from './files.js'
import { type HttpQuery, httpClient, retryAfter } from './http.js'
import { type Answer, garbled, statusFault } from './http-faults.js'
import type { BackendPorts } from './ports.js'
import { checkIsSameCa, readyCa } from './remote.js'
import { validRequest } from './request.js'

/** Opens nothing yet. */
export function openEstBackend(ca: string, config: EstBackend, ports: BackendPorts): CaBackend {
  const client = httpClient(config, ports)
  const base = `/.well-known/est${config.label === undefined ? '' : `/${config.label}`}`
  const ask = async (question: HttpQuery): Promise<Answer> =>
    client({
      ...question,
      path: `${base}${question.path}`,
      headers: { ...question.headers, ...(await credentials(config)) },
    })

  /** RFC 7030 section 4.2. An answer that got lost is fetched by asking again, but only where it was pending. */
  const enroll = async (csr: Uint8Array, signal: AbortSignal, issues: boolean): Promise<Issued> => {
    const { spki } = validRequest(csr)
    await readyCa(config, ports)
    const headers = { 'Content-Type': 'application/pkcs10', 'Content-Transfer-Encoding': 'base64' }
    const body = base64(csr)
    const answer = await ask({ method: 'POST', path: '/simpleenroll', headers, body, issues, signal })
    if (answer.status === 202)
      return { outcome: 'pending', reference: referenceTo(csr), retryAfter: retryAfter(answer, ports) }
    if (answer.status !== 200) throw statusFault(answer, issues)
    const found = certificatesIn(answer)
    // without one for this key the first: whoever checks what was issued tells what is wrong with it
    const own = found.find((der) => Buffer.from(readPlainCertificate(der)?.spki ?? []).equals(spki)) ?? found[0]
    if (own === undefined) throw garbled(answer, 'an answer without a certificate')
    return { outcome: 'ok', certificate: own }
  }
  return {
    ca,
    chain: () => readChain(config),
    issue: ({ csr, signal }) => enroll(csr, signal, true),
    poll: async (reference, signal) => enroll(requestOf(reference), signal, false),
    probe: async (signal) => {
      const own = await readyCa(config, ports)
      const answer = await ask({ method: 'GET', path: '/cacerts', signal })
      if (answer.status !== 200) throw statusFault(answer, false)
      checkIsSameCa(certificatesIn(answer), own, config)
    },
    revoke: async () => {
      throw new BackendFault(
        'request-fault',
        'ca-cannot-revoke',
        `EST has no revocation (RFC 7030): revoke it where ${ca} is kept`,
      )
    },
  }
}

async function credentials({ username, passwordFile }: EstBackend): Promise<{ readonly Authorization?: string }> {
  if (username === undefined && passwordFile === undefined) return {}
  if (username === undefined || passwordFile === undefined)
    throw configFault('ca-client-incomplete', 'HTTP authentication wants both username and password_file')
  const password = await readPassword(passwordFile)
  return { Authorization: `Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}` }
}

function certificatesIn(answer: Answer): readonly Uint8Array[] {
  if (answer.body.length === 0) throw garbled(answer, 'status 200 with nothing')
  const der = estBytes(answer.body)
  const found = der === undefined ? undefined : readCertsOnly(der)
  if (found === undefined) throw garbled(answer, 'an answer that is no PKCS#7 of certificates (RFC 7030 section 4.2.3)')
  return found
}

function base64(bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `${lines.join('\r\n')}\r\n`
}

function referenceTo(csr: Uint8Array): string {
  return Buffer.from(csr).toString('base64')
}

function requestOf(reference: string): Uint8Array {
  return new Uint8Array(Buffer.from(reference, 'base64'))
}
