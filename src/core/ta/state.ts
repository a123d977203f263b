/** A trust anchor as its events made it: one self-signed key that holds everything (RFC 8630, RFC 6487). STORED in snapshots. */
import type { Handle } from '../base/handle.js'
import type { Table } from '../base/record.js'
import { entry } from '../base/record.js'
import type { KeyId, Sha256 } from '../crypto/ports.js'
import { type Child, type Entitlement, entitled, type IssuedCertificate } from '../issuing/children.js'
import {
  EMPTY_POINT,
  type PointIssue,
  type PublicationPoint,
  type PublishedObject,
  pointFiles,
} from '../issuing/point.js'
import type { Issuer } from '../issuing/signing.js'
import { spkiOf } from '../issuing/stored.js'
import { ALL_RESOURCES, isEmpty, toResourceText } from '../resources/resource-set.js'
import type { ResourceText } from '../resources/types.js'

/** The one resource class of a trust anchor, and its folder. */
export const TA_CLASS = '0'

/** STORED. */
export interface TaKey {
  readonly ski: KeyId
  readonly spki: string
}

/** STORED. Where relying parties find the certificate, and where the anchor publishes. */
export interface TaPlace {
  /** https first, rsync last, all naming one file. */
  readonly uris: readonly string[]
  readonly base: string
  readonly notify: string
}

/** STORED. */
export interface TaState {
  readonly handle: Handle
  readonly status: 'absent' | 'active'
  readonly key: TaKey | null
  readonly place: TaPlace | null
  readonly certificate: PublishedObject | null
  readonly children: Table<Child>
  readonly point: PublicationPoint
  readonly numberFloor: number
}

/** STORED. */
export type TaEvent =
  | { readonly type: 'ta.initialised'; readonly key: TaKey; readonly place: TaPlace }
  | { readonly type: 'ta.certificate.issued'; readonly certificate: PublishedObject }
  | { readonly type: 'child.added'; readonly child: Handle; readonly resources: ResourceText }
  | { readonly type: 'child.updated'; readonly child: Handle; readonly resources: ResourceText }
  | { readonly type: 'child.removed'; readonly child: Handle }
  | {
      readonly type: 'point.issued'
      readonly issue: PointIssue
      readonly issued: readonly IssuedCertificate[]
      readonly withdrawn: readonly { readonly child: Handle; readonly ski: KeyId }[]
    }
  | { readonly type: 'numbers.raised'; readonly atLeast: number }

export function initialTa(handle: Handle): TaState {
  return {
    handle,
    status: 'absent',
    key: null,
    place: null,
    certificate: null,
    children: {},
    point: EMPTY_POINT,
    numberFloor: 0,
  }
}

/** The rsync URI of the certificate (AIA of what it issues), else the first one. */
export function taCertificateUri(place: TaPlace): string {
  return place.uris.find((uri) => uri.startsWith('rsync://')) ?? place.uris[0] ?? ''
}

export function taIssuer(key: TaKey, place: TaPlace, point: PublicationPoint): Issuer {
  return {
    ski: key.ski,
    spki: spkiOf(key.spki),
    certificateUri: taCertificateUri(place),
    base: `${place.base}${TA_CLASS}/`,
    lastUpdate: point.thisUpdate,
  }
}

/** What a child may ask of the anchor. */
export function taEntitlementsOf(state: TaState, childName: Handle): readonly Entitlement[] {
  const child = entry(state.children, childName)
  if (child === undefined || state.key === null || state.place === null) return []
  const resources = entitled(child, ALL_RESOURCES)
  if (isEmpty(resources)) return []
  const issued = Object.values(child.issued).filter(
    (c) => entry(state.point.objects, `${c.ski}.cer`)?.sha256 === c.sha256,
  )
  return [
    {
      className: TA_CLASS,
      resources: toResourceText(resources),
      issuerUri: taIssuer(state.key, state.place, state.point).base,
      issued,
    },
  ]
}

/** Everything that the anchor wants published, by name below its base; its certificate lies elsewhere. */
export function taPublishedFiles(state: TaState): readonly { name: string; sha256: Sha256; size: number }[] {
  if (state.key === null) return []
  return pointFiles(state.key.ski, state.point).map((f) => ({ ...f, name: `${TA_CLASS}/${f.name}` }))
}
