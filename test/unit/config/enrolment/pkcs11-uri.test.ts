/** PKCS #11 URIs (RFC 7512). */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Pkcs11Uri, parsePkcs11Uri, pkcs11PathOf } from '../../../../src/core/config/enrolment/pkcs11-uri.js'

/** The attributes that are there. */
function read(text: string): Partial<Pkcs11Uri> {
  const parsed = parsePkcs11Uri(text)
  if ('fault' in parsed) throw new Error(parsed.fault)
  return Object.fromEntries(Object.entries(parsed.uri).filter(([, value]) => value !== undefined))
}

function fault(text: string): string {
  const parsed = parsePkcs11Uri(text)
  return 'fault' in parsed ? parsed.fault : 'none'
}

describe('a pkcs11: URI', () => {
  it('names a token and a key, in any order', () => {
    expect(read('pkcs11:token=HSM;object=ra-key')).toEqual({ token: 'HSM', object: 'ra-key' })
    expect(read('pkcs11:id=%0a%FFz;serial=0815;type=private;token=My%20token%3B')).toEqual({
      token: 'My token;',
      serial: '0815',
      id: '0aff7a',
    })
    expect(read('pkcs11:manufacturer=Snake%20Oil,%20Inc.;model=v1;slot-id=42')).toEqual({
      manufacturer: 'Snake Oil, Inc.',
      model: 'v1',
      slotId: 42,
    })
    expect(read('pkcs11:')).toEqual({})
    expect(read('pkcs11:token=%C3%BC')).toEqual({ token: 'ü' })
  })

  it('may say where the library and the file of the PIN are', () => {
    expect(read('pkcs11:token=t?module-path=/usr/lib/m.so&pin-source=file:/etc/pin')).toEqual({
      token: 't',
      modulePath: '/usr/lib/m.so',
      pinFile: '/etc/pin',
    })
    for (const source of ['/etc/pin', 'file:///etc/pin'])
      expect(read(`pkcs11:token=t?pin-source=${source}`)).toEqual({ token: 't', pinFile: '/etc/pin' })
  })

  it.each([
    ['', 'does not begin with pkcs11:'],
    ['PKCS11:token=t', 'does not begin with pkcs11:'],
    ['http://token=t', 'does not begin with pkcs11:'],
    ['pkcs11:token=t;pin-value=97531', 'pin-value'],
    ['pkcs11:token=t?pin-value=97531', 'pin-value'],
    ['pkcs11:token=t?module-path=/m&pin-value=97531', 'pin-value'],
    ['pkcs11:token=t;colour=red', 'it has "colour"; known attributes: token'],
    ['pkcs11:token=t;97531', 'it has something; known attributes'],
    ['pkcs11:token=t;', 'it has something; known attributes'],
    ['pkcs11:token=t?colour=red', '"colour"'],
    ['pkcs11:token=t;token=u', 'token appears twice'],
    ['pkcs11:token=', 'token is empty'],
    ['pkcs11:token=%', 'must be percent-encoded'],
    ['pkcs11:token=%4', 'must be percent-encoded'],
    ['pkcs11:token=%zz', 'must be percent-encoded'],
    ['pkcs11:token=a b', 'must be percent-encoded'],
    ['pkcs11:token=ü', 'must be percent-encoded'],
    ['pkcs11:token=%FF', 'not UTF-8 text'],
    ['pkcs11:token=a%00', 'not UTF-8 text'],
    [`pkcs11:token=${'x'.repeat(33)}`, 'longer than a token allows'],
    ['pkcs11:token=t;type=cert', 'type is not private'],
    ['pkcs11:token=t;slot-id=one', 'slot-id is not a decimal number'],
    ['pkcs11:token=t;slot-id=-1', 'slot-id is not a decimal number'],
    ['pkcs11:token=t?module-path=m.so', 'not an absolute path'],
    ['pkcs11:token=t?pin-source=%7C/bin/ask', 'not an absolute path'],
    ['pkcs11:token=t?pin-source=https:%2F%2Fx', 'not an absolute path'],
  ])('that is wrong is told as such and not shown: %s', (text, expected) => {
    expect(fault(text)).toContain(expected)
    expect(fault(text)).not.toContain('97531')
  })

  it('is written as it was read, whatever the names are', () => {
    const text = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 8 })
      .filter(
        (value) => !value.includes('\0') && Buffer.from(value).toString() === value && Buffer.byteLength(value) <= 32,
      )
    fc.assert(
      fc.property(text, text, (token, object) => {
        const uri = { token, object, id: '00ff', serial: undefined, manufacturer: undefined, model: undefined }
        const full = { ...uri, slotId: undefined, modulePath: undefined, pinFile: undefined }
        expect(read(pkcs11PathOf(full))).toEqual({ token, object, id: '00ff' })
      }),
    )
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        parsePkcs11Uri(`pkcs11:${text}`)
      }),
    )
  })
})
