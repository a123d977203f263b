/** Keys, names and small DER values from which tests build RPKI objects. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { Instant } from '../../../src/core/base/time.js'
import {
  bits,
  boolean,
  type Der,
  encode,
  explicit,
  ia5,
  implicit,
  nothing,
  octets,
  octetsOf,
  oid,
  printable,
  seq,
  seqOf,
  set,
} from '../../../src/core/der/writer.js'
import { fixedPkcs8 } from './fixed-keys.js'

export interface TestKey {
  readonly key: KeyObject
  readonly spki: Uint8Array
  readonly ski: Uint8Array
  readonly name: string
}

export function testKey(key: KeyObject): TestKey {
  const spki = new Uint8Array(createPublicKey(key).export({ type: 'spki', format: 'der' }))
  const ski = skiOf(spki)
  return { key, spki, ski, name: Buffer.from(ski).toString('hex').toUpperCase() }
}

function fixed(index: number): TestKey {
  return testKey(createPrivateKey({ key: Buffer.from(fixedPkcs8(index)), format: 'der', type: 'pkcs8' }))
}

export const TA = fixed(0)
export const CA = fixed(1)
export const EE = fixed(2)
export const OTHER = fixed(3)

/** Returns the SHA-1 of the subjectPublicKey bits: the last BIT STRING of the SubjectPublicKeyInfo, which follows the algorithm. */
export function skiOf(spki: Uint8Array): Uint8Array {
  const outer = (spki[1] ?? 0) < 0x80 ? 2 : 2 + ((spki[1] ?? 0) & 0x7f)
  const at = outer + 2 + (spki[outer + 1] ?? 0)
  const first = spki[at + 1] ?? 0
  const body = first < 0x80 ? at + 2 : at + 2 + (first & 0x7f)
  return createHash('sha1')
    .update(spki.subarray(body + 1))
    .digest()
}

export const HOST = 'rpki.example.test'
export const TA_URI = `rsync://${HOST}/ta/ta.cer`
export const TA_REPO = `rsync://${HOST}/repo/ta/`
export const CA_REPO = `rsync://${HOST}/repo/ca/`
export const CA_URI = `${TA_REPO}${CA.name}.cer`
export const NOW = '2026-06-01T12:00:00Z' as Instant
export const at = (text: string): Instant => text as Instant
export const FROM = at('2026-06-01T00:00:00Z')
export const TO = at('2026-06-02T00:00:00Z')

export const ID = {
  bc: '2.5.29.19',
  ski: '2.5.29.14',
  aki: '2.5.29.35',
  ku: '2.5.29.15',
  eku: '2.5.29.37',
  crldp: '2.5.29.31',
  aia: '1.3.6.1.5.5.7.1.1',
  sia: '1.3.6.1.5.5.7.1.11',
  cp: '2.5.29.32',
  ip: '1.3.6.1.5.5.7.1.7',
  as: '1.3.6.1.5.5.7.1.8',
} as const
export type Ext = keyof typeof ID

export const RSA_SHA256 = seq(oid('1.2.840.113549.1.1.11'), nothing())
export const RSA = seq(oid('1.2.840.113549.1.1.1'), nothing())
export const SHA256 = seq(oid('2.16.840.1.101.3.4.2.1'))

export const ext = (id: string, critical: boolean, value: Der): Der =>
  critical ? seq(oid(id), boolean(true), octetsOf(value)) : seq(oid(id), octetsOf(value))
export const name = (cn: string): Der => seq(set(seq(oid('2.5.4.3'), printable(cn))))
export const uri = (text: string): Der => implicit(6, ia5(text))
export const access = (method: number | string, text: string): Der =>
  seq(oid(typeof method === 'number' ? `1.3.6.1.5.5.7.48.${method}` : method), uri(text))
export const aki = (id: Uint8Array): Der => ext(ID.aki, false, seq(implicit(0, octets(id))))
export const crldp = (...texts: readonly string[]): Der =>
  ext(ID.crldp, false, seq(seq(explicit(0, implicit(0, seq(...texts.map(uri)))))))
export const aia = (text: string): Der => ext(ID.aia, false, seq(access(2, text)))
export const sia = (...list: readonly Der[]): Der => ext(ID.sia, false, seq(...list))
export const policy = (...qualifiers: readonly Der[]): Der =>
  ext(ID.cp, true, seq(seq(oid('1.3.6.1.5.5.7.14.2'), ...(qualifiers.length > 0 ? [seq(...qualifiers)] : []))))
/** Returns the BIT STRING of a prefix from its octets and unused bits. */
export const prefix = (bytes: readonly number[], unused = 0): Der => bits(Uint8Array.from(bytes), unused)
export const v4 = (...list: readonly Der[]): Der => seq(octets(Uint8Array.of(0, 1)), seqOf(list))
export const v6 = (...list: readonly Der[]): Der => seq(octets(Uint8Array.of(0, 2)), seqOf(list))
export const ip = (...families: readonly Der[]): Der => ext(ID.ip, true, seqOf(families))
export const as = (...list: readonly Der[]): Der => ext(ID.as, true, seq(explicit(0, seqOf(list))))
export const INHERIT_IP = ip(seq(octets(Uint8Array.of(0, 1)), nothing()), seq(octets(Uint8Array.of(0, 2)), nothing()))
export const INHERIT_AS = ext(ID.as, true, seq(explicit(0, nothing())))
export const attribute = (type: string, ...values: readonly Der[]): Uint8Array => encode(seq(oid(type), set(...values)))
export const sorted = (list: readonly Uint8Array[]): Uint8Array[] => [...list].sort(Buffer.compare)
export const sha256 = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest()
