/**
 * HTTPS key and certificate in `ssl/`: shows and renews them, requests a certificate from a CA and installs it.
 * Invariants: only a certificate for the key in `ssl/` is installed; a private key is never shown.
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
import { refuseStandby } from '../session/role.js'
import type { Session } from '../session/session.js'

export interface TlsReport {
  readonly certFile: string
  readonly keyFile: string
  /** Subject as in RFC 4514; null if there is no readable certificate. */
  readonly subject: string | null
  readonly issuer: string | null
  readonly names: readonly string[]
  readonly notBefore: Instant | null
  readonly notAfter: Instant | null
  readonly selfSigned: boolean
  readonly keyMatches: boolean
  /** SHA-256 of the certificate, hex. */
  readonly fingerprint: string | null
  /** Problems that the operator should fix; empty if there are none. */
  readonly problems: readonly string[]
}

export interface TlsChange extends TlsReport {
  readonly changed: boolean
  readonly dryRun: boolean
}

/** Days before notAfter from which on the expiry is reported. */
const EXPIRING_DAYS = 30
const DNS = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

/** Returns the current key and certificate. Does not throw if they are unreadable or do not match: `problems` lists that. */
export async function showTls(session: Session): Promise<TlsReport> {
  const paths = tlsPaths(session.store.dir)
  const problems: string[] = []
  const orNote = async <T>(read: Promise<T>): Promise<T | undefined> =>
    read.catch((error: unknown) => {
      if (!(error instanceof AppError)) throw error
      problems.push(error.message)
      return undefined
    })
  const [cert] = (await orNote(readCertificates(paths.cert))) ?? []
  const key = await orNote(readKey(paths.key))
  const keyMatches = cert !== undefined && key !== undefined && isForKey(cert, key)
  if (cert !== undefined && key !== undefined && !keyMatches)
    problems.push(`${paths.cert} is not for the key in ${paths.key}`)
  if (isTlsRenewalUnfinished(paths))
    problems.push('a renewal was interrupted; the next brine tick or brine tls renew completes it')
  if (cert !== undefined) problems.push(...validityProblems(cert, session.now(), paths.cert))
  return { certFile: paths.cert, keyFile: paths.key, ...certificateFacts(cert), keyMatches, problems }
}

/**
 * Makes a new key and a self-signed certificate for `names`, or for the names in the current certificate. Throws `tls-names`, `tls-linked`,
 * `standby`, `locked`, `io`.
 */
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

/** Writes a certificate request for the current key. Throws `tls-names`, `credentials`, `file-exists` (usage). */
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

/**
 * Installs a certificate that a CA issued, with its intermediate certificates. Throws `tls-certificate` (rejected), `tls-linked`, `credentials`,
 * `standby`, `locked`, `io`.
 */
export async function installTls(
  session: Session,
  { file, dryRun }: { readonly file: string; readonly dryRun: boolean },
): Promise<TlsChange> {
  const paths = tlsPaths(session.store.dir)
  const chain = await readCertificates(file)
  const key = await readKey(paths.key)
  const problem = findChainError(chain, key, session.now())
  if (problem !== undefined)
    throw new AppError('rejected', 'tls-certificate', `${file}: ${problem}`, {
      hint: 'the file needs the certificate for the key in ssl/ first, then the intermediate ones (to request it: brine tls renew --csr F)',
      details: { file },
    })
  refuseStandby(session)
  if (dryRun) return { ...(await showTls(session)), ...certificateFacts(chain[0]), changed: false, dryRun }
  const { pem } = await import('../../pki/pem.js')
  const text = chain.map(({ der }) => pem('CERTIFICATE', der)).join('')
  await session.store.write(async () => replaceTlsCertificate(paths, text))
  return changedReport(session)
}

async function changedReport(session: Session): Promise<TlsChange> {
  const { watch } = session.options
  if (watch !== undefined) watch.changed = 'yes'
  return { ...(await showTls(session)), changed: true, dryRun: false }
}

/** Returns the given names, or else those in the current certificate. Throws `tls-names` (usage). */
async function namesFor(session: Session, given: readonly string[]): Promise<readonly string[]> {
  const invalid = given.find((name) => !DNS.test(name))
  if (invalid !== undefined) throw new AppError('usage', 'tls-names', `not a DNS name: ${quoted(invalid)}`)
  if (given.length > 0) return [...new Set(given)]
  const [cert] = await readCertificates(tlsPaths(session.store.dir).cert).catch(() => [])
  const own = cert?.names.dns ?? []
  const others = cert === undefined ? 0 : nameTexts(cert).length - own.length
  if (own.length > 0 && others === 0 && own.every((name) => DNS.test(name))) return own
  throw new AppError('usage', 'tls-names', 'the current certificate does not determine the DNS names of a new one', {
    hint: 'give them: brine tls renew --name HOST',
  })
}

function certificateFacts(
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

function validityProblems({ notBefore, notAfter }: PlainCertificate, now: Instant, file: string): readonly string[] {
  if (notAfter <= now) return [`${file}: the certificate expired at ${notAfter}`]
  if (notBefore > now) return [`${file}: the certificate is not valid before ${notBefore}`]
  const days = Math.floor(secondsBetween(now, notAfter) / 86400)
  return days < EXPIRING_DAYS ? [`${file}: the certificate expires at ${notAfter}, in ${days} days`] : []
}

/** Returns why these certificates cannot be installed with the key; undefined if they can. */
function findChainError(
  [own, ...above]: readonly PlainCertificate[],
  key: KeyObject,
  now: Instant,
): string | undefined {
  if (own === undefined) return 'it contains no certificate'
  if (!isForKey(own, key)) return 'the first certificate is not for the key in ssl/'
  if (own.isCa && above.length > 0) return 'the first certificate is a CA certificate'
  if (own.notAfter <= now) return `the certificate expired at ${own.notAfter}`
  if (own.notBefore > addSeconds(now, 300)) return `the certificate is not valid before ${own.notBefore}`
  const chain = [own, ...above]
  const unlinked = above.findIndex((ca, n) => !(ca.isCa && chain[n] !== undefined && isSignedBy(chain[n], ca)))
  return unlinked < 0 ? undefined : `certificate ${unlinked + 2} in it did not sign the one before it`
}

function isForKey(cert: PlainCertificate, key: KeyObject): boolean {
  return createPublicKey(key).export({ type: 'spki', format: 'der' }).equals(cert.spki)
}
