/** Single changes to a certificate under construction, each one defect. */
import { generateKeyPairSync } from 'node:crypto'
import { boolean, type Der, octets, oid, seq, set } from '../../src/core/rpki/der-writer.js'
import type { CertPatch } from './rpki-objects.js'
import { type Ext, ext, ID, OTHER, testKey } from './rpki-parts.js'

/** `ok`: no fault validators would reject for; else the start of the rule of one fault. */
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
/** The same extension with the other criticality. */
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
export const key =
  (spki: Uint8Array): CertPatch =>
  (p) => {
    const made = testKeyOf(spki)
    p.spki = spki
    p.extensions.ski = ext(ID.ski, false, octets(made))
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

/** SHA-1 over a SubjectPublicKeyInfo's bits, by way of a throw-away key object. */
export function testKeyOf(spki: Uint8Array): Uint8Array {
  return SKIS.get(spki) ?? new Uint8Array(20)
}
export const SKIS = new Map<Uint8Array, Uint8Array>()
export function made(kind: 'rsa1024' | 'exp3' | 'ec'): Uint8Array {
  const { privateKey } =
    kind === 'ec'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', {
          modulusLength: kind === 'exp3' ? 2048 : 1024,
          publicExponent: kind === 'exp3' ? 3 : 65537,
        })
  const { spki, ski } = testKey(privateKey)
  SKIS.set(spki, ski)
  return spki
}
export const RSA_1024 = made('rsa1024')
export const RSA_EXP3 = made('exp3')
export const P256 = made('ec')

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

/** `field<Parts>()('member', value)` is the change that sets one member. */
export const field =
  <P>() =>
  <K extends keyof P>(member: K, value: P[K]) =>
  (parts: P): void => {
    parts[member] = value
  }
