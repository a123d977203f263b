/** Checks of keys and of the certificates that a state holds: each key can be read and is the one that was certified, and none has run out. */
import { fromBase64, toBase64 } from '../../base/bytes.js'
import { AppError } from '../../base/errors.js'
import { addSeconds, type Instant } from '../../base/time.js'
import type { KeyId } from '../../crypto/ports.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { Work } from '../../eventsourcing/work.js'
import { idsOf, type WithIds } from '../../identity/id-keys.js'
import { readPlainCertificate } from '../../pki/certificate.js'
import { caState, pubdState, taState } from '../session/context.js'
import type { Session } from '../session/session.js'
import { type DoctorCheck, fault, faultOf, ok, warning } from './check.js'

/** A key that a state uses. */
interface UsedKey {
  readonly owner: string
  readonly ski: KeyId
  /** Base64 SubjectPublicKeyInfo that the state has recorded. */
  readonly spki: string
  readonly use: string
  /** End of its certificate; null before it has one. */
  readonly notAfter: Instant | null
  /** Base64 DER of its certificate, if the state has it. */
  readonly certificate?: string
}

const DAY = 86_400
/** Seconds before its end in which a certificate should have been renewed. */
const LATE = 7 * DAY

/** Checks every key of every aggregate that can be read; the others are in the findings of `status`. */
export async function keyChecks(session: Session): Promise<readonly DoctorCheck[]> {
  const { used, broken } = await session.store.read(async (reader) => {
    const work = new Work(reader)
    const keys: UsedKey[] = []
    let failed = 0
    for (const id of reader.roster())
      try {
        keys.push(...keysOf(work, id))
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        failed += 1
      }
    return { used: keys, broken: failed }
  })
  const keys = used.flatMap((key) => keyProblem(session, key))
  const certificates = used.flatMap((key) => certificateProblem(key, session.now()))
  const unread = broken === 0 ? '' : `; ${broken} aggregates cannot be read`
  return [
    ...(keys.length > 0
      ? keys
      : [ok('keys', `${used.length} in use, each readable and the one that is certified${unread}`)]),
    ...(certificates.length > 0
      ? certificates
      : [ok('certificates', 'of CAs, trust anchor and ID keys: none has run out')]),
  ]
}

function keysOf(work: Work, { kind, handle }: AggregateId): readonly UsedKey[] {
  const owner = formatAggregateId({ kind, handle })
  if (kind === 'ca') {
    const state = caState(work, handle)
    if (state.status !== 'active') return []
    const own = Object.values(state.classes).flatMap(({ name, keys }) =>
      keys.map(({ ski, spki, state: use, certificate }) => {
        return { owner, ski, spki, use: `${use} key of class ${name}`, notAfter: certificate?.notAfter ?? null }
      }),
    )
    return [...own, ...idKeys(owner, state)]
  }
  if (kind === 'pubd') return idKeys(owner, pubdState(work))
  const { key, certificate } = kind === 'ta' ? taState(work, handle) : { key: null, certificate: null }
  return key === null ? [] : [{ owner, ...key, use: 'key', notAfter: certificate?.notAfter ?? null }]
}

function idKeys(owner: string, state: WithIds): readonly UsedKey[] {
  return idsOf(state).map(({ ski, spki, certificate, notAfter }) => ({
    ...{ owner, ski, spki, certificate, notAfter, use: 'ID key' },
  }))
}

/** Returns the problem with the private key; a missing one of a primary is a finding of `status`. */
function keyProblem({ store }: Session, key: UsedKey): readonly DoctorCheck[] {
  const { owner, ski, use, spki, certificate } = key
  const name = `${owner}: ${use} ${ski}`
  try {
    const found = store.keys.publicKeyOf(ski)
    if (found === undefined) {
      const isPrimary = store.role().role === 'primary'
      const next = 'copy keys/ from the primary, or restore a backup: a promote would lack it'
      return isPrimary ? [] : [warning('keys', 'key-absent', `${name} is missing`, next)]
    }
    const certified =
      certificate === undefined ? undefined : readPlainCertificate(fromBase64(certificate) ?? new Uint8Array())
    const isOther = toBase64(found.spki) !== spki || (certified !== undefined && toBase64(certified.spki) !== spki)
    return isOther
      ? [
          fault(
            'keys',
            'key-mismatch',
            `${name}: the private key is not the one that is certified`,
            'brine recover --from BACKUP, or roll the key',
          ),
        ]
      : []
  } catch (error) {
    return [faultOf('keys', error)]
  }
}

function certificateProblem({ owner, use, notAfter }: UsedKey, now: Instant): readonly DoctorCheck[] {
  if (notAfter === null || notAfter > addSeconds(now, LATE)) return []
  const next = use === 'ID key' ? 'brine ca id renew' : 'brine tick, and see brine status for the parent'
  return notAfter <= now
    ? [
        fault(
          'certificates',
          'certificate-expired',
          `${owner}: the certificate of the ${use} ended at ${notAfter}`,
          next,
        ),
      ]
    : [
        warning(
          'certificates',
          'certificate-late',
          `${owner}: the certificate of the ${use} ends at ${notAfter} and was not renewed`,
          next,
        ),
      ]
}
