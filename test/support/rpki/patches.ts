/** Single changes to a certificate under construction, each one defect. */
import { generateKeyPairSync } from 'node:crypto'
import {
  bits,
  boolean,
  type Der,
  encode,
  integer,
  nothing,
  octets,
  oid,
  seq,
  set,
} from '../../../src/core/der/writer.js'
import type { CertPatch } from './objects.js'
import { type Ext, ext, ID, OTHER, skiOf, type TestKey, testKey } from './parts.js'

/** `ok`: no finding for which validators reject; otherwise the start of the rule of one finding. */
export type Expectation = string
export type CertDefect = readonly [CertPatch, Expectation]
export type CertDefects = Readonly<Record<string, CertDefect>>

export const drop =
  (id: Ext): CertPatch =>
  (p) => {
    delete p.extensions[id]
  }
export const put =
  (id: Ext, value: Der): CertPatch =>
  (p) => {
    p.extensions[id] = value
  }
/** Inverts the criticality of an extension. */
export const flip =
  (id: Ext): CertPatch =>
  (p) => {
    const old = p.extensions[id]
    const parts = old === undefined || !Array.isArray(old.content) ? [] : (old.content as Der[])
    const value = parts.at(-1)
    if (parts[0] === undefined || value === undefined) throw new Error(`no extension ${id}`)
    p.extensions[id] = parts.length === 3 ? seq(parts[0], value) : seq(parts[0], boolean(true), value)
  }
export const also =
  (extra: Der): CertPatch =>
  (p) => {
    p.extra.push(extra)
  }
/** Sets another subject key, with its identifier. */
export const key =
  ({ spki, ski }: Pick<TestKey, 'spki' | 'ski'>): CertPatch =>
  (p) => {
    p.spki = spki
    p.extensions.ski = ext(ID.ski, false, octets(ski))
  }
export const serial =
  (value: Der): CertPatch =>
  (p) => {
    p.serial = value
  }
export const time =
  (from: Der | undefined, to: Der | undefined): CertPatch =>
  (p) => {
    if (from !== undefined) p.notBefore = from
    if (to !== undefined) p.notAfter = to
  }

export const RSA_1024 = testKey(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey)
export const RSA_EXP3 = testKey(generateKeyPairSync('rsa', { modulusLength: 2048, publicExponent: 3 }).privateKey)
export const P256 = testKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)
export const P384 = testKey(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey)
/** A modulus of 4096 bits without known factors: it cannot sign, and as a subject key it does not have to. */
const spki4096 = encode(
  seq(seq(oid('1.2.840.113549.1.1.1'), nothing()), bits(encode(seq(integer((1n << 4095n) + 12345n), integer(65537))))),
)
export const RSA_4096 = { spki: spki4096, ski: skiOf(spki4096) }

export const gt = (text: string): Der => ({ tag: 0x18, content: text, size: text.length })
export const utc = (text: string): Der => ({ tag: 0x17, content: text, size: text.length })
export const octetsRaw = (...bytes: number[]): Der => ({
  tag: 0x02,
  content: Uint8Array.from(bytes),
  size: bytes.length,
})
export const cn = (tag: number, text: string): Der =>
  seq(set(seq(oid('2.5.4.3'), { tag, content: text, size: text.length })))
export const org = seq(
  set(seq(oid('2.5.4.3'), { tag: 0x13, content: 'x', size: 1 })),
  set(seq(oid('2.5.4.10'), { tag: 0x13, content: 'Org', size: 3 })),
)
export const badSignature: CertPatch = (p) => {
  p.signer = OTHER
}

/** Returns a change that sets one member: `field<Parts>()('member', value)`. */
export const field =
  <P>() =>
  <K extends keyof P>(member: K, value: P[K]) =>
  (parts: P): void => {
    parts[member] = value
  }
