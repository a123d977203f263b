/** Strict reading of what a client sends: the request, and the certificate that it renews. */
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { IssuedCertificate } from '../../est/state.js'
import { type PlainCertificate, readPlainCertificate } from '../../pki/certificate.js'
import { type CertificateRequest, readRequest } from '../../pki/csr.js'
import { isSameName } from '../../pki/name-comparison.js'
import { nameList } from '../../pki/names.js'
import { findPath } from '../../pki/path.js'
import type { OpenBackend } from '../failover/probe.js'
import type { Session } from '../session/session.js'
import { chainsOf } from './chains.js'
import { compromisedAt, readEst } from './commit.js'
import type { Label } from './labels.js'

/** Decodes a request. Throws `csr-invalid` (rejected) with every finding; that is not recorded, since the request cannot be described. */
export function requestOf(csr: Uint8Array): CertificateRequest {
  const { request, findings } = readRequest(csr)
  if (request !== undefined) return request
  const texts = findings.map(({ rule, message }) => `${rule}: ${message}`)
  throw new AppError('rejected', 'csr-invalid', `the request is refused: ${texts.join('; ')}`, {
    hint: 'create a new one: openssl req -new -newkey rsa:2048 -nodes -keyout key.pem -out request.csr',
    details: { faults: texts },
  })
}

/**
 * Returns the serial of the certificate that `request` renews, after checking that it was issued here or by a CA of this label, that it is
 * valid and not revoked, and that it has the same names (RFC 7030 section 4.2.2; RFC 5280 section 7.1). Throws `renewal-invalid`
 * (rejected).
 */
export async function certificateSerial(
  session: Session,
  label: Label,
  request: CertificateRequest,
  der: Uint8Array,
  open: OpenBackend,
): Promise<string> {
  const old = readPlainCertificate(der)
  if (old === undefined) throw refused('the certificate to renew cannot be decoded')
  const { record, at, compromised } = await readEst(session, (view) => ({
    record: view.issued(sha256Hex(old.der), old.notBefore),
    at: view.at,
    compromised: compromisedAt(view, sha256Hex(old.spki)),
  }))
  const fault =
    revocationOf(record, old) ??
    (compromised === undefined
      ? undefined
      : `the key of certificate ${old.serial} was revoked as compromised at ${compromised}`) ??
    validity(old, at) ??
    // a certificate that is recorded was verified when it was issued, and its CA may have left the group since
    (record === undefined ? await originFault(session, label, old, at, open) : undefined)
  if (fault !== undefined) throw refused(fault)
  const [before, requested] = [nameList(old.names).join(', '), nameList(request.names).join(', ')]
  const isSame = before === requested || withoutCopy(old, request).join(', ') === requested
  if (!isSameName(old.subject.der, request.subject.der) || !isSame)
    throw refused(
      `a renewal keeps the names: the certificate has ${old.subject.text} (${before}), the request has ${request.subject.text} (${requested})`,
    )
  return old.serial
}

/** Returns the names of a certificate without a commonName that its CA has copied there and that the request does not repeat. */
function withoutCopy({ names, subject }: PlainCertificate, request: CertificateRequest): readonly string[] {
  const copy = `DNS:${subject.commonName?.toLowerCase() ?? ''}`
  const isCopy = (name: string): boolean => name === copy && !nameList(request.names).includes(copy)
  return nameList(names).filter((name) => !isCopy(name))
}

function revocationOf(record: IssuedCertificate | undefined, { serial }: PlainCertificate): string | undefined {
  const at = record?.revoked?.at
  if (at === undefined && record?.refused !== undefined) return `certificate ${serial} was refused when it was issued`
  return at === undefined ? undefined : `certificate ${serial} was revoked at ${at}`
}

/** Returns the reason why a certificate is not one of the CAs of the label's group. */
async function originFault(
  session: Session,
  label: Label,
  old: PlainCertificate,
  at: Instant,
  open: OpenBackend,
): Promise<string | undefined> {
  const { chains } = await chainsOf(session, label.group.caIds, open)
  const cas = chains.flatMap(({ chain }) => readPlainCertificate(chain[0] ?? new Uint8Array()) ?? [])
  const { fault } = findPath(old, { anchors: cas, intermediates: [] }, at, 'any')
  if (fault === undefined) return undefined
  return `no CA of the label ${label.config.name} issued the certificate of ${old.subject.text}: ${fault}`
}

function validity({ serial, notBefore, notAfter }: PlainCertificate, at: string): string | undefined {
  if (at >= notAfter) return `certificate ${serial} expired at ${notAfter}: enrol instead`
  return at < notBefore ? `certificate ${serial} is not valid before ${notBefore}` : undefined
}

function refused(message: string): AppError {
  return new AppError('rejected', 'renewal-invalid', message, { hint: 'brine est cert list' })
}
