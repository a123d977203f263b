/** Requests and certificates as files that the user names, and as text that is printed. */
import { AppError } from '../../base/errors.js'
import { certificatesOf } from '../../pki/certificate.js'
import { requestBytes } from '../../pki/csr.js'
import { pem } from '../../pki/pem.js'
import { readUserBytes } from '../../store/disk/user-files.js'
import type { Enrolled } from './enrolment-run.js'

/** DER of a request that is PEM (RFC 7468) or DER; `what` names where it came from. Throws `csr-unreadable` (usage). */
export function requestIn(bytes: Uint8Array, what: string): Uint8Array {
  const der = requestBytes(bytes)
  if (der !== undefined) return der
  throw new AppError('usage', 'csr-unreadable', `${what} holds no certificate request, neither PEM nor DER`, {
    hint: 'a request begins with -----BEGIN CERTIFICATE REQUEST-----',
  })
}

/** The bytes of a file. Throws `file-unreadable` (usage). */
export function readBytes(path: string): Uint8Array {
  return readUserBytes(path)
}

/** DER of the first certificate in a file, PEM or DER. Throws `file-unreadable`, `certificate-unreadable` (usage). */
export function readCertificateFile(path: string): Uint8Array {
  const bytes = readUserBytes(path)
  const [first] = certificatesOf(bytes)
  if (first !== undefined) return first
  throw new AppError('usage', 'certificate-unreadable', `${path} holds no certificate, neither PEM nor DER`)
}

/** What `est enroll --json` prints. */
export interface EnrolledDocument extends Omit<Enrolled, 'certificate' | 'candidates'> {
  /** RFC 7468. */
  readonly pem: string
  /** With `--explain`: everybody who might have served, and why not. */
  readonly candidates?: Enrolled['candidates']
  /** The file that `--out` named. */
  readonly out: string | null
}

/** The report of an enrolment. */
export function enrolledDocument(enrolled: Enrolled, explain: boolean, out: string | undefined): EnrolledDocument {
  const { certificate, candidates, ...rest } = enrolled
  return { ...rest, pem: pem('CERTIFICATE', certificate), ...(explain ? { candidates } : {}), out: out ?? null }
}

/** Certificates one after the other as PEM. */
export function certificatesPem(certificates: readonly Uint8Array[]): string {
  return certificates.map((der) => pem('CERTIFICATE', der)).join('')
}

/** A list of revoked certificates as PEM. */
export function crlPem(der: Uint8Array): string {
  return pem('X509 CRL', der)
}
