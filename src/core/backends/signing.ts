/**
 * Backend of a CA whose key signs here, in a file or a token: the certificate is encoded here, the key only signs.
 * Invariant: nothing is signed under an expired CA certificate, nor with a key that does not match it.
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

/** Opens the key of `certificate`, runs `use` with it and closes it. Throws a BackendFault. */
export type WithKey = <T>(
  certificate: PlainCertificate,
  signal: AbortSignal,
  use: (key: Pick<Issuer, 'scheme' | 'sign'>) => Promise<T>,
) => Promise<T>

/** Data that a probe signs. No TBSCertificate or TBSCertList begins like this, so the signature cannot be misused for one. */
const PROBE = 'pki-ha-probe\0'

/** Creates the backend of CA `ca` with the key that `withKey` opens. */
export function signingBackend(ca: string, files: CaFiles, withKey: WithKey, ports: BackendPorts): CaBackend {
  return {
    ca,
    chain: () => readChain(files),
    issue: (request) => issue(request, files, withKey, ports),
    poll: async (reference) => {
      throw new BackendFault('request-fault', 'ca-nothing-pending', `${ca} has no pending requests: ${reference}`)
    },
    probe: (signal) => probe(ca, files, withKey, ports, signal),
    // the caller puts it on the next CRL: no other system is involved
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
    issueCertificate({ certificate, ...key, ...locationsOf(files) }, request, profile, clock.now(), random),
  )
  return { outcome: 'ok', certificate: der }
}

function locationsOf({ crlUrl, issuerUrl }: CaFiles): Pick<Issuer, 'crlUrl' | 'issuerUrl'> {
  return { ...(crlUrl === undefined ? {} : { crlUrl }), ...(issuerUrl === undefined ? {} : { issuerUrl }) }
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
  const isValid = await withKey(certificate, signal, async ({ scheme, sign }) => {
    const signature = await sign(text)
    const key = createPublicKey({ key: Buffer.from(certificate.spki), format: 'der', type: 'spki' })
    return verify(scheme.hash, text, key, signature)
  })
  if (!isValid)
    throw new BackendFault('ca-fault', 'ca-signature', `signatures of ${ca} do not verify under its certificate`)
}
