/**
 * The backend `cfssl`: version 1 of the API of a CFSSL server.
 * Invariant: names are never sent in addition to the request, since CFSSL would use them instead of those that the request proves.
 */

import { quoted } from '../base/text.js'
import type { CfsslBackend } from '../config/enrolment/schema.js'
import type { CaBackend, Issued, IssueRequest, RevocationReason } from '../ha/backend.js'
import { BackendFault } from '../ha/backend.js'
import { certificatesOf } from '../pki/certificate.js'
import { pem } from '../pki/pem.js'
import { configFault, readCaCertificate, readChain } from './files.js'
import { type Ask, httpClient } from './http.js'
import { garbled, type HttpResponse, jsonOf, reportedFault, requestFault, statusFault, tryJson } from './http-faults.js'
import type { BackendPorts } from './ports.js'
import { asProbe, checkIsSameCa, probeRequest, readyCa } from './remote.js'
import { validRequest } from './request.js'

const API = '/api/v1/cfssl'
/** Groups of error numbers that the requester cannot fix: keys, roots, remote signers, CT logs and the database (errors/error.go). */
const SERVER_ERRORS: readonly number[] = [2, 3, 4, 6, 7, 8, 10, 11]
const NOT_FOUND = 11200
/** Error numbers of the policy: no usages, a broken policy, an unknown profile. */
const POLICY_ERRORS: readonly number[] = [5100, 5200, 5400]

/** Creates the backend; reads no file yet. */
export function openCfsslBackend(ca: string, config: CfsslBackend, ports: BackendPorts): CaBackend {
  const ask = httpClient(config, ports)
  const call = (path: string, body: object, signal: AbortSignal, issues = false) =>
    post(ask, `${API}/${path}`, body, signal, issues)
  return {
    ca,
    chain: () => readChain(config),
    issue: async ({ csr, profile, signal }: IssueRequest): Promise<Issued> => {
      validRequest(csr)
      await readyCa(config, ports)
      const body = { certificate_request: pem('CERTIFICATE REQUEST', csr), profile: config.profile ?? profile.name }
      return { outcome: 'ok', certificate: certificateIn(await call('sign', body, signal, true)) }
    },
    poll: async (reference) => {
      throw new BackendFault('request-fault', 'ca-nothing-pending', `${ca} has no pending requests: ${reference}`)
    },
    probe: async (signal) => {
      const own = await readyCa(config, ports)
      if (config.probeProfile === undefined) {
        checkIsSameCa([certificateIn(await call('info', { label: '' }, signal))], own, config)
        return
      }
      const { probeProfile: profile } = config
      const { csr, check } = probeRequest(own, config.url)
      const body = { certificate_request: pem('CERTIFICATE REQUEST', csr), profile }
      check(certificateIn(await asProbe(profile, () => call('sign', body, signal))))
    },
    revoke: async (serial: string, reason: RevocationReason, signal: AbortSignal) => {
      const { ski } = await readCaCertificate(config)
      if (ski === undefined)
        throw configFault(
          'ca-file-invalid',
          `${config.caCert}: CFSSL cannot find certificates of a CA without subjectKeyIdentifier`,
        )
      const number = BigInt(`0x${serial}`).toString()
      const authority = Buffer.from(ski).toString('hex')
      const revoke = (authority_key_id: string) =>
        call('revoke', { serial: number, authority_key_id, reason: reason.toLowerCase() }, signal)
      await revoke(authority).catch((error: unknown) => {
        // some versions store certificates without the authority key identifier
        if (error instanceof BackendFault && error.code === 'ca-certificate-unknown') return revoke('')
        throw error
      })
    },
  }
}

interface Reply {
  readonly response: HttpResponse
  readonly result: unknown
}

/** Sends a call. Throws a BackendFault for every response that is not a success. */
async function post(ask: Ask, path: string, body: object, signal: AbortSignal, issues: boolean): Promise<Reply> {
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json' }
  const response = await ask({ method: 'POST', path, headers, body: JSON.stringify(body), issues, signal })
  const parsed = tryJson(response)
  const error = firstError(parsed)
  if (error !== undefined && response.status < 500) throw errorFault(response, error)
  if (response.status < 200 || response.status > 299) throw statusFault(response, error && quoted(error.message, 160))
  const { success, result } = jsonOf(response)
  if (success !== true) throw garbled(response, 'the response is neither a success nor an error')
  return { response, result }
}

interface CfsslError {
  readonly code: number
  readonly message: string
}

function firstError(parsed: Readonly<Record<string, unknown>> | undefined): CfsslError | undefined {
  const [first] = Array.isArray(parsed?.['errors']) ? (parsed['errors'] as readonly unknown[]) : []
  if (typeof first !== 'object' || first === null) return undefined
  const { code, message } = first as Readonly<Record<string, unknown>>
  return { code: typeof code === 'number' ? code : 0, message: typeof message === 'string' ? message : '' }
}

/** Returns the fault of a CFSSL error. CFSSL responds to every error with status 400; only the error number tells the cause. */
function errorFault(response: HttpResponse, { code, message }: CfsslError): BackendFault {
  const detail = `error ${code}: ${quoted(message, 160)}`
  if (code === 401 || code === 403 || code === 404 || code === 405)
    return statusFault({ ...response, status: code }, detail)
  if (code === NOT_FOUND) return requestFault('ca-certificate-unknown', response, detail)
  if (POLICY_ERRORS.includes(code)) return configFault('ca-policy', `${response.where}: ${detail}`)
  if (SERVER_ERRORS.includes(Math.floor(code / 1000))) return reportedFault(response, detail)
  return requestFault('ca-refused-request', response, detail)
}

function certificateIn({ response, result }: Reply): Uint8Array {
  const text =
    typeof result === 'object' && result !== null
      ? (result as Readonly<Record<string, unknown>>)['certificate']
      : undefined
  const [der] = typeof text === 'string' ? certificatesOf(Buffer.from(text)) : []
  if (der === undefined) throw garbled(response, 'the response has no certificate')
  return der
}
