/** Builders of messages that break one acceptance rule. */
import { type Der, nothing, oid, raw, seq } from '../../../../src/core/der/writer.js'
import { type Craft, craft } from '../../../support/peers/crafted-message.js'
import type { CmsPatch, CrlParts } from '../../../support/rpki/objects.js'
import { attribute } from '../../../support/rpki/parts.js'

export interface BadMessage {
  readonly message: () => Uint8Array
  /** Part of the finding. */
  readonly says: string
  /** False where the defect breaks other rules too. */
  readonly isAlone?: false
}

export const bad = (says: string, changes: Craft, isAlone?: false): BadMessage => ({
  message: () => craft(changes),
  says,
  ...(isAlone === false && { isAlone }),
})
export const cms = (says: string, change: CmsPatch, isAlone?: false): BadMessage => bad(says, { cms: change }, isAlone)
export const ee = (says: string, change: NonNullable<Craft['ee']>, isAlone?: false): BadMessage =>
  bad(says, { ee: change }, isAlone)
export const crl = (says: string, change: (parts: CrlParts) => void, isAlone?: false): BadMessage =>
  bad(says, { crl: change }, isAlone)
export const bytes = (says: string, change: (message: Uint8Array) => Uint8Array): BadMessage =>
  bad(says, { bytes: change }, false)

export const CONTENT_TYPE_ATTRIBUTE = '1.2.840.113549.1.9.3'
export const MESSAGE_DIGEST = '1.2.840.113549.1.9.4'
export const SHA512 = seq(oid('2.16.840.1.101.3.4.2.3'))
export const chunks = (...parts: readonly Der[]): Der => ({ ...seq(...parts), tag: 0x24 })
export const infos =
  (count: number): CmsPatch =>
  (p) => {
    p.infos = count
  }
export const indefinite = (der: Uint8Array): Der => {
  const at = (der[1] ?? 0) < 0x80 ? 2 : 2 + ((der[1] ?? 0) & 0x7f)
  return raw(Buffer.concat([Uint8Array.of(der[0] ?? 0, 0x80), der.subarray(at), Uint8Array.of(0, 0)]))
}
export const nullAttribute = attribute('1.2.840.113549.1.9.52', nothing())

export type BadMessages = Readonly<Record<string, Readonly<Record<string, BadMessage>>>>
