/** STORED. The facts of a CA's life: never renamed, never re-typed. */
import type { Handle } from '../base/handle.js'
import type { KeyId } from '../crypto/ports.js'
import type { IssuedCertificate } from '../issuing/children.js'
import type { PointIssue } from '../issuing/point.js'
import type { ResourceText } from '../resources/types.js'
import type { Parent, ReceivedCertificate, Repository, RoaConfig } from './state.js'

export type CaEvent =
  | { readonly type: 'ca.added' }
  | { readonly type: 'ca.removed' }
  | { readonly type: 'repository.configured'; readonly repository: Repository }
  | { readonly type: 'parent.added'; readonly parent: Handle; readonly contact: Parent }
  | { readonly type: 'child.added'; readonly child: Handle; readonly resources: ResourceText }
  | { readonly type: 'child.updated'; readonly child: Handle; readonly resources: ResourceText }
  | { readonly type: 'child.removed'; readonly child: Handle }
  | {
      readonly type: 'class.added'
      readonly class: string
      readonly parent: Handle
      readonly parentClass: string
      readonly ski: KeyId
      readonly spki: string
    }
  | { readonly type: 'class.removed'; readonly class: string; readonly skis: readonly KeyId[] }
  | {
      readonly type: 'certificate.received'
      readonly class: string
      readonly ski: KeyId
      readonly certificate: ReceivedCertificate
    }
  | { readonly type: 'roas.updated'; readonly added: readonly RoaConfig[]; readonly removed: readonly string[] }
  | PointIssued
  | { readonly type: 'numbers.raised'; readonly atLeast: number }

/** Manifest and CRL of one key, and every object that came or went with them. */
export interface PointIssued {
  readonly type: 'point.issued'
  readonly class: string
  readonly ski: KeyId
  readonly issue: PointIssue
  readonly issued: readonly IssuedCertificate[]
  readonly withdrawn: readonly { readonly child: Handle; readonly ski: KeyId }[]
  readonly aggregated: boolean
}
