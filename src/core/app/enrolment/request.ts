/** What comes from a client, read strictly: the request, and the certificate that it renews. */
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

/** The request. Throws `csr-invalid` (rejected) with every fault; it reaches no history, since nobody could say what it asks for. */
export function requestOf(csr: Uint8Array): CertificateRequest {
  const { request, faults } = readRequest(csr)
  if (request !== undefined) return request
  const told = faults.map(({ rule, message }) => `${rule}: ${message}`)
  throw new AppError('rejected', 'csr-invalid', `the request is refused: ${told.join('; ')}`, {
    hint: 'make it anew: openssl req -new -newkey rsa:2048 -nodes -keyout key.pem -out request.csr',
    details: { faults: told },
  })
}

/**
 * Serial of the certificate that `request` renews: one of this label's CAs issued it, it is valid, not revoked, and says the same names
 * (RFC 7030 section 4.2.2). Throws `renewal-invalid` (rejected).
 */
export async function certificateSerial(
  session: Session,
  label: Label,
  request: CertificateRequest,
  der: Uint8Array,
  open: OpenBackend,
): Promise<string> {
  const old = readPlainCertificate(der)
  if (old === undefined) throw refused('what is to be renewed is no certificate')
  const { chains } = await chainsOf(session, label.group.caIds, open)
  const cas = chains.flatMap(({ chain }) => readPlainCertificate(chain[0] ?? new Uint8Array()) ?? [])
  if (!cas.some((ca) => isSignedBy(old, ca)))
    throw refused(`no CA of the label ${label.config.name} issued the certificate of ${old.subject.text}`)
  const revoked = await readEst(
    session,
    ({ certificates, at }) => revocationOf(certificates(), old) ?? validity(old, at),
  )
  if (revoked !== undefined) throw refused(revoked)
  const [before, asked] = [nameList(old.names).join(', '), nameList(request.names).join(', ')]
  if (!Buffer.from(old.subject.der).equals(request.subject.der) || before !== asked)
    throw refused(
      `a renewal keeps the names: the certificate has ${old.subject.text} (${before}), asked for is ${request.subject.text} (${asked})`,
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
  if (at >= notAfter) return `certificate ${serial} expired at ${notAfter}: enrol anew`
  return at < notBefore ? `certificate ${serial} is not valid before ${notBefore}` : undefined
}

function refused(message: string): AppError {
  return new AppError('rejected', 'renewal-invalid', message, { hint: 'brine est cert list' })
}
