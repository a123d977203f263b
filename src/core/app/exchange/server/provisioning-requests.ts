/**
 * The requests of one child (RFC 6492 sections 3.3 to 3.5) on the state of its parent: what is listed, certified and revoked.
 * Invariant: the same request again gives the same certificate and changes nothing, since the answer to the first may have been lost.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { entry } from '../../../base/record.js'
import { type Instant, later, secondsBetween } from '../../../base/time.js'
import { entitlementsOf } from '../../../ca/children.js'
import { PLACES, repositoryAt } from '../../../ca/state/places.js'
import { type CaState, currentKey } from '../../../ca/state/state.js'
import type { KeyId } from '../../../crypto/ports.js'
import type { Work } from '../../../eventsourcing/work.js'
import { type Entitlement, type IssuedCertificate, limited } from '../../../issuing/children.js'
import { endOfValidity } from '../../../issuing/due.js'
import { knownCertificates } from '../../../issuing/suspension.js'
import {
  PROVISIONING_STATUS,
  type ProvisioningBody,
  type ProvisioningCertificate,
  type ProvisioningClass,
} from '../../../protocols/provisioning/types.js'
import { equalSets, fromResourceText, isEmpty } from '../../../resources/resource-set.js'
import type { CaRequest } from '../../../rpki/certification-request.js'
import { fileName } from '../../../rpki/object-kinds.js'
import { caState, runCa, type TransactionContext } from '../../session/context.js'

type Issue = Extract<ProvisioningBody, { readonly type: 'issue' }>

/** A request that the parent refuses, with the status of RFC 6492 section 3.6. */
export class Refusal extends Error {
  readonly status: number

  /** `cause` is what failed here, for the operator. */
  constructor(status: number, message: string, cause?: unknown) {
    super(message, { cause })
    this.name = 'Refusal'
    this.status = status
  }
}

interface Reader {
  readonly work: Work
  readonly ports: Pick<TransactionContext['ports'], 'clock' | 'timing'>
}

/** Returns the classes that the child is entitled to, each with its certificates. */
export function listClasses(tx: Reader, ca: Handle, child: Handle): readonly ProvisioningClass[] {
  const state = caState(tx.work, ca)
  return entitlementsOf(state, child).map((offer) => classOf(tx, state, offer, offer.issued))
}

function classOf(
  { work, ports }: Reader,
  state: CaState,
  { className, resources, issuerUri, issued }: Entitlement,
  shown: readonly IssuedCertificate[],
): ProvisioningClass {
  const own = entry(state.classes, className)
  const key = own === undefined ? undefined : currentKey(own)
  if (key === undefined) throw new AppError('corrupt', 'class-key', `class ${className} of ${state.handle} has no key`)
  return {
    ...{ className, resources, certUris: [key.certificate.uri], issuer: work.object(key.certificate.sha256) },
    notAfter: endOf(issued, ports),
    certificates: shown.map(
      ({ ski, sha256, limit = {} }): ProvisioningCertificate => ({
        certUris: [`${issuerUri}${fileName('cer', ski)}`],
        ...{ limit, der: work.object(sha256) },
      }),
    ),
  }
}

/** Returns the end of what is issued while it need not be renewed, so that a child does not ask again at every list; else that of a new certificate. */
function endOf(issued: readonly IssuedCertificate[], ports: Reader['ports']): Instant {
  const now = ports.clock.now()
  const [first, ...rest] = issued.map(({ notAfter }) => notAfter)
  const last = first === undefined ? undefined : rest.reduce(later, first)
  const isYoung = last !== undefined && secondsBetween(now, last) > ports.timing.childReissueSeconds
  return isYoung ? last : endOfValidity('cer', ports)
}

