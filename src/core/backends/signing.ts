/**
 * A CA whose key signs here, wherever the key lies: the certificate is made by us, the key only signs.
 * Invariant: nothing is signed with an expired CA certificate, nor with a key that is not the certificate's.
 */
import { createPublicKey, verify } from 'node:crypto'
import {
  BackendFault,
  type CaBackend,
  type CrlContent,
  type Issued,
  type IssueRequest,
  REVOCATION_REASONS,
} from '../ha/backend.js'
import type { PlainCertificate } from '../pki/certificate.js'
import { signCrl } from '../pki/crl.js'
import { type Issuer, issueCertificate } from '../pki/issue.js'
import { type CaFiles, checkCaIsValid, configFault, readCaCertificate, readChain } from './files.js'
import type { BackendPorts } from './ports.js'
import { inTime, validRequest } from './request.js'

/** Opens the key of `certificate`, lends it to `use` and closes it. Throws a BackendFault. */
export type WithKey = <T>(
  certificate: PlainCertificate,
  signal: AbortSignal,
  use: (key: Pick<Issuer, 'scheme' | 'sign'>) => Promise<T>,
) => Promise<T>

/** No TBSCertificate and no TBSCertList begins so: what a probe signs can never be taken for one. */
const PROBE = 'pki-ha-probe\0'

/** The backend of CA `ca` over a key that `withKey` lends. */
export function signingBackend(ca: string, files: CaFiles, withKey: WithKey, ports: BackendPorts): CaBackend {
  return {
    ca,
    chain: () => readChain(files),
    issue: (request) => issue(request, files, withKey, ports),
    poll: async (reference) => {
      throw new BackendFault('request-fault', 'ca-nothing-pending', `${ca} keeps nothing pending: ${reference}`)
    },
    probe: (signal) => probe(ca, files, withKey, ports, signal),
    // who revokes lists it on the next CRL: there is nobody to tell
    revoke: async () => undefined,
    crl: (content, signal) => crl(ca, content, signal, files, withKey, ports),
  }
}

async function issue(
  { csr, profile, signal }: IssueRequest,
  files: CaFiles,
  withKey: WithKey,
  { clock, random }: BackendPorts,
): Promise<Issued> {
  const request = validRequest(csr)
  const certificate = await readCaCertificate(files)
  checkCaIsValid(certificate, files, clock.now())
  inTime(signal)
  const der = await withKey(certificate, signal, (key) =>
    issueCertificate({ certificate, ...key }, request, profile, clock.now(), random),
  )
  return { outcome: 'ok', certificate: der }
}

async function crl(
  ca: string,
  content: CrlContent,
  signal: AbortSignal,
  files: CaFiles,
  withKey: WithKey,
  { clock }: BackendPorts,
): Promise<Uint8Array> {
  const certificate = await readCaCertificate(files)
  checkCaIsValid(certificate, files, clock.now())
  if (certificate.keyUsages?.includes('cRLSign') === false)
    throw configFault(
      'ca-signs-no-crl',
      `${files.caCert}: the CA certificate does not allow ${ca} to sign a CRL (RFC 5280 section 4.2.1.3, cRLSign)`,
    )
  inTime(signal)
  const revoked = content.revoked.map((entry) => ({ ...entry, reason: REVOCATION_REASONS[entry.reason] }))
  return withKey(certificate, signal, (key) => signCrl({ certificate, ...key }, { ...content, revoked }))
}

async function probe(
  ca: string,
  files: CaFiles,
  withKey: WithKey,
  { clock, random }: BackendPorts,
  signal: AbortSignal,
): Promise<void> {
  const certificate = await readCaCertificate(files)
  checkCaIsValid(certificate, files, clock.now())
  inTime(signal)
  const nonce = Buffer.from(random.bytes(16)).toString('hex')
  const text = Buffer.from(`${PROBE}${ca}\0${nonce}\0${clock.now()}`)
  const isGood = await withKey(certificate, signal, async ({ scheme, sign }) => {
    const signature = await sign(text)
    const key = createPublicKey({ key: Buffer.from(certificate.spki), format: 'der', type: 'spki' })
    return verify(scheme.hash, text, key, signature)
  })
  if (!isGood)
    throw new BackendFault('ca-fault', 'ca-signature', `the key of ${ca} signs what its certificate does not verify`)
}
