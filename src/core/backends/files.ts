/**
 * The files that a CA's configuration names: certificates, private keys, passwords.
 * Invariants: what is missing or wrong is a config-fault that names the file; a secret that others can read is refused, and its
 * content never gets into a message.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { constants, open } from 'node:fs/promises'
import { Secret } from '../base/secret.js'
import { addSeconds, type Instant } from '../base/time.js'
import { BackendFault } from '../ha/backend.js'
import { certificatesOf, type PlainCertificate, readPlainCertificate } from '../pki/certificate.js'

const LIMIT = 1024 * 1024
/** Our clock may be behind the CA's by so many seconds. */
const BEHIND = 300

/** The certificates that stand for a CA. */
export interface CaFiles {
  readonly caCert: string
  readonly chain?: string | undefined
}

/** A fault that only the operator can mend. */
export function configFault(code: string, message: string, cause?: unknown): BackendFault {
  return new BackendFault('config-fault', code, message, cause)
}

/** The bytes of a file. `secret`: nobody but its owner may read it. Throws a BackendFault (config-fault). */
export async function readConfigured(path: string, secret = false): Promise<Buffer> {
  // a named pipe that nobody writes to must not hang a command
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw unreadable(path, cause)
  })
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw configFault('ca-file-unreadable', `${path}: this is no regular file`)
    if (secret && (stat.mode & 0o077) !== 0)
      throw configFault(
        'ca-key-exposed',
        `${path}: others can read or change it (mode ${(stat.mode & 0o777).toString(8)}): chmod 0600, and change it if others have had access`,
      )
    if (stat.size > LIMIT) throw configFault('ca-file-unreadable', `${path}: longer than ${LIMIT} bytes`)
    return await file.readFile()
  } catch (cause) {
    throw cause instanceof BackendFault ? cause : unreadable(path, cause)
  } finally {
    await file.close()
  }
}

/** What an errno of a file that the configuration names means. */
export function unreadable(path: string, cause: unknown): BackendFault {
  const errno = cause instanceof Error && 'code' in cause ? String(cause.code) : 'EIO'
  const what = errno === 'ENOENT' ? 'there is no such file' : `it cannot be read: ${errno}`
  return configFault('ca-file-unreadable', `${path}: ${what}`, cause)
}

/** The certificates of a PEM or DER file, at least one. Throws a BackendFault (config-fault). */
export async function readCertificates(path: string): Promise<readonly PlainCertificate[]> {
  const found = certificatesOf(await readConfigured(path)).map(readPlainCertificate)
  const read = found.flatMap((certificate) => certificate ?? [])
  if (read.length === 0 || read.length < found.length)
    throw configFault('ca-file-invalid', `${path}: ${read.length === 0 ? 'no' : 'a broken'} certificate in it`)
  return read
}

/** The CA's certificate, whatever its dates. Throws a BackendFault (config-fault). */
export async function readCaCertificate({ caCert }: Pick<CaFiles, 'caCert'>): Promise<PlainCertificate> {
  const [first] = await readCertificates(caCert)
  if (first?.isCa === true) return first
  throw configFault(
    'ca-file-invalid',
    `${caCert}: the certificate in it is no CA certificate (RFC 5280 section 4.2.1.9)`,
  )
}

/** The CA's certificate and those above it, DER, each once. Throws a BackendFault (config-fault). */
export async function readChain(files: CaFiles): Promise<readonly Uint8Array[]> {
  const own = await readCaCertificate(files)
  const rest = [
    ...(await readCertificates(files.caCert)),
    ...(files.chain === undefined ? [] : await readCertificates(files.chain)),
  ]
  const seen = new Map([own, ...rest].map(({ der }) => [Buffer.from(der).toString('base64'), der]))
  return [...seen.values()]
}

/** Nothing is asked of a CA whose certificate is not valid. Throws a BackendFault (ca-fault). */
export function checkCaIsValid({ notBefore, notAfter }: PlainCertificate, { caCert }: CaFiles, now: Instant): void {
  if (notAfter <= now)
    throw new BackendFault('ca-fault', 'ca-certificate-expired', `${caCert}: the CA certificate expired at ${notAfter}`)
  if (notBefore > addSeconds(now, BEHIND))
    throw new BackendFault(
      'ca-fault',
      'ca-certificate-not-yet-valid',
      `${caCert}: the CA certificate is not valid before ${notBefore}`,
    )
}

/** The private key of a PEM file (PKCS#8, or the older forms of OpenSSL). Throws a BackendFault (config-fault). */
export async function readKey(path: string): Promise<KeyObject> {
  const bytes = await readConfigured(path, true)
  try {
    return createPrivateKey(bytes)
  } catch {
    // the error of OpenSSL may quote what it read: it is not passed on
    throw configFault(
      'ca-file-invalid',
      bytes.includes('ENCRYPTED')
        ? `${path}: the key is encrypted; a key without a passphrase, in a file of mode 0600, is wanted`
        : `${path}: there is no private key in it that can be read`,
    )
  } finally {
    bytes.fill(0)
  }
}

/** The first line of a password file. Throws a BackendFault (config-fault). */
export async function readPassword(path: string): Promise<Secret> {
  const [line = ''] = (await readConfigured(path, true)).toString('utf8').split(/\r?\n/)
  if (line === '') throw configFault('ca-file-invalid', `${path}: its first line, the password, is empty`)
  return new Secret(line)
}

/** Is this the private half of the certificate's key? */
export function isKeyOf(key: KeyObject, certificate: PlainCertificate): boolean {
  return new X509Certificate(certificate.der).checkPrivateKey(key)
}
