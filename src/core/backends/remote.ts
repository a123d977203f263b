/**
 * Common parts of all remote CAs: the certificate of the CA is here, its key is there.
 * Invariant: before anything is sent, the certificate of the CA and the request are valid.
 */
import type { Remote } from '../config/enrolment/schema.js'
import { BackendFault } from '../ha/backend.js'
import { isSignedBy, type PlainCertificate, readPlainCertificate } from '../pki/certificate.js'
import { throwawayRequest } from '../pki/throwaway-request.js'
import { checkCaIsValid, configFault, readCaCertificate } from './files.js'
import type { BackendPorts } from './ports.js'
import { validRequest } from './request.js'

/** Returns the certificate of the CA, which must be valid now. Throws a BackendFault. */
export async function readyCa(remote: Remote, { clock }: BackendPorts): Promise<PlainCertificate> {
  const certificate = await readCaCertificate(remote)
  checkCaIsValid(certificate, remote, clock.now())
  return certificate
}

/** Throws a BackendFault (`config-fault`) if the CA has another key than its configured certificate: its certificates would not verify. */
export function checkIsSameCa(shown: readonly Uint8Array[], own: PlainCertificate, { caCert, url }: Remote): void {
  const keys = shown.map((der) => Buffer.from(readPlainCertificate(der)?.spki ?? []))
  if (keys.some((key) => key.equals(own.spki))) return
  throw configFault('ca-other', `${originOf(url)} is not the CA of ${caCert}: its certificate has another key`)
}

/**
 * Runs the request of a probe, which has a certificate of `profile` issued. A refusal is a fault of that profile and not of a requester, and
 * a response that was lost is a failure, since that certificate is of no use.
 */
export async function asProbe<T>(profile: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof BackendFault)) throw error
    if (error.outcome === 'request-fault')
      throw configFault(
        'ca-probe-refused',
        `the probe profile ${profile} refuses the request of a probe: ${error.message}`,
      )
    if (error.outcome === 'unknown') throw new BackendFault('ca-fault', error.code, error.message, error)
    throw error
  }
}

/** Makes a request for a probe, and the check of its response. */
export function probeRequest(own: PlainCertificate, url: string, kind: 'ec' | 'rsa' = 'ec') {
  const csr = throwawayRequest('brine-probe', kind)
  const { spki } = validRequest(csr)
  return {
    csr,
    /** Throws a BackendFault (ca-fault). */
    check: (der: Uint8Array): void => {
      const certificate = readPlainCertificate(der)
      if (certificate !== undefined && Buffer.from(certificate.spki).equals(spki) && isSignedBy(certificate, own))
        return
      throw new BackendFault(
        'ca-fault',
        'ca-signature',
        `${originOf(url)} returned a certificate that was not requested by the probe`,
      )
    },
  }
}

/** Returns the part of a URL that is shown in messages. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'the CA'
}
