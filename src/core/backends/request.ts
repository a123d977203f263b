/** A request on its way to a CA. */
import { BackendFault } from '../ha/backend.js'
import { type CertificateRequest, readRequest } from '../pki/csr.js'

/** The request. Throws a BackendFault (request-fault) with everything that is wrong with it. */
export function validRequest(csr: Uint8Array): CertificateRequest {
  const { request, faults } = readRequest(csr)
  if (request !== undefined) return request
  const told = faults.map(({ rule, message }) => `${rule}: ${message}`).join('; ')
  throw new BackendFault('request-fault', 'csr-invalid', told)
}

/** Throws a BackendFault (ca-fault) when nobody waits any more. */
export function inTime(signal: AbortSignal): void {
  if (signal.aborted) throw new BackendFault('ca-fault', 'ca-timeout', 'the time was over before the CA was asked')
}
