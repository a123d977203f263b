/** Certification requests of BGPsec routers, made with node:crypto on our DER writer: a good one, and with any part changed. */
import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import {
  bits,
  boolean,
  type Der,
  encode,
  implicit,
  integer,
  oid,
  raw,
  seq,
  seqOf,
  set,
} from '../../../src/core/der/writer.js'
import { extension, numberedName } from '../../../src/core/rpki/x509/encode-parts.js'

export interface RequestParts {
  version: number
  subject: Der
  spki: Uint8Array
  /** Extensions that are requested; without any there is no attribute. */
  extensions: readonly Der[]
  attributes: readonly Der[]
  algorithm: string
  signer: KeyObject
}

export const ecKey = (namedCurve = 'P-256'): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey
export const spkiOfKey = (key: KeyObject): Uint8Array =>
  new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }))

export const attribute = (id: string, value: Der): Der => seq(oid(id), set(value))
export const ROUTER_USAGE = extension('2.5.29.37', false, seq(oid('1.3.6.1.5.5.7.3.30')))
export const CA_REQUESTED = extension('2.5.29.19', true, seq(boolean(true)))

/** Returns the DER of a request of `key`, with `patch` applied before it is signed. */
export function routerRequest(key: KeyObject = ecKey(), patch: (parts: RequestParts) => void = () => {}): Uint8Array {
  const parts: RequestParts = {
    version: 0,
    subject: numberedName('ROUTER-0000FBF0', 'C0000201'),
    spki: spkiOfKey(key),
    extensions: [ROUTER_USAGE],
    attributes: [],
    algorithm: '1.2.840.10045.4.3.2',
    signer: key,
  }
  patch(parts)
  const asked = parts.extensions.length === 0 ? [] : [attribute('1.2.840.113549.1.9.14', seqOf(parts.extensions))]
  const attributes = implicit(0, set(...asked, ...parts.attributes))
  const info = encode(seq(integer(parts.version), parts.subject, raw(parts.spki), attributes))
  const signature = new Uint8Array(sign('sha256', info, parts.signer))
  return encode(seq(raw(info), seq(oid(parts.algorithm)), bits(signature)))
}
