/** The published ROA object of a payload at one revision, as its bytes say; where they are archived elsewhere, as the state says. */
import { AppError } from '../../base/errors.js'
import { entry } from '../../base/record.js'
import { isPublished } from '../../ca/products/products.js'
import { desiredRoas, type Thresholds } from '../../ca/products/roa-objects.js'
import {
  type CaState,
  type ClassKey,
  currentKey,
  issuerOf,
  type ReceivedCertificate,
  type ResourceClass,
} from '../../ca/state/state.js'
import type { Sha256 } from '../../crypto/ports.js'
import type { Reader } from '../../eventsourcing/store.js'
import type { PublishedObject } from '../../issuing/point.js'
import { fromResourceText } from '../../resources/resource-set.js'
import { roaAggregateFileName, roaFileName } from '../../resources/roa-payload.js'
import type { RoaPayload } from '../../resources/types.js'
import { decodeRoa } from '../../rpki/roa.js'
import { decodeSignedObject } from '../../rpki/signed-object/decode-envelope.js'

export interface PublishedRoa {
  readonly resourceClass: ResourceClass
  readonly key: ClassKey & { readonly certificate: ReceivedCertificate }
  readonly name: string
  readonly uri: string
  readonly object: PublishedObject
  /** Undefined if its file is archived elsewhere. */
  readonly bytes: Uint8Array | undefined
}

/** Returns the object of a CA that has the payload; undefined if it publishes none. */
export function publishedRoa(
  reader: Pick<Reader, 'object'>,
  state: CaState,
  text: string,
  payload: RoaPayload,
  limits: Thresholds,
): PublishedRoa | undefined {
  if (state.status !== 'active' || state.repository === null) return undefined
  for (const resourceClass of Object.values(state.classes)) {
    const key = currentKey(resourceClass)
    if (key === undefined) continue
    for (const name of [roaFileName(payload), roaAggregateFileName(payload.asn)]) {
      const object = entry(key.point.objects, name)
      if (object === undefined) continue
      const bytes = bytesOf(reader, object.sha256)
      const contains =
        bytes === undefined ? isConfigured(state, resourceClass, key, text, limits) : hasPayload(bytes, payload)
      if (!contains) continue
      return { resourceClass, key, name, uri: `${issuerOf(state, resourceClass, key).base}${name}`, object, bytes }
    }
  }
  return undefined
}

/** Returns the bytes of an object; undefined if its file is no longer here. Throws `object-damaged` (corrupt). */
export function bytesOf(reader: Pick<Reader, 'object'>, sha256: Sha256): Uint8Array | undefined {
  try {
    return reader.object(sha256)
  } catch (error) {
    if (error instanceof AppError && error.code === 'object-missing') return undefined
    throw error
  }
}

function hasPayload(bytes: Uint8Array, { asn, prefix, maxLength }: RoaPayload): boolean {
  const content = decodeRoa(decodeSignedObject(bytes).content?.eContent ?? new Uint8Array()).content
  return (
    content?.asn === asn &&
    content.addresses.some(
      (one) =>
        one.family === prefix.family &&
        one.address === prefix.address &&
        one.length === prefix.length &&
        (one.maxLength ?? one.length) === maxLength,
    )
  )
}

function isConfigured(
  state: CaState,
  { aggregated }: ResourceClass,
  { certificate, point }: PublishedRoa['key'],
  text: string,
  limits: Thresholds,
): boolean {
  const config = entry(state.roas, text)
  if (config === undefined) return false
  const desired = desiredRoas(state.roas, fromResourceText(certificate.resources), aggregated, limits)
  const roa = desired.objectOf(text, config)
  return roa !== undefined && isPublished(roa, point)
}
