/** The published CRLs of the CAs whose key signs here: what `status` says of them, and their renewal by `tick`. */
import { AppError } from '../../base/errors.js'
import { entry } from '../../base/record.js'
import { addSeconds, formatDuration, type Instant, secondsBetween } from '../../base/time.js'
import type { CaConfig } from '../../config/enrolment/schema.js'
import type { SignedCrl } from '../../est/state.js'
import { crlsOf, type PlainCrl, readCrl } from '../../pki/read-crl.js'
import { isUserFile, readUserBytes, replaceServedFile } from '../../store/disk/user-files.js'
import { backendOf } from '../failover/backends.js'
import type { Session } from '../session/session.js'
import { type EstRevision, readEst } from './commit.js'
import { signCrl } from './crl.js'
import { crlPem } from './documents.js'

/** State of the CRL of a CA: of the file in crl_path, or else of the one that was signed last. */
export interface CrlStatus {
  readonly ca: string
  /** crl_path; null if it is not set. */
  readonly path: string | null
  /** null: there is no CRL in crl_path. */
  readonly nextUpdate: Instant | null
  readonly level: 'ok' | 'warning' | 'critical'
  readonly message: string
}

/** Seconds of life of the first CRL. */
const WEEK = 7 * 86_400
/** Seconds that a CRL may begin after the present: clocks differ. */
const CLOCK_SKEW = 300
/** Shares of its life that are left when `status` warns and when it is critical; `tick` renews at a third. */
const [RENEWED, WARNED, CRITICAL] = [1 / 3, 1 / 4, 1 / 10]

type Times = Pick<PlainCrl, 'thisUpdate' | 'nextUpdate'>

/** Returns the CRLs of the configured CAs that are known. */
export function crlStatus(session: Session): Promise<readonly CrlStatus[]> {
  return readEst(session, ({ state, at }) =>
    session.enrolment.cas.flatMap((ca) => statusOf(ca, entry(state().signedCrls ?? {}, ca.id), at)),
  )
}

function statusOf(config: CaConfig, signed: SignedCrl | undefined, now: Instant): readonly CrlStatus[] {
  const { id: ca } = config
  const path = pathOf(config)
  if (path === undefined) {
    if (signed === undefined) return []
    const { at: thisUpdate, nextUpdate } = signed
    return [{ ca, path: null, nextUpdate, ...judged(ca, { thisUpdate, nextUpdate }, now) }]
  }
  try {
    const crl = readCrlFile(path)
    if (crl !== undefined) return [{ ca, path, nextUpdate: crl.nextUpdate, ...judged(ca, crl, now) }]
    return [{ ca, path, nextUpdate: null, level: 'warning', message: `CRL of ${ca}: there is none yet in ${path}` }]
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return [{ ca, path, nextUpdate: null, level: 'critical', message: `CRL of ${ca}: ${error.message}` }]
  }
}

function judged(ca: string, { thisUpdate, nextUpdate }: Times, now: Instant): Pick<CrlStatus, 'level' | 'message'> {
  if (isEarly(thisUpdate, now))
    return { level: 'critical', message: `CRL of ${ca}: valid from ${thisUpdate}, after the present` }
  const left = secondsBetween(now, nextUpdate)
  if (left <= 0) return { level: 'critical', message: `CRL of ${ca} ended at ${nextUpdate}` }
  const share = left / secondsBetween(thisUpdate, nextUpdate)
  const message = `CRL of ${ca} ends at ${nextUpdate}, in ${formatDuration(left)}`
  return { level: share < CRITICAL ? 'critical' : share < WARNED ? 'warning' : 'ok', message }
}

function isEarly(thisUpdate: Instant, now: Instant): boolean {
  return thisUpdate > addSeconds(now, CLOCK_SKEW)
}

function pathOf(ca: CaConfig): string | undefined {
  return 'crlPath' in ca ? ca.crlPath : undefined
}

/** Returns the CRL in a file; undefined if the file does not exist. Throws `est-crl-foreign` (rejected) for another file, `file-unreadable`. */
function readCrlFile(path: string): PlainCrl | undefined {
  if (!isUserFile(path)) return undefined
  const bytes = readUserBytes(path)
  const [der] = crlsOf(bytes)
  const crl = der === undefined ? undefined : readCrl(der)
  // a file of another purpose is not replaced; an empty one was made in advance
  if (crl !== undefined || bytes.length === 0) return crl
  throw new AppError('rejected', 'est-crl-foreign', `${path} is not a CRL, so it is not replaced`, {
    hint: 'correct crl_path, or remove the file',
    details: { path },
  })
}

export interface CrlRenewal {
  readonly renewed: readonly { readonly ca: string; readonly path: string; readonly number: number }[]
  readonly failed: readonly { readonly ca: string; readonly code: string; readonly message: string }[]
}

/** Signs and writes each CRL of a crl_path that is due. The failure of one CA does not stop the others. */
export async function renewCrls(session: Session): Promise<CrlRenewal> {
  const renewed: CrlRenewal['renewed'][number][] = []
  const failed: CrlRenewal['failed'][number][] = []
  for (const config of session.enrolment.cas) {
    const path = pathOf(config)
    if (path === undefined) continue
    const { id: ca } = config
    try {
      const number = await renewIfDue(session, ca, path)
      if (number !== undefined) renewed.push({ ca, path, number })
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      // the next tick tries again
      if (error.kind !== 'locked') failed.push({ ca, code: error.code, message: error.message })
    }
  }
  return { renewed, failed }
}

/** Returns the number of the new CRL; undefined if the old one is good for longer. */
async function renewIfDue(session: Session, ca: string, path: string): Promise<number | undefined> {
  const crl = readCrlFile(path)
  if (crl !== undefined && !(await readEst(session, (revision) => isDue(ca, crl, revision)))) return undefined
  const life = crl === undefined ? WEEK : secondsBetween(crl.thisUpdate, crl.nextUpdate)
  const signed = await signCrl(session, ca, life, backendOf)
  if (signed.crl === null) return undefined
  replaceServedFile(path, path.endsWith('.pem') ? new TextEncoder().encode(crlPem(signed.crl)) : signed.crl)
  return signed.number
}

function isDue(ca: string, { thisUpdate, nextUpdate, revoked }: PlainCrl, { at, certificates }: EstRevision): boolean {
  if (isEarly(thisUpdate, at)) return true
  if (secondsBetween(at, nextUpdate) < RENEWED * secondsBetween(thisUpdate, nextUpdate)) return true
  for (const { certificate: one } of certificates())
    if (one.ca === ca && one.revoked !== null && !revoked.has(one.serial.replace(/^0+(?=.)/, ''))) return true
  return false
}
