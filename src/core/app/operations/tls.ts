/**
 * The HTTPS pair in `ssl/`: what it is, a new one, a request for a CA, and the CA's certificate in its place.
 * Invariants: nothing replaces a certificate but one for the key beside it; a private key is never shown.
 */
import { createHash, createPublicKey, type KeyObject } from 'node:crypto'
import { readCertificates, readKey } from '../../backends/files.js'
import { AppError } from '../../base/errors.js'
import { quoted } from '../../base/text.js'
import { addSeconds, type Instant, secondsBetween } from '../../base/time.js'
import { isSignedBy, type PlainCertificate } from '../../pki/certificate.js'
import {
  isTlsRenewalUnfinished,
  replaceTlsCertificate,
  replaceTlsKeyAndCertificate,
  tlsPaths,
} from '../../store/disk/tls-files.js'
import { writeUserFile } from '../../store/disk/user-files.js'
import { refuseStandby } from '../transaction/role.js'
import type { Session } from '../transaction/session.js'

export interface TlsReport {
  readonly certFile: string
  readonly keyFile: string
  /** RFC 4514; null where there is no certificate that can be read. */
  readonly subject: string | null
  readonly issuer: string | null
  readonly names: readonly string[]
  readonly notBefore: Instant | null
  readonly notAfter: Instant | null
  readonly selfSigned: boolean
  readonly keyMatches: boolean
  /** SHA-256 of the certificate, hex. */
  readonly fingerprint: string | null
  /** What the operator should mend; empty when all is well. */
  readonly problems: readonly string[]
}

export interface TlsChange extends TlsReport {
  readonly changed: boolean
  readonly dryRun: boolean
}

/** Days before notAfter from which on it is said. */
const EXPIRING_DAYS = 30
const DNS = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

/** The pair as it lies there. Never throws for what is wrong with it: `problems` says so. */
export async function showTls(session: Session): Promise<TlsReport> {
  const places = tlsPaths(session.store.dir)
  const problems: string[] = []
  const noted = async <T>(read: Promise<T>): Promise<T | undefined> =>
    read.catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error
      problems.push(error.message)
      return undefined
    })
  const [cert] = (await noted(readCertificates(places.cert))) ?? []
  const key = await noted(readKey(places.key))
  const keyMatches = cert !== undefined && key !== undefined && isFor(cert, key)
  if (cert !== undefined && key !== undefined && !keyMatches)
    problems.push(`${places.cert} is not for the key in ${places.key}`)
  if (isTlsRenewalUnfinished(places))
    problems.push(`a renewal was cut short: brine tls renew, or the next tick, finishes it`)
  if (cert !== undefined) problems.push(...timeProblems(cert, session.now(), places.cert))
  return { certFile: places.cert, keyFile: places.key, ...factsOf(cert), keyMatches, problems }
}

/** A new key and a self-signed certificate, for `names` or those of the present one. Throws `tls-names`, `tls-linked`, `standby`, `locked`, `io`. */
export async function renewTls(
  session: Session,
  { names, dryRun }: { readonly names: readonly string[]; readonly dryRun: boolean },
): Promise<TlsChange> {
  const hosts = await namesFor(session, names)
  refuseStandby(session)
  if (dryRun) return { ...(await showTls(session)), names: hosts, changed: false, dryRun }
  const [{ selfSignedTls, TLS_SECONDS }, { systemRandom }] = await Promise.all([
    import('../../pki/self-signed.js'),
    import('../../crypto/random.js'),
  ])
  const now = session.now()
  const pair = await selfSignedTls(hosts, now, addSeconds(now, TLS_SECONDS), systemRandom)
  await session.store.write(async () => replaceTlsKeyAndCertificate(tlsPaths(session.store.dir), pair))
  return changedReport(session)
}

/** Writes a request for a certificate of the key that is there. Throws `tls-names`, `credentials`, `file-exists` (usage). */
export async function requestTls(
  session: Session,
  { names, out, dryRun }: { readonly names: readonly string[]; readonly out: string; readonly dryRun: boolean },
): Promise<TlsChange> {
  const hosts = await namesFor(session, names)
  const key = await readKey(tlsPaths(session.store.dir).key)
  const [{ signRequest }, { pem }] = await Promise.all([
    import('../../pki/sign-request.js'),
    import('../../pki/pem.js'),
  ])
  if (!dryRun) writeUserFile(out, pem('CERTIFICATE REQUEST', signRequest(key, hosts)))
  return { ...(await showTls(session)), names: hosts, changed: false, dryRun }
}

