/** Flags and steps shared by `est enroll` and `est renew`. */

import { type EnrolledDocument, enrolledDocument, readBytes, requestIn } from '../../app/enrolment/documents.js'
import { enroll, planEnrolment } from '../../app/enrolment/enroll.js'
import type { Enrolled, EnrolmentPlan, EnrolOptions } from '../../app/enrolment/enrolment-run.js'
import { backendOf } from '../../app/failover/backends.js'
import { writeDocument } from '../../app/operations/user-files.js'
import type { Session } from '../../app/session/session.js'
import { AppError, rewrap } from '../../base/errors.js'
import { readStdin } from '../stdin.js'
import { flag, writeFlags } from './flags.js'

export const requestFlags = {
  ...writeFlags,
  csr: flag.path({ required: true, description: 'the certificate request, PEM or DER; - reads standard input' }),
  ca: flag.text({ helpValue: 'CA-ID', description: 'use only this CA of the label; no failover' }),
  explain: flag.boolean({ description: 'show every CA of the group, and why it could not serve' }),
  'allow-duplicate': flag.boolean({
    description: 'send the request even if a certificate for this key may have been issued already',
  }),
  out: flag.path({ description: 'write the certificate to a new file' }),
}

/** Reads the request from a file or standard input and returns its DER. Throws `file-unreadable`, `csr-unreadable` (usage). */
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

/** Enrols, or with `--dry-run` reports which CA would be tried. Throws as `enroll`, `planEnrolment` and `deliver`. */
export async function request(
  session: Session,
  enrolOptions: Pick<EnrolOptions, 'label' | 'csr' | 'by' | 'renews'>,
  flags: RequestFlags,
): Promise<EnrolledDocument | EnrolmentPlan> {
  const { ca } = flags
  const options: EnrolOptions = {
    ...enrolOptions,
    ...(ca === undefined ? {} : { ca }),
    duplicate: flags['allow-duplicate'],
  }
  if (flags['dry-run']) return planEnrolment(session, options, backendOf)
  return deliver(await enroll(session, options, backendOf), flags)
}

/**
 * Returns the report; with `out` writes the certificate to that file. Throws the error of writing, with the command that writes it to
 * another file as the hint.
 */
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
      message: `the certificate is issued but not written: ${cause.message}`,
      hint: `brine est cert show ${enrolled.id} --out FILE`,
      changed: 'yes',
      // running the same command again would request a second certificate
      retry: false,
    })
  }
  return document
}
