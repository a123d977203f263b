/**
 * The backend `cfssl`: CFSSL's API server, version 1 of its API.
 * Invariant: the names of a request are never repeated beside it, since CFSSL would let them replace those that the request proves.
 */

import { quoted } from '../base/text.js'
import type { CfsslBackend } from '../config/enrolment/schema.js'
import type { CaBackend, Issued, IssueRequest, RevocationReason } from '../ha/backend.js'
import { BackendFault } from '../ha/backend.js'
import { certificatesOf } from '../pki/certificate.js'
import { pem } from '../pki/pem.js'
import { configFault, readCaCertificate, readChain } from './files.js'
import { type Ask, httpClient } from './http.js'
import { type Answer, garbled, jsonOf, requestFault, statusFault, tryJson } from './http-faults.js'
import type { BackendPorts } from './ports.js'
import { checkIsSameCa, probeRequest, readyCa } from './remote.js'
import { validRequest } from './request.js'

const API = '/api/v1/cfssl'
/** CFSSL has no errors here that whoever asks could mend: keys, roots, remote signers, CT logs and its database (errors/error.go). */
const OWN_TROUBLE: readonly number[] = [2, 3, 4, 6, 7, 8, 10, 11]
const NOT_FOUND = 11200
/** No usages, a broken policy, an unknown profile. */
const POLICY_TROUBLE: readonly number[] = [5100, 5200, 5400]

/** Opens nothing yet. */
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
      throw new BackendFault('request-fault', 'ca-nothing-pending', `${ca} keeps nothing pending: ${reference}`)
    },
    probe: async (signal) => {
      const own = await readyCa(config, ports)
      if (config.probeProfile === undefined) {
        checkIsSameCa([certificateIn(await call('info', { label: '' }, signal))], own, config)
        return
      }
      const { csr, check } = probeRequest(own, config.url)
      check(
        certificateIn(
          await call(
            'sign',
            { certificate_request: pem('CERTIFICATE REQUEST', csr), profile: config.probeProfile },
            signal,
          ),
        ),
      )
    },
    revoke: async (serial: string, reason: RevocationReason, signal: AbortSignal) => {
      const { ski } = await readCaCertificate(config)
      if (ski === undefined)
        throw configFault(
          'ca-file-invalid',
          `${config.caCert}: without a subjectKeyIdentifier CFSSL finds no certificate of it`,
        )
      const number = BigInt(`0x${serial}`).toString()
      const authority = Buffer.from(ski).toString('hex')
      const revoke = (authority_key_id: string) =>
        call('revoke', { serial: number, authority_key_id, reason: reason.toLowerCase() }, signal)
      await revoke(authority).catch((error: unknown) => {
        // some versions keep what they made without its authority
        if (error instanceof BackendFault && error.code === 'ca-certificate-unknown') return revoke('')
        throw error
      })
    },
  }
}

interface Reply {
  readonly answer: Answer
  readonly result: unknown
}

/** Throws a BackendFault for every answer but a success. */
async function post(ask: Ask, path: string, body: object, signal: AbortSignal, issues: boolean): Promise<Reply> {
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json' }
  const answer = await ask({ method: 'POST', path, headers, body: JSON.stringify(body), issues, signal })
  const said = tryJson(answer)
  const error = firstError(said)
  if (error !== undefined && answer.status < 500) throw errorFault(answer, error)
  if (answer.status < 200 || answer.status > 299) throw statusFault(answer, issues, error && quoted(error.message, 160))
  const { success, result } = jsonOf(answer)
  if (success !== true) throw garbled(answer, 'an answer that is neither a success nor an error')
  return { answer, result }
}

interface CfsslError {
  readonly code: number
  readonly message: string
}

function firstError(said: Readonly<Record<string, unknown>> | undefined): CfsslError | undefined {
  const [first] = Array.isArray(said?.['errors']) ? (said['errors'] as readonly unknown[]) : []
  if (typeof first !== 'object' || first === null) return undefined
  const { code, message } = first as Readonly<Record<string, unknown>>
  return { code: typeof code === 'number' ? code : 0, message: typeof message === 'string' ? message : '' }
}

/** CFSSL answers 400 to all that goes wrong in it: only the number of the error says whose fault it is. */
function errorFault(answer: Answer, { code, message }: CfsslError): BackendFault {
  const told = `error ${code}: ${quoted(message, 160)}`
  if (code === 401 || code === 403 || code === 404 || code === 405)
    return statusFault({ ...answer, status: code }, false, told)
  if (code === NOT_FOUND) return requestFault('ca-certificate-unknown', answer, told)
  if (POLICY_TROUBLE.includes(code)) return configFault('ca-policy', `${answer.where}: ${told}`)
  if (OWN_TROUBLE.includes(Math.floor(code / 1000))) return garbled(answer, told)
  return requestFault('ca-refused-request', answer, told)
}

function certificateIn({ answer, result }: Reply): Uint8Array {
  const text =
    typeof result === 'object' && result !== null
      ? (result as Readonly<Record<string, unknown>>)['certificate']
      : undefined
  const [der] = typeof text === 'string' ? certificatesOf(Buffer.from(text)) : []
  if (der === undefined) throw garbled(answer, 'a success without a certificate')
  return der
}
