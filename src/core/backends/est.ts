/**
 * The backend `est`: another EST server (RFC 7030).
 * Invariant: a pending request is polled by sending the same request again (section 4.2.3), so the reference is the request.
 */
import type { EstBackend } from '../config/enrolment/schema.js'
import { BackendFault, type CaBackend, type Issued } from '../ha/backend.js'
import { readPlainCertificate } from '../pki/certificate.js'
import { estBytes, readCertsOnly } from '../pki/certs-only.js'
import { configFault, lockingFault, readChain, readPassword } from './files.js'
import { type HttpQuery, httpClient, retryAfter } from './http.js'
import { garbled, type HttpResponse, statusFault } from './http-faults.js'
import type { BackendPorts } from './ports.js'
import { checkIsSameCa, readyCa } from './remote.js'
import { validRequest } from './request.js'

/** Creates the backend; reads no file yet. */
export function openEstBackend(ca: string, config: EstBackend, ports: BackendPorts): CaBackend {
  const client = httpClient(config, ports)
  const base = `/.well-known/est${config.label === undefined ? '' : `/${config.label}`}`
  const ask = async (query: HttpQuery): Promise<HttpResponse> =>
    client({
      ...query,
      path: `${base}${query.path}`,
      headers: { ...query.headers, ...(await credentials(config)) },
    })

  /** Sends a request (RFC 7030 section 4.2). Only for a pending request is a lost response fetched by sending it again. */
  const enroll = async (csr: Uint8Array, signal: AbortSignal, issues: boolean): Promise<Issued> => {
    const { spki } = validRequest(csr)
    await readyCa(config, ports)
    const headers = { 'Content-Type': 'application/pkcs10', 'Content-Transfer-Encoding': 'base64' }
    const body = base64(csr)
    const response = await ask({ method: 'POST', path: '/simpleenroll', headers, body, issues, signal })
    if (response.status === 202)
      return { outcome: 'pending', reference: referenceTo(csr), retryAfter: retryAfter(response, ports) }
    if (response.status !== 200) throw refusal(response, config)
    const found = certificatesIn(response)
    // without a certificate for this key the first one: the check of the issued certificate reports what is wrong
    const own = found.find((der) => Buffer.from(readPlainCertificate(der)?.spki ?? []).equals(spki)) ?? found[0]
    if (own === undefined) throw garbled(response, 'the response has no certificate')
    return { outcome: 'ok', certificate: own }
  }
  return {
    ca,
    chain: () => readChain(config),
    issue: ({ csr, signal }) => enroll(csr, signal, true),
    poll: async (reference, signal) => enroll(requestOf(reference), signal, false),
    probe: async (signal) => {
      const own = await readyCa(config, ports)
      const response = await ask({ method: 'GET', path: '/cacerts', signal })
      if (response.status !== 200) throw refusal(response, config)
      checkIsSameCa(certificatesIn(response), own, config)
    },
    revoke: async () => {
      throw new BackendFault(
        'request-fault',
        'ca-cannot-revoke',
        `EST has no revocation (RFC 7030): revoke the certificate at the server of ${ca}`,
      )
    },
  }
}

/** Returns the fault of a status other than 200. A refused password is not tried again, since the server may lock the account. */
function refusal(response: HttpResponse, { username }: EstBackend): BackendFault {
  const fault = statusFault(response)
  const isPassword = username !== undefined && (response.status === 401 || response.status === 403)
  return isPassword ? lockingFault(fault.code, fault.message) : fault
}

async function credentials({ username, passwordFile }: EstBackend): Promise<{ readonly Authorization?: string }> {
  if (username === undefined && passwordFile === undefined) return {}
  if (username === undefined || passwordFile === undefined)
    throw configFault('ca-client-incomplete', 'HTTP authentication needs both username and password_file')
  const password = await readPassword(passwordFile)
  return { Authorization: `Basic ${Buffer.from(`${username}:${password.reveal()}`).toString('base64')}` }
}

function certificatesIn(response: HttpResponse): readonly Uint8Array[] {
  if (response.body.length === 0) throw garbled(response, 'status 200 with an empty body')
  const der = estBytes(response.body)
  const found = der === undefined ? undefined : readCertsOnly(der)
  if (found === undefined)
    throw garbled(response, 'the response is not a PKCS#7 of certificates (RFC 7030 section 4.2.3)')
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
