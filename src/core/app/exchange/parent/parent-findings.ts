/**
 * Faults in what a parent lists and certifies that withdraw nothing. Invariant: a certificate that contradicts the list of the parent, or names
 * other places than asked for, never takes the place of one by which the CA publishes. Pure.
 */
import { quoted } from '../../../base/text.js'
import { classFor, siaOf } from '../../../ca/classes.js'
import { MOST_CLASSES, MOST_NEW_CLASSES } from '../../../ca/parent-lists.js'
import { type CaState, currentKey, type ResourceClass, repositoryOf } from '../../../ca/state/state.js'
import type { Work } from '../../../eventsourcing/work.js'
import type { ChildSia } from '../../../issuing/children.js'
import type { LastExchange } from '../../../peers/last-exchange.js'
import type { ProvisioningClass } from '../../../protocols/provisioning/types.js'
import {
  containsSet,
  formatResources,
  fromResourceText,
  intersection,
  isEmpty,
} from '../../../resources/resource-set.js'
import type { ResourceText } from '../../../resources/types.js'
import { decodeCertificate } from '../../../rpki/x509/decode-certificate.js'
import type { DecodedCertificate } from '../../../rpki/x509/types.js'
import type { AcceptedCertificate } from './accept-certificate.js'

const CODES = ['parent-classes', 'certificate-short', 'certificate-places'] as const

/** A fault of what a parent sends. The exchange itself was complete. */
export interface ParentFinding {
  readonly code: (typeof CODES)[number]
  readonly message: string
}

/** Returns true for an exchange that was complete and ended with a finding: the parent says the same until its operator acts. */
export function isFinding({ outcome, code }: Pick<LastExchange, 'outcome' | 'code'>): boolean {
  return outcome === 'failure' && CODES.some((one) => one === code)
}

/** Returns the finding for classes that are listed and have no key here, since they are too many. */
export function leftClasses(
  state: CaState,
  parent: ResourceClass['parent'],
  listed: readonly Pick<ProvisioningClass, 'className' | 'resources'>[],
): ParentFinding | undefined {
  const left = listed.filter(
    ({ className, resources }) =>
      !isEmpty(fromResourceText(resources)) && classFor(state, parent, className) === undefined,
  )
  const [first] = left
  if (first === undefined) return undefined
  const limits = `at most ${MOST_NEW_CLASSES} are added by one list, and ${MOST_CLASSES} in all`
  const message = `it lists ${listed.length} classes; ${left.length} of them, from ${quoted(first.className, 60)} on, get no key: ${limits}`
  return { code: 'parent-classes', message }
}

export interface Objection extends ParentFinding {
  /** True if the certificate is not taken over. */
  readonly isRefused: boolean
}

/**
 * Returns what is wrong with a certificate that the parent sends for a class, beside what that class says. `isAnswer`: it answers a request, so that it
 * should have all that is listed.
 */
export function objectionTo(
  state: CaState,
  own: ResourceClass,
  { className, resources: listed }: ProvisioningClass,
  { ski, der, resources }: AcceptedCertificate,
  isAnswer: boolean,
): Objection | undefined {
  const of = `the certificate of key ${ski} in class ${quoted(className, 60)}`
  const current = currentKey(own)
  const [has, says] = [fromResourceText(resources), fromResourceText(listed)]
  const short = (isRefused: boolean): Objection => {
    const rest = isRefused ? ': it is not taken over' : ''
    const message = `${of} has less than the parent lists: ${textOf(resources)}, listed ${textOf(listed)}${rest}`
    return { code: 'certificate-short', message, isRefused }
  }
  if (current !== undefined && !containsSet(has, intersection(fromResourceText(current.certificate.resources), says)))
    return short(true)
  const key = own.keys.find((one) => one.ski === ski)
  const repository = key === undefined ? null : repositoryOf(state, key)
  const { content } = decodeCertificate(der)
  const fault =
    content === undefined || repository === null ? undefined : placeFault(content.sia, siaOf(repository, own.name, ski))
  // a key that would replace the one that issues must be found by relying parties
  if (fault?.isUnusable === true && current !== undefined && current.ski !== ski)
    return { code: 'certificate-places', message: `${of} ${fault.text}: it is not taken over`, isRefused: true }
  if (isAnswer && fault !== undefined)
    return { code: 'certificate-places', message: `${of} ${fault.text}`, isRefused: false }
  return isAnswer && !containsSet(has, says) ? short(false) : undefined
}

export interface PlaceFault {
  readonly text: string
  /** True if relying parties look for the manifest where the CA does not publish it. */
  readonly isUnusable: boolean
}

/** Returns how the places in a certificate differ from those that it was requested with. */
export function placeFault(has: DecodedCertificate['sia'], wants: ChildSia): PlaceFault | undefined {
  if (has.kind !== 'ca') return { text: 'names no place of a CA', isUnusable: true }
  const differs = (name: 'caRepository' | 'manifest' | 'notify', called: string): PlaceFault | undefined => {
    if (has[name] === wants[name]) return undefined
    const text = `names ${called} ${has[name] ?? 'none'}, not ${wants[name] ?? 'none'}`
    // without RRDP relying parties use rsync
    return { text, isUnusable: has[name] !== undefined }
  }
  return (
    differs('manifest', 'the manifest') ?? differs('caRepository', 'the folder') ?? differs('notify', 'the RRDP URI')
  )
}

/** Returns how the places in the certificate of the key that issues differ from those of the CA; undefined if they are the same. */
export function currentPlaceFault(state: CaState, own: ResourceClass, object: Work['object']): PlaceFault | undefined {
  const key = currentKey(own)
  const repository = key === undefined ? null : repositoryOf(state, key)
  if (key === undefined || repository === null) return undefined
  const { content } = decodeCertificate(object(key.certificate.sha256))
  return content === undefined ? undefined : placeFault(content.sia, siaOf(repository, own.name, key.ski))
}

/** Returns the resources in one line, cut where they are many. */
function textOf(resources: ResourceText): string {
  return quoted(formatResources(fromResourceText(resources)), 200).replaceAll('"', '')
}
