/** An EST server of tests (RFC 7030) that really signs, with the approval of an operator where that is wanted. */
import { certsOnly, estBytes } from '../../../src/core/pki/certs-only.js'
import type { CertificateProfile } from '../../../src/core/pki/profile.js'
import { CaPeer, issued, issuerOf, type PeerFiles, type Told } from './ca-peer.js'

export interface EstSwitches {
  /** Requests wait until this is false. */
  isManual: boolean
  /** `user:password` that HTTP Basic must show; undefined: the client certificate does. */
  password: string | undefined
}

const PKCS7 = { 'Content-Type': 'application/pkcs7-mime; smime-type=certs-only', 'Content-Transfer-Encoding': 'base64' }

/** Serves the label `devices`. Certificates come after the CA's own, so that whoever takes the first takes the wrong one. */
export function estPeer(files: PeerFiles, profile: CertificateProfile, switches: EstSwitches): CaPeer {
  const issuer = issuerOf(files.ca)
  const told = (certificates: readonly Uint8Array[]): Told => ({
    headers: PKCS7,
    body: Buffer.from(certsOnly(certificates)).toString('base64').replace(/.{64}/g, '$&\r\n'),
  })
  const answer = async (method: string, path: string, body: string): Promise<Told> => {
    if (method === 'GET' && path === '/.well-known/est/devices/cacerts') return told([issuer.certificate.der])
    if (method !== 'POST' || path !== '/.well-known/est/devices/simpleenroll') return { status: 404 }
    const csr = estBytes(Buffer.from(body))
    const der = csr === undefined ? undefined : await issued(issuer, csr, profile)
    if (der === undefined) return { status: 400, body: 'this is no PKCS#10' }
    return switches.isManual ? { status: 202, headers: { 'Retry-After': '120' } } : told([issuer.certificate.der, der])
  }
  return new CaPeer(
    files,
    async ({ method, path, headers, body, client }) => {
      const basic = switches.password && `Basic ${Buffer.from(switches.password).toString('base64')}`
      if (basic === undefined ? client === undefined : headers.authorization !== basic)
        return { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="est"' } }
      return answer(method, path, body)
    },
    false,
  )
}
