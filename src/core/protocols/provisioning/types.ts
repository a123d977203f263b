/** Messages of the provisioning protocol (RFC 6492) as values. */
import type { Instant } from '../../base/time.js'
import type { KeyId } from '../../crypto/ports.js'
import type { ResourceText } from '../../resources/types.js'

export interface ProvisioningMessage {
  readonly sender: string
  readonly recipient: string
  readonly body: ProvisioningBody
}

export type ProvisioningBody =
  | { readonly type: 'list' }
  | { readonly type: 'list_response'; readonly classes: readonly ProvisioningClass[] }
  | {
      readonly type: 'issue'
      readonly className: string
      readonly limit: RequestLimit
      /** DER of a PKCS #10 request, not verified here. */
      readonly csr: Uint8Array
    }
  /** Its class has exactly one certificate. */
  | { readonly type: 'issue_response'; readonly class: ProvisioningClass }
  | { readonly type: 'revoke' | 'revoke_response'; readonly className: string; readonly ski: KeyId }
  | {
      readonly type: 'error_response'
      readonly status: number
      readonly descriptions: readonly ErrorDescription[]
    }

export type ProvisioningType = ProvisioningBody['type']

export interface ErrorDescription {
  /** Absent where the peer left it out against RFC 6492 section 3.6; written as `en-US`, as in the samples of the RFC. */
  readonly lang?: string
  readonly text: string
}

/**
 * The resources that a child asks for (`req_resource_set_*`), in the canonical text of `toResourceText`: an absent family asks for all of
 * that family, an empty one for none of it.
 */
export type RequestLimit = Partial<ResourceText>

/** A resource class with the parent's certificate and those of the child in it. */
export interface ProvisioningClass {
  /** Opaque; the parent's name. */
  readonly className: string
  /** URIs of the issuer's certificate in the order given; at least one is rsync. */
  readonly certUris: readonly string[]
  /** Entitlement of the child. */
  readonly resources: ResourceText
  readonly notAfter: Instant
  readonly suggestedSiaHead?: string
  readonly certificates: readonly ProvisioningCertificate[]
  /** DER of the certificate of the issuing CA. */
  readonly issuer: Uint8Array
}

export interface ProvisioningCertificate {
  readonly certUris: readonly string[]
  readonly limit: RequestLimit
  readonly der: Uint8Array
}

/** Status of an `error_response` (RFC 6492 section 3.6). */
export const PROVISIONING_STATUS = {
  processing: 1101,
  version: 1102,
  type: 1103,
  scheduled: 1104,
  noClass: 1201,
  noResources: 1202,
  badRequest: 1203,
  usedKey: 1204,
  revokeNoClass: 1301,
  revokeNoKey: 1302,
  internal: 2001,
} as const
