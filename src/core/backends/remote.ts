/**
 * What all CAs behind a protocol have in common: the CA's certificate is here, its key is there.
 * Invariant: before anything is sent the CA's certificate is found and valid, and the request is one.
 */
import type { Remote } from '../config/enrolment/schema.js'
import { BackendFault } from '../ha/backend.js'
import { isSignedBy, type PlainCertificate, readPlainCertificate } from '../pki/certificate.js'
import { throwawayRequest } from '../pki/throwaway-request.js'
import { checkCaIsValid, configFault, readCaCertificate } from './files.js'
import type { BackendPorts } from './ports.js'
import { validRequest } from './request.js'

/** The CA's certificate, valid now; nobody needs to be asked otherwise. Throws a BackendFault. */
export async function readyCa(remote: Remote, { clock }: BackendPorts): Promise<PlainCertificate> {
  const certificate = await readCaCertificate(remote)
  checkCaIsValid(certificate, remote, clock.now())
  return certificate
}

/** A CA that shows another key than its certificate has would issue what nobody accepts. Throws a BackendFault (config-fault). */
export function checkIsSameCa(shown: readonly Uint8Array[], own: PlainCertificate, { caCert, url }: Remote): void {
  const keys = shown.map((der) => Buffer.from(readPlainCertificate(der)?.spki ?? []))
  if (keys.some((key) => key.equals(own.spki))) return
  throw configFault(
    'ca-other',
    `${originOf(url)} is another CA than the one of ${caCert}: its certificate has another key`,
  )
}

/** A request for a probe, and what checks that its answer is the CA's work. */
export function probeRequest(own: PlainCertificate, url: string) {
  const csr = throwawayRequest('brine-probe')
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
        `${originOf(url)} answered a probe with a certificate that is not what was asked for`,
      )
    },
  }
}

/** What of a URL goes into messages. */
export function originOf(url: string): string {
  return URL.canParse(url) ? new URL(url).origin : 'the CA'
}
