/** Requests that no honest program makes: each reads well at a glance, and would put into a certificate what nobody checked. */
import { generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import {
  bits,
  boolean,
  type Der,
  encode,
  implicit,
  integer,
  octetsOf,
  oid,
  raw,
  seq,
  set,
} from '../../../src/core/der/writer.js'
import { readRequest } from '../../../src/core/pki/csr.js'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

const text = (value: string, tag = 0x0c): Der =>
  raw(Buffer.concat([Uint8Array.of(tag, Buffer.byteLength(value)), Buffer.from(value)]))
const CN = oid('2.5.4.3')
const SUBJECT = seq(set(seq(CN, text('device-1'))))
const EXTENSIONS = oid('1.2.840.113549.1.9.14')
const names = (...all: readonly Der[]): Der => seq(oid('2.5.29.17'), octetsOf(seq(...all)))
const dns = (name: string): Der => text(name, 0x82)

/** What is wrong with the request, and its names. */
function read(subject: Der, ...attributes: readonly Der[]): { readonly findings: string; readonly subject?: string } {
  const spki = publicKey.export({ format: 'der', type: 'spki' })
  const info = encode(seq(integer(0), subject, raw(spki), implicit(0, set(...attributes))))
  const signature = sign('sha256', info, privateKey)
  const { request, findings } = readRequest(encode(seq(raw(info), seq(oid('1.2.840.10045.4.3.2')), bits(signature))))
  const told = findings.map(({ message }) => message).join('; ')
  return request === undefined ? { findings: told } : { findings: told, subject: request.subject.text }
}

describe('a crafted request', () => {
  it('that is in order is read', () => {
    expect(read(SUBJECT, seq(EXTENSIONS, set(seq(names(dns('a.example'))))))).toEqual({
      findings: '',
      subject: 'CN=device-1',
    })
  })

  it.each<[string, Der, string]>([
    ['of three members', seq(set(seq(CN, text('a'), text('b')))), 'malformed attribute'],
    ['in a list instead of a set', seq(seq(seq(CN, text('a')))), 'not a SET of attributes'],
    ['in an empty set', seq(set(), set(seq(CN, text('a')))), 'not a SET of attributes'],
    ['by the hundred', seq(...Array.from({ length: 300 }, () => set(seq(CN, text('a'))))), '1499 characters'],
    [
      'by the hundred in one set',
      seq(set(...Array.from({ length: 300 }, () => seq(CN, text('a'))))),
      '1499 characters',
    ],
  ])('with an attribute of the subject %s is refused', (_, subject, message) => {
    expect(read(subject).findings).toContain(message)
  })

  it.each<[string, readonly Der[], string]>([
    ['a name that is an INTEGER', [seq(EXTENSIONS, set(seq(names(text('a.example', 0x02)))))], 'tag 0x02'],
    ['a name of another class', [seq(EXTENSIONS, set(seq(names(text('a.example', 0x42)))))], 'tag 0x42'],
    ['a name in pieces', [seq(EXTENSIONS, set(seq(names(raw(Uint8Array.of(0xa2, 3, 0x04, 1, 0x61))))))], 'tag 0xa2'],
    [
      'extensions twice',
      [seq(EXTENSIONS, set(seq(names(dns('a.example'))))), seq(EXTENSIONS, set(seq(names(dns('b.example')))))],
      'appears twice',
    ],
    [
      'two values of the extensions',
      [seq(EXTENSIONS, set(seq(names(dns('a.example'))), seq(names(dns('b.example')))))],
      'several values',
    ],
    [
      'the certificate of a CA',
      [seq(EXTENSIONS, set(seq(seq(oid('2.5.29.19'), boolean(true), octetsOf(seq(boolean(true)))))))],
      'a CA certificate is requested',
    ],
    [
      'an extension of four members',
      [seq(EXTENSIONS, set(seq(seq(oid('2.5.29.17'), boolean(true), boolean(true), octetsOf(seq(dns('a.example')))))))],
      'a requested extension is malformed',
    ],
    ['extensions that are no sequence', [seq(EXTENSIONS, set(set(names(dns('a.example')))))], 'not a SEQUENCE'],
  ])('that asks for %s is refused', (_, attributes, message) => {
    expect(read(SUBJECT, ...attributes).findings).toContain(message)
  })

  it('shows attributes that belong together as such', () => {
    const both = set(seq(CN, text('a,O=b')), seq(oid('2.5.4.10'), text('c')))
    expect(read(seq(both, set(seq(oid('2.5.4.11'), text('d'))))).subject).toBe('O=c+CN=a\\,O\\=b,OU=d')
  })
})