/** Puts the certificate of a CA, and those between it and its root, in the place of the present one. Throws `tls-certificate` (rejected), `tls-linked`, `credentials`, `standby`, `locked`, `io`. */
export async function installTls(
  session: Session,
  { file, dryRun }: { readonly file: string; readonly dryRun: boolean },
): Promise<TlsChange> {
  const places = tlsPaths(session.store.dir)
  const chain = await readCertificates(file)
  const key = await readKey(places.key)
  const fault = chainFault(chain, key, session.now())
  if (fault !== undefined)
    throw new AppError('rejected', 'tls-certificate', `${file}: ${fault}`, {
      hint: 'the certificate for the key in ssl/ first, then those between it and the root (brine tls renew --csr F makes the request)',
      details: { file },
    })
  refuseStandby(session)
  if (dryRun) return { ...(await showTls(session)), ...factsOf(chain[0]), changed: false, dryRun }
  const { pem } = await import('../../pki/pem.js')
  const text = chain.map(({ der }) => pem('CERTIFICATE', der)).join('')
  await session.store.write(async () => replaceTlsCertificate(places, text))
  return changedReport(session)
}

async function changedReport(session: Session): Promise<TlsChange> {
  const { watch } = session.options
  if (watch !== undefined) watch.changed = 'yes'
  return { ...(await showTls(session)), changed: true, dryRun: false }
}

/** The names that were given, else those of the present certificate. */
async function namesFor(session: Session, given: readonly string[]): Promise<readonly string[]> {
  const wrong = given.find((name) => !DNS.test(name))
  if (wrong !== undefined) throw new AppError('usage', 'tls-names', `no DNS name: ${quoted(wrong)}`)
  if (given.length > 0) return [...new Set(given)]
  const [cert] = await readCertificates(tlsPaths(session.store.dir).cert).catch(() => [])
  const own = cert?.names.dns ?? []
  const others = cert === undefined ? 0 : nameTexts(cert).length - own.length
  if (own.length > 0 && others === 0 && own.every((name) => DNS.test(name))) return own
  throw new AppError(
    'usage',
    'tls-names',
    'the present certificate does not say for which DNS names a new one is due',
    {
      hint: 'say them: brine tls renew --name HOST',
    },
  )
}

function factsOf(
  cert: PlainCertificate | undefined,
): Omit<TlsReport, 'certFile' | 'keyFile' | 'keyMatches' | 'problems'> {
  return {
    subject: cert?.subject.text ?? null,
    issuer: cert?.issuer.text ?? null,
    names: cert === undefined ? [] : nameTexts(cert),
    notBefore: cert?.notBefore ?? null,
    notAfter: cert?.notAfter ?? null,
    selfSigned: cert !== undefined && isSignedBy(cert, cert),
    fingerprint: cert === undefined ? null : createHash('sha256').update(cert.der).digest('hex'),
  }
}

function nameTexts({ names }: PlainCertificate): readonly string[] {
  return [...names.dns, ...names.ip, ...names.email, ...names.uri, ...names.other.map((tag) => `other:${tag}`)]
}

function timeProblems({ notBefore, notAfter }: PlainCertificate, now: Instant, file: string): readonly string[] {
  if (notAfter <= now) return [`${file}: the certificate expired at ${notAfter}`]
  if (notBefore > now) return [`${file}: the certificate is not valid before ${notBefore}`]
  const days = Math.floor(secondsBetween(now, notAfter) / 86400)
  return days < EXPIRING_DAYS ? [`${file}: the certificate expires at ${notAfter}, in ${days} days`] : []
}

/** Why these certificates may not stand beside the key; undefined when they may. */
function chainFault([own, ...above]: readonly PlainCertificate[], key: KeyObject, now: Instant): string | undefined {
  if (own === undefined) return 'no certificate in it'
  if (!isFor(own, key)) return 'the first certificate is not for the key in ssl/'
  if (own.isCa && above.length > 0) return 'the first certificate is one of a CA'
  if (own.notAfter <= now) return `the certificate expired at ${own.notAfter}`
  if (own.notBefore > addSeconds(now, 300)) return `the certificate is not valid before ${own.notBefore}`
  const chain = [own, ...above]
  const loose = above.findIndex((ca, n) => !(ca.isCa && chain[n] !== undefined && isSignedBy(chain[n], ca)))
  return loose < 0 ? undefined : `certificate ${loose + 2} of it did not sign the one before it`
}

function isFor(cert: PlainCertificate, key: KeyObject): boolean {
  return createPublicKey(key).export({ type: 'spki', format: 'der' }).equals(cert.spki)
}
