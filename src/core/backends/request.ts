/** Checks of a request before it is sent to a CA. */
import { BackendFault } from '../ha/backend.js'
import { type CertificateRequest, readRequest } from '../pki/csr.js'

/** Decodes a request. Throws a BackendFault (`request-fault`) with every finding. */
export function validRequest(csr: Uint8Array): CertificateRequest {
  const { request, findings } = readRequest(csr)
  if (request !== undefined) return request
  const message = findings.map((one) => `${one.rule}: ${one.message}`).join('; ')
  throw new BackendFault('request-fault', 'csr-invalid', message)
}

/** Throws a BackendFault (`ca-fault`) if the attempt has timed out. */
export function inTime(signal: AbortSignal): void {
  if (signal.aborted)
    throw new BackendFault('ca-fault', 'ca-timeout', 'timed out before the request was sent to the CA')
}
