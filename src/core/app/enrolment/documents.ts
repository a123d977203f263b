/** Requests and certificates as files of the user, and as text that is printed. */
import { AppError } from '../../base/errors.js'
import { certificatesOf } from '../../pki/certificate.js'
import { requestBytes } from '../../pki/csr.js'
import { pem } from '../../pki/pem.js'
import { readUserBytes } from '../../store/disk/user-files.js'
import type { Enrolled } from './enrolment-run.js'

/** Returns the DER of a request that is PEM (RFC 7468) or DER; `what` is the source for messages. Throws `csr-unreadable` (usage). */
export function requestIn(bytes: Uint8Array, what: string): Uint8Array {
  const der = requestBytes(bytes)
  const count =
    Buffer.from(bytes)
      .toString('latin1')
      .match(/-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----/g)?.length ?? 0
  if (count > 1)
    throw new AppError('usage', 'csr-unreadable', `${what} contains ${count} certificate requests`, {
      hint: 'give one request at a time',
    })
  if (der !== undefined) return der
  throw new AppError('usage', 'csr-unreadable', `${what} contains no certificate request in PEM or DER`, {
    hint: 'a request begins with -----BEGIN CERTIFICATE REQUEST-----',
  })
}

/** A request has a few thousand octets. */
const LARGEST_REQUEST_FILE = 2 ** 20

/** Returns the bytes of a file with a request. Throws `file-unreadable`, `file-too-large` (usage). */
export function readBytes(path: string): Uint8Array {
  return readUserBytes(path, LARGEST_REQUEST_FILE)
}

/** Returns the DER of the first certificate in a file, PEM or DER. Throws `file-unreadable`, `certificate-unreadable` (usage). */
export function readCertificateFile(path: string): Uint8Array {
  const bytes = readUserBytes(path)
  const [first] = certificatesOf(bytes)
  if (first !== undefined) return first
  throw new AppError('usage', 'certificate-unreadable', `${path} contains no certificate in PEM or DER`)
}

/** The report of `est enroll --json`. */
export interface EnrolledDocument extends Omit<Enrolled, 'certificate' | 'candidates'> {
  /** RFC 7468. */
  readonly pem: string
  /** With `--explain`: every CA of the group, and why it could not serve. */
  readonly candidates?: Enrolled['candidates']
  /** The file that `--out` named. */
  readonly out: string | null
}

/** Returns the report of an enrolment. */
export function enrolledDocument(enrolled: Enrolled, explain: boolean, out: string | undefined): EnrolledDocument {
  const { certificate, candidates, ...rest } = enrolled
  return { ...rest, pem: pem('CERTIFICATE', certificate), ...(explain ? { candidates } : {}), out: out ?? null }
}

/** Returns the certificates as concatenated PEM. */
export function certificatesPem(certificates: readonly Uint8Array[]): string {
  return certificates.map((der) => pem('CERTIFICATE', der)).join('')
}

/** Returns a CRL as PEM. */
export function crlPem(der: Uint8Array): string {
  return pem('X509 CRL', der)
}
