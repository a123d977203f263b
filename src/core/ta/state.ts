/** State of a trust anchor: one self-signed key that holds all resources (RFC 8630, RFC 6487). STORED in snapshots: a change of shape needs a migration. */
import type { Handle } from '../base/handle.js'
import type { Table } from '../base/record.js'
import { type Check, isKeyId, isText, listOf, objectOf } from '../base/shape.js'
import type { KeyId, Sha256 } from '../crypto/ports.js'
import type { Child } from '../issuing/children.js'
import { EMPTY_POINT, type PublicationPoint, type PublishedObject, pointFiles } from '../issuing/point.js'
import type { Issuer } from '../issuing/signing.js'
import { spkiOf } from '../issuing/stored.js'

/** The one resource class of a trust anchor, and the folder of its objects. */
export const TA_CLASS = '0'

/** STORED. */
export interface TaKey {
  readonly ski: KeyId
  /** Base64 SubjectPublicKeyInfo. */
  readonly spki: string
}

export const isTaKey: Check<TaKey> = objectOf<TaKey>({ ski: isKeyId, spki: isText })

/** STORED. Where relying parties find the certificate, and where the trust anchor publishes. */
export interface TaPlace {
  /** https first, rsync last, all naming one file. */
  readonly uris: readonly string[]
  /** rsync URI with trailing slash. */
  readonly base: string
  /** RRDP notification. */
  readonly notify: string
}

export const isTaPlace: Check<TaPlace> = objectOf<TaPlace>({ uris: listOf(isText), base: isText, notify: isText })

/** STORED. */
export interface TaState {
  readonly handle: Handle
  readonly status: 'absent' | 'active'
  readonly key: TaKey | null
  readonly place: TaPlace | null
  readonly certificate: PublishedObject | null
  readonly children: Table<Child>
  readonly point: PublicationPoint
  /** Manifest numbers start at least here: raised when relying parties may have received higher numbers than this state knows. */
  readonly numberFloor: number
}

/** Returns the state before `ta.init`. */
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

/** Returns the rsync URI of the certificate (AIA of the certificates that it issues), else the first one. */
export function taCertificateUri(place: TaPlace): string {
  return place.uris.find((uri) => uri.startsWith('rsync://')) ?? place.uris[0] ?? ''
}

/** Returns the trust anchor's key as an issuer. */
export function taIssuer(key: TaKey, place: TaPlace, point: PublicationPoint): Issuer {
  return {
    ski: key.ski,
    spki: spkiOf(key.spki),
    certificateUri: taCertificateUri(place),
    base: `${place.base}${TA_CLASS}/`,
    lastUpdate: point.thisUpdate,
  }
}

/** Returns all files to publish, by name below the base, without the trust anchor's own certificate, which has its own URI. */
export function taPublishedFiles(state: TaState): readonly { name: string; sha256: Sha256; size: number }[] {
  if (state.key === null) return []
  return pointFiles(state.key.ski, state.point).map((f) => ({ ...f, name: `${TA_CLASS}/${f.name}` }))
}
