/** Flags and steps shared by `est enroll` and `est renew`. */

import { type EnrolledDocument, enrolledDocument, readBytes, requestIn } from '../../app/enrolment/documents.js'
import { enroll, planEnrolment } from '../../app/enrolment/enroll.js'
import type { Enrolled, EnrolmentPlan, EnrolOptions } from '../../app/enrolment/enrolment-run.js'
import { backendOf } from '../../app/failover/backends.js'
import { writeDocument } from '../../app/operations/user-files.js'
import type { Session } from '../../app/transaction/session.js'
import { AppError, rewrap } from '../../base/errors.js'
import { readStdin } from '../stdin.js'
import { flag, writeFlags } from './flags.js'

export const requestFlags = {
  ...writeFlags,
  csr: flag.path({ required: true, description: 'the certificate request, PEM or DER; - reads standard input' }),
  ca: flag.text({ helpValue: 'CA-ID', description: 'this CA of the label and no other; no failover' }),
  explain: flag.boolean({ description: 'show who might have served, and why not' }),
  'allow-duplicate': flag.boolean({
    description: 'ask although an earlier request with this key is open and may have been served',
  }),
  out: flag.path({ description: 'write the certificate to a new file' }),
}

/** Reads the certificate request, DER, from a file or standard input. Throws `file-unreadable`, `csr-unreadable` (usage). */
export async function readRequestFile(path: string): Promise<Uint8Array> {
  return path === '-' ? requestIn(await readStdin(), 'standard input') : requestIn(readBytes(path), path)
}

type RequestFlags = {
  readonly ca: string | undefined
  readonly explain: boolean
  readonly out: string | undefined
  readonly 'allow-duplicate': boolean
  readonly 'dry-run': boolean
}

/** Requests the certificate, or with `--dry-run` returns the CAs that would be used. Throws as `enroll`, `planEnrolment` and `deliver`. */
export async function request(
  session: Session,
  order: Pick<EnrolOptions, 'label' | 'csr' | 'by' | 'renews'>,
  flags: RequestFlags,
): Promise<EnrolledDocument | EnrolmentPlan> {
  const { ca } = flags
  const whole: EnrolOptions = {
    ...order,
    ...(ca === undefined ? {} : { ca }),
    duplicate: flags['allow-duplicate'],
  }
  if (flags['dry-run']) return planEnrolment(session, whole, backendOf)
  return deliver(await enroll(session, whole, backendOf), flags)
}

/** Writes the certificate to `out` if given and returns the report. If the file cannot be written, throws with the command that writes it elsewhere. */
export function deliver(
  enrolled: Enrolled,
  { explain, out }: { readonly explain: boolean; readonly out: string | undefined },
): EnrolledDocument {
  const document = enrolledDocument(enrolled, explain, out)
  if (out === undefined) return document
  try {
    writeDocument(out, document.pem)
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause
    throw rewrap(cause, {
      message: `the certificate is issued, and ${cause.message}`,
      hint: `brine est cert show ${enrolled.id} --out FILE`,
      changed: 'yes',
      // the same command again would ask for a second certificate
      retry: false,
    })
  }
  return document
}
