/** The report of `brine why`. */
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { Answer } from './answers.js'
import type { Chain } from './chain.js'
import type { Publication, StoryStep } from './story.js'

export interface WhyReport {
  /** `P-L => ASN`. */
  readonly vrp: string
  /** Time of the answer, and the newest commit at that time. */
  readonly at: Instant
  readonly commit: number
  /** True if the object is published below an unbroken chain of certificates, as far as this directory knows. */
  readonly present: boolean
  readonly answer: Answer
  readonly ca: Handle | null
  readonly object: WhyObject | null
  /** From the CA of the ROA upwards. */
  readonly chain: Chain['links']
  readonly chainEnd: Chain['end'] | null
  /** The RRDP serial in which the object was published; null if it was not here, or its record is archived elsewhere. */
  readonly published: Publication | null
  /** Commands that changed something about it, oldest first. */
  readonly story: readonly StoryStep[]
  /** CAs that could not be read. */
  readonly failed: readonly { readonly ca: Handle; readonly message: string }[]
}

export interface WhyObject {
  readonly name: string
  readonly uri: string
  readonly sha256: Sha256
  readonly size: number
  /** Serial of its certificate, upper hex. */
  readonly serial: string
  /** Null, as is `notBefore`, if its file is archived elsewhere. */
  readonly notBefore: Instant | null
  readonly notAfter: Instant
  /** The CAs that publish the same VRP too. */
  readonly alsoBy: readonly Handle[]
}
