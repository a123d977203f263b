/** Codecs of the objects of the RPKI: encoder, strict decoder and profile of one type, behind one shape. */
import type { Json } from '../base/json.js'
import type { Instant } from '../base/time.js'
import type { Decoded, FindingList, ObjectFinding } from '../der/findings.js'
import type { ParsedCertificate } from './x509/decode-certificate.js'
import type { CertificateResources } from './x509/types.js'

/** The time in which an object is valid, and the rule that requires it. */
export interface Period {
  readonly rule: string
  readonly what: string
  readonly from: Instant
  readonly to: Instant
}

/** The content of one type of signed object (RFC 6488 section 2.1.3); the envelope is the same for all. */
export interface SignedObjectCodec<C> {
  /** Decodes the DER eContent strictly; `ee` is the EE certificate of the object, as far as it could be read. */
  decode(eContent: Uint8Array, ee: ParsedCertificate | undefined): Decoded<C>
  /** Returns every finding about the content. Used before signing and on what was decoded. */
  profile(content: C): readonly ObjectFinding[]
  /** Adds a finding for each conflict between the content and the EE certificate. */
  checkEe(content: C | undefined, ee: ParsedCertificate | undefined, findings: FindingList): void
  /** Returns the content as members of a report. */
  fields(content: C): Readonly<Record<string, Json>>
  /** Returns the validity that the content states in addition to its EE certificate. */
  period?(content: C): Period
}

/** The codec of a type of signed object that Brine issues. */
export interface IssuedObjectCodec<C> extends SignedObjectCodec<C> {
  /** Returns the DER eContent. Throws a TypeError for content that the profile refuses. */
  encode(content: C): Uint8Array
  /** Returns the resources of the EE certificate. */
  resources(content: C): CertificateResources
}
