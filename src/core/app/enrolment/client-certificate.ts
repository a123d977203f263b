/**
 * Checks of a client certificate that the web server passes on. The server has verified only that the client holds its private key, so
 * that a certificate from elsewhere (an IDevID) does not end the connection.
 * Invariant: a certificate is accepted only on a path of certificates that the operator has configured.
 */
import { readCertificates, readCrls } from '../../backends/files.js'
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { LabelConfig } from '../../config/enrolment/schema.js'
import { type PlainCertificate, readPlainCertificate } from '../../pki/certificate.js'
import { findPath, type Trust } from '../../pki/path.js'
import { isCrlOf, type PlainCrl } from '../../pki/read-crl.js'

export interface KnownCertificate {
  readonly label: string
  readonly revokedAt: Instant | undefined
}
/** Looks up a certificate that was issued here; undefined for any other. */
export type FindKnown = (certificate: PlainCertificate) => Promise<KnownCertificate | undefined>

export interface CertificatePorts {
  readonly now: () => Instant
  readonly findKnown: FindKnown
  /** Returns when the key of a certificate became known as compromised; undefined if it is not. */
  readonly compromisedAt: (certificate: PlainCertificate) => Promise<Instant | undefined>
  /** Returns the chains of the CAs of the label's group (DER): links between a client certificate and `client_ca`. */
  readonly chains: () => Promise<readonly Uint8Array[]>
  readonly log: (line: string) => void
}

/** Returns the reason why a client certificate does not authenticate its holder at this label; undefined if it does. */
export async function clientFault(
  shown: PlainCertificate,
  label: LabelConfig,
  ports: CertificatePorts,
): Promise<string | undefined> {
  const trust = await trustOf(label, ports)
  if (typeof trust === 'string') return trust
  const { path, fault } = findPath(shown, trust, ports.now(), 'clientAuth')
  if (path === undefined) return fault
  if (!isForClients(shown)) return 'it is not for client authentication'
  const known = await ports.findKnown(shown)
  if (known?.revokedAt !== undefined) return `it was revoked at ${known.revokedAt}`
  const compromised = await ports.compromisedAt(shown)
  if (compromised !== undefined) return `its key was revoked as compromised at ${compromised}`
  return crlFault(path, label, ports.now(), known === undefined)
}

/**
 * Returns the reason why the CRLs of the label do not allow the renewal of a certificate that was issued here; undefined if they do. Its
 * record says whether it was revoked here, so a CRL of its CA is not required.
 */
export async function renewalFault(
  shown: PlainCertificate,
  label: LabelConfig,
  ports: CertificatePorts,
): Promise<string | undefined> {
  if (label.clientCrl === undefined) return undefined
  const cas = await chainsOf(ports)
  const path = findPath(shown, { anchors: cas, intermediates: [] }, ports.now(), 'any').path
  return crlFault(path ?? [shown], label, ports.now(), false)
}

/** Returns the CAs that the label trusts: those of `client_ca` by themselves, those of the group if one of the former issued them. */
async function trustOf({ clientCa = '' }: LabelConfig, ports: CertificatePorts): Promise<Trust | string> {
  const anchors = await orMessage(readCertificates(clientCa))
  return typeof anchors === 'string' ? anchors : { anchors, intermediates: await chainsOf(ports) }
}

async function chainsOf({ chains, log }: CertificatePorts): Promise<readonly PlainCertificate[]> {
  const found = await orMessage(chains())
  if (typeof found !== 'string') return found.flatMap((der) => readPlainCertificate(der) ?? [])
  log(found)
  return []
}

/** Checks every certificate of a path against the CRLs of its issuer. With `isRequired` the first one needs a CRL that is valid now. */
async function crlFault(
  path: readonly PlainCertificate[],
  { clientCrl }: LabelConfig,
  now: Instant,
  isRequired: boolean,
): Promise<string | undefined> {
  if (clientCrl === undefined) return undefined
  const crls = await orMessage(readCrls(clientCrl))
  if (typeof crls === 'string') return crls
  for (const [n, certificate] of path.entries()) {
    const issuer = path[n + 1]
    const own = issuer === undefined ? [] : crls.filter((crl) => isCrlOf(crl, issuer))
    const revoked = own.map((crl) => crl.revoked.get(certificate.serial)).find((at) => at !== undefined)
    if (revoked !== undefined) return `${certificate.subject.text} was revoked at ${revoked} (${clientCrl})`
    const fault = n > 0 || !isRequired ? undefined : usabilityFault(own, now)
    if (fault !== undefined) return `no CRL in ${clientCrl} tells whether it was revoked: ${fault}`
  }
  return undefined
}

/** Returns the reason why none of these CRLs can be relied on. */
function usabilityFault(crls: readonly PlainCrl[], now: Instant): string | undefined {
  const faults = crls.map(({ unsupported, thisUpdate, nextUpdate }) => {
    if (unsupported !== undefined) return unsupported
    return thisUpdate <= now && now < nextUpdate ? undefined : `it is valid from ${thisUpdate} to ${nextUpdate}`
  })
  return faults.includes(undefined) ? undefined : (faults[0] ?? 'none is of its CA')
}

/** Returns the message of an AppError in place of the value. */
async function orMessage<T>(value: Promise<T>): Promise<T | string> {
  return value.catch((error: unknown) => {
    if (error instanceof AppError) return error.message
    throw error
  })
}

/**
 * Returns true for a certificate that is not one of a CA and may sign in a handshake. A use that no extension limits is allowed (RFC 5280
 * section 4.2.1.3).
 */
function isForClients({ isCa, keyUsages }: PlainCertificate): boolean {
  return !isCa && keyUsages?.includes('digitalSignature') !== false
}
