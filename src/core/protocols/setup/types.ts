/**
 * Messages of the out-of-band setup protocol (RFC 8183) as values: the XML files that two operators exchange once, before their servers
 * speak RFC 6492 or RFC 8181.
 */
import type { Handle } from '../../base/handle.js'

/** Octets of a BPKI trust anchor: the DER of an ID certificate, not verified here. */
export type BpkiTa = Uint8Array

export interface ChildRequest {
  readonly kind: 'child_request'
  readonly childHandle: Handle
  readonly tag?: string
  readonly id: BpkiTa
}

export interface ParentResponse {
  readonly kind: 'parent_response'
  /** http or https; whether http or a private address is allowed is a policy of the user of this value. */
  readonly serviceUri: string
  /** The handle to use; it may differ from that of the request. */
  readonly childHandle: Handle
  readonly parentHandle: Handle
  readonly tag?: string
  readonly id: BpkiTa
  /** The parent offers to publish for the child. */
  readonly offer: boolean
  readonly referrals: readonly Referral[]
}

export interface PublisherRequest {
  readonly kind: 'publisher_request'
  readonly publisherHandle: Handle
  readonly tag?: string
  readonly id: BpkiTa
  readonly referrals: readonly Referral[]
}

export interface RepositoryResponse {
  readonly kind: 'repository_response'
  readonly serviceUri: string
  /** The handle to use; it may differ from that of the request. */
  readonly publisherHandle: Handle
  /** rsync URI of a directory; ends with a slash, which is added in reading. */
  readonly siaBase: string
  readonly rrdpNotificationUri?: string
  readonly tag?: string
  readonly id: BpkiTa
}

export type SetupErrorReason = 'syntax-error' | 'authentication-failure' | 'refused'

export interface SetupError {
  readonly kind: 'error'
  readonly reason: SetupErrorReason
}

export type SetupMessage = ChildRequest | ParentResponse | PublisherRequest | RepositoryResponse | SetupError

/** A parent's word that a repository may publish for this CA (RFC 8183 section 5.2.3). */
export interface Referral {
  readonly referrer: Handle
  /** Only in a `parent_response`. */
  readonly contactUri?: string
  /** DER of a CMS message that the referrer signed over an `authorization` element. */
  readonly authorization: Uint8Array
}
