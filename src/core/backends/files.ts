/**
 * Files in the configuration of a CA: certificates, private keys, passwords.
 * Invariants: a missing or invalid file is a `config-fault` that names it; a secret that other users can read is refused, and its
 * content is never in a message.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { constants, open } from 'node:fs/promises'
import { Secret } from '../base/secret.js'
import { secretLineOf } from '../base/secret-line.js'
import { addSeconds, type Instant } from '../base/time.js'
import { BackendFault } from '../ha/backend.js'
import { certificatesOf, type PlainCertificate, readPlainCertificate } from '../pki/certificate.js'
import { crlsOf, type PlainCrl, readCrl } from '../pki/read-crl.js'

const LIMIT = 1024 * 1024
/** CRLs grow with the number of revoked certificates. */
const CRL_LIMIT = 32 * LIMIT
/** Seconds by which our clock may be behind that of the CA. */
const CLOCK_SKEW = 300

/** Certificate files of a CA. */
export interface CaFiles {
  readonly caCert: string
  readonly chain?: string | undefined
  /** Written into the certificates that are issued here. */
  readonly crlUrl?: string | undefined
  readonly issuerUrl?: string | undefined
}

/** Returns a fault that only the operator can fix. */
export function configFault(code: string, message: string, cause?: unknown): BackendFault {
  return new BackendFault('config-fault', code, message, cause)
}

/** Returns such a fault of which another attempt could lock the token or the account. */
export function lockingFault(code: string, message: string): BackendFault {
  return new BackendFault('config-fault', code, message, undefined, { needsOperator: true })
}

/** Reads a file; with `secret` only its owner may have access. Throws a BackendFault (`config-fault`). */
export async function readConfigured(path: string, secret = false, limit = LIMIT): Promise<Buffer> {
  // a named pipe without a writer must not block a command
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw unreadable(path, cause)
  })
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw configFault('ca-file-unreadable', `${path}: not a regular file`)
    if (secret && (stat.mode & 0o077) !== 0)
      throw configFault(
        'ca-key-exposed',
        `${path}: other users can read or write it (mode ${(stat.mode & 0o777).toString(8)}): chmod 0600, and replace its content if others have had access`,
      )
    if (stat.size > limit) throw configFault('ca-file-unreadable', `${path}: larger than ${limit} bytes`)
    return await file.readFile()
  } catch (cause) {
    throw cause instanceof BackendFault ? cause : unreadable(path, cause)
  } finally {
    await file.close()
  }
}

/** Returns the fault of a file that cannot be read. */
export function unreadable(path: string, cause: unknown): BackendFault {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'EIO'
  const what = errno === 'ENOENT' ? 'no such file' : `cannot be read: ${errno}`
  return configFault('ca-file-unreadable', `${path}: ${what}`, cause)
}

/** Reads the certificates of a PEM or DER file, at least one. Throws a BackendFault (`config-fault`). */
export async function readCertificates(path: string): Promise<readonly PlainCertificate[]> {
  const found = certificatesOf(await readConfigured(path)).map(readPlainCertificate)
  const read = found.flatMap((certificate) => certificate ?? [])
  if (read.length === 0 || read.length < found.length)
    throw configFault(
      'ca-file-invalid',
      `${path}: contains ${read.length === 0 ? 'no certificate' : 'an invalid certificate'}`,
    )
  return read
}

/** Reads the CRLs of a PEM or DER file, at least one. Throws a BackendFault (`config-fault`). */
export async function readCrls(path: string): Promise<readonly PlainCrl[]> {
  const found = crlsOf(await readConfigured(path, false, CRL_LIMIT)).map(readCrl)
  const read = found.flatMap((crl) => crl ?? [])
  if (read.length > 0 && read.length === found.length) return read
  throw configFault('ca-file-invalid', `${path}: contains ${read.length === 0 ? 'no CRL' : 'an invalid CRL'}`)
}

/** Reads the certificate of the CA without a check of its validity. Throws a BackendFault (`config-fault`). */
export async function readCaCertificate({ caCert }: Pick<CaFiles, 'caCert'>): Promise<PlainCertificate> {
  const [first] = await readCertificates(caCert)
  if (first?.isCa === true) return first
  throw configFault('ca-file-invalid', `${caCert}: not a CA certificate (RFC 5280 section 4.2.1.9)`)
}

/** Returns the DER of the CA certificate and of those above it, each once. Throws a BackendFault (`config-fault`). */
export async function readChain(files: CaFiles): Promise<readonly Uint8Array[]> {
  const own = await readCaCertificate(files)
  const rest = [
    ...(await readCertificates(files.caCert)),
    ...(files.chain === undefined ? [] : await readCertificates(files.chain)),
  ]
  const seen = new Map([own, ...rest].map(({ der }) => [Buffer.from(der).toString('base64'), der]))
  return [...seen.values()]
}

/** Throws a BackendFault (`ca-fault`) if the CA certificate is not valid now: such a CA gets no requests. */
export function checkCaIsValid({ notBefore, notAfter }: PlainCertificate, { caCert }: CaFiles, now: Instant): void {
  if (notAfter <= now)
    throw new BackendFault('ca-fault', 'ca-certificate-expired', `${caCert}: the CA certificate expired at ${notAfter}`)
  if (notBefore > addSeconds(now, CLOCK_SKEW))
    throw new BackendFault(
      'ca-fault',
      'ca-certificate-not-yet-valid',
      `${caCert}: the CA certificate is not valid before ${notBefore}`,
    )
}

/** Reads a private key from a PEM file (PKCS#8, or the older forms of OpenSSL). Throws a BackendFault (`config-fault`). */
export async function readKey(path: string): Promise<KeyObject> {
  const bytes = await readConfigured(path, true)
  try {
    return createPrivateKey(bytes)
  } catch {
    // the error of OpenSSL may quote the file, so it is not passed on
    throw configFault(
      'ca-file-invalid',
      bytes.includes('ENCRYPTED')
        ? `${path}: the key is encrypted; use a key without a passphrase in a file of mode 0600`
        : `${path}: contains no readable private key`,
    )
  } finally {
    bytes.fill(0)
  }
}

/** Reads the only line of a password file. Throws a BackendFault (`config-fault`). */
export async function readPassword(path: string): Promise<Secret> {
  const read = secretLineOf(await readConfigured(path, true))
  if ('line' in read) return new Secret(new TextDecoder().decode(read.line))
  if (read.isEmpty) throw configFault('ca-file-invalid', `${path}: the first line, which is the password, is empty`)
  throw configFault('ca-file-invalid', `${path}: not a password file of one line: it ${read.fault}`)
}

/** Returns true if this is the private half of the key of the certificate. */
export function isKeyOf(key: KeyObject, certificate: PlainCertificate): boolean {
  return new X509Certificate(certificate.der).checkPrivateKey(key)
}