/** Certifies a key of the child and returns the class with that certificate. Throws a Refusal. */
export async function issueTo(
  tx: TransactionContext,
  ca: Handle,
  child: Handle,
  { className, limit }: Issue,
  { ski, spki, sia }: CaRequest,
  signedAt: Instant,
): Promise<ProvisioningClass> {
  const state = caState(tx.work, ca)
  const offer = offered(state, child, className)
  refuseForeignKey(state, child, className, ski)
  refusePlace(state, child, sia.caRepository)
  const { kind: _, ...places } = sia
  const request = {
    ...{ child, ski, spki: Buffer.from(spki).toString('base64'), sia: places },
    ...(Object.keys(limit).length === 0 ? {} : { limit }),
  }
  const resources = limited(fromResourceText(offer.resources), request.limit)
  if (isEmpty(resources))
    throw new Refusal(PROVISIONING_STATUS.noResources, `nothing that is asked for is held in class ${className}`)
  const known = offer.issued.find((c) => c.ski === ski)
  const isSame =
    known !== undefined &&
    JSON.stringify(known.sia) === JSON.stringify(places) &&
    JSON.stringify(known.limit ?? {}) === JSON.stringify(limit) &&
    equalSets(fromResourceText(known.resources), resources) &&
    secondsBetween(tx.ports.clock.now(), known.notAfter) > tx.ports.timing.childReissueSeconds
  if (!isSame) {
    await runCa(tx, ca, { type: 'child.certify', className, request })
    await runCa(tx, ca, { type: 'child.hear', child, signedAt })
  }
  const after = caState(tx.work, ca)
  const shown = offered(after, child, className)
  return classOf(
    tx,
    after,
    shown,
    shown.issued.filter((c) => c.ski === ski),
  )
}

/** Revokes every certificate of a key of the child in a class. Throws a Refusal. */
export async function revokeFrom(
  tx: TransactionContext,
  ca: Handle,
  child: Handle,
  { className, ski }: { readonly className: string; readonly ski: KeyId },
  signedAt: Instant,
): Promise<void> {
  const state = caState(tx.work, ca)
  if (entry(state.classes, className) === undefined)
    throw new Refusal(PROVISIONING_STATUS.revokeNoClass, `there is no class ${className}`)
  if (entry(entry(state.children, child)?.issued ?? {}, ski) === undefined)
    throw new Refusal(PROVISIONING_STATUS.revokeNoKey, `no certificate of the key ${ski} is current`)
  await runCa(tx, ca, { type: 'child.revoke', child, ski })
  await runCa(tx, ca, { type: 'child.hear', child, signedAt })
}

function offered(state: CaState, child: Handle, className: string): Entitlement {
  const offer = entitlementsOf(state, child).find((e) => e.className === className)
  if (offer !== undefined) return offer
  const isClass = entry(state.classes, className) !== undefined
  throw isClass
    ? new Refusal(PROVISIONING_STATUS.noResources, `nothing is held in class ${className}`)
    : new Refusal(PROVISIONING_STATUS.noClass, `there is no class ${className}`)
}

/** Refuses a key that is certified in another class or for another child, and a key of the parent itself. */
function refuseForeignKey(state: CaState, child: Handle, className: string, ski: KeyId): void {
  const used = (where: string): Refusal => new Refusal(PROVISIONING_STATUS.usedKey, `the key ${ski} is used ${where}`)
  for (const { keys } of Object.values(state.classes))
    if (keys.some((key) => key.ski === ski)) throw used('by the parent')
  for (const [name, other] of Object.entries(state.children))
    if (name !== child && entry(knownCertificates(other), ski) !== undefined) throw used('by another child')
  for (const offer of entitlementsOf(state, child))
    if (offer.className !== className && offer.issued.some((c) => c.ski === ski))
      throw used(`in class ${offer.className}`)
}

/** Refuses a place inside that of the parent's own objects, inside or around that of another child, and one that is written with escapes. */
function refusePlace(state: CaState, child: Handle, caRepository: string): void {
  if (caRepository.includes('%'))
    throw new Refusal(PROVISIONING_STATUS.badRequest, `the place ${caRepository} is written with percent escapes`)
  const place = comparable(caRepository)
  const taken = Object.entries(state.children)
    .filter(([name]) => name !== child)
    .flatMap(([, other]) => Object.values(knownCertificates(other)).map((c) => comparable(c.sia.caRepository)))
  const own = PLACES.flatMap((of) => repositoryAt(state, of)?.base ?? []).map(comparable)
  const isTaken =
    own.some((base) => place.startsWith(base)) || taken.some((base) => place.startsWith(base) || base.startsWith(place))
  if (isTaken) throw new Refusal(PROVISIONING_STATUS.badRequest, `the place ${caRepository} belongs to another CA`)
}

/** Returns an rsync URI with its host in lower case and without the port that it has anyway (RFC 5781). */
function comparable(uri: string): string {
  return uri.replace(/^rsync:\/\/[^/]+/, (host) => host.toLowerCase().replace(/:873$/, ''))
}
