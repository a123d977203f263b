/** Messages of the publication protocol (RFC 8181) as values. */

/**
 * Lower-case hex SHA-256 of an object. A text of another length (the RFC's own samples have 16 digits) is read as it stands: it equals the
 * hash of no object.
 */
export type ObjectHash = string

/** Version 4 is RFC 8181; 3, that of its drafts, is read only, and named then. */
export type DraftVersion = { readonly version?: 3 }

export type PublicationQuery = DraftVersion &
  ({ readonly type: 'list' } | { readonly type: 'delta'; readonly pdus: readonly Pdu[] })

export interface PublishPdu {
  readonly kind: 'publish'
  readonly tag?: string
  readonly uri: string
  /** Hash of the object that is replaced; without it, there must be none at the URI. */
  readonly hash?: ObjectHash
  readonly bytes: Uint8Array
}

export interface WithdrawPdu {
  readonly kind: 'withdraw'
  readonly tag?: string
  readonly uri: string
  readonly hash: ObjectHash
}

export type Pdu = PublishPdu | WithdrawPdu

export type PublicationReply = DraftVersion &
  (
    | { readonly type: 'list'; readonly objects: readonly PublishedObject[] }
    | { readonly type: 'success' }
    | { readonly type: 'error'; readonly errors: readonly PublicationError[] }
  )

export interface PublishedObject {
  readonly uri: string
  readonly hash: ObjectHash
}

export interface PublicationError {
  /** `other_error` for a code that the RFC does not have; the code begins the text then. */
  readonly code: PublicationErrorCode
  /** Absent where the peer gave none, or an empty one. */
  readonly tag?: string
  readonly text?: string
  readonly failedPdu?: Pdu
}

/** Codes of RFC 8181 section 2.5. */
export const PUBLICATION_ERROR_CODES = [
  'xml_error',
  'permission_failure',
  'bad_cms_signature',
  'object_already_present',
  'no_object_present',
  'no_object_matching_hash',
  'consistency_problem',
  'other_error',
] as const

export type PublicationErrorCode = (typeof PUBLICATION_ERROR_CODES)[number]
