/** Strict reading of what a client sends: the request, and the certificate that it renews. */
import { AppError } from '../../base/errors.js'
import { sha256Hex } from '../../crypto/digest.js'
import { isSignedBy, type PlainCertificate, readPlainCertificate } from '../../pki/certificate.js'
import { type CertificateRequest, readRequest } from '../../pki/csr.js'
import { nameList } from '../../pki/names.js'
import type { OpenBackend } from '../failover/probe.js'
import type { Session } from '../transaction/session.js'
import { chainsOf } from './ca-certificates.js'
import { type Entry, readEst } from './commit.js'
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
 * Returns the serial of the certificate that `request` renews, after checking that a CA of this label issued it, that it is valid and not
 * revoked, and that it has the same names (RFC 7030 section 4.2.2). Throws `renewal-invalid` (rejected).
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
  const { chains } = await chainsOf(session, label.group.caIds, open)
  const cas = chains.flatMap(({ chain }) => readPlainCertificate(chain[0] ?? new Uint8Array()) ?? [])
  if (!cas.some((ca) => isSignedBy(old, ca)))
    throw refused(`no CA of the label ${label.config.name} issued the certificate of ${old.subject.text}`)
  const revoked = await readEst(
    session,
    ({ certificates, at }) => revocationOf(certificates(), old) ?? validity(old, at),
  )
  if (revoked !== undefined) throw refused(revoked)
  const [before, requested] = [nameList(old.names).join(', '), nameList(request.names).join(', ')]
  if (!Buffer.from(old.subject.der).equals(request.subject.der) || before !== requested)
    throw refused(
      `a renewal keeps the names: the certificate has ${old.subject.text} (${before}), the request has ${request.subject.text} (${requested})`,
    )
  return old.serial
}

function revocationOf(certificates: Iterable<Entry>, { serial, der }: PlainCertificate): string | undefined {
  const sha256 = sha256Hex(der)
  for (const { certificate } of certificates)
    if (certificate.sha256 === sha256)
      return certificate.revoked === null ? undefined : `certificate ${serial} was revoked at ${certificate.revoked.at}`
  return undefined
}

function validity({ serial, notBefore, notAfter }: PlainCertificate, at: string): string | undefined {
  if (at >= notAfter) return `certificate ${serial} expired at ${notAfter}: enrol instead`
  return at < notBefore ? `certificate ${serial} is not valid before ${notBefore}` : undefined
}

function refused(message: string): AppError {
  return new AppError('rejected', 'renewal-invalid', message, { hint: 'brine est cert list' })
}
