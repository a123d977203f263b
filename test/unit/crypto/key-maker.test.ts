import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import { keyIdOf } from '../../../src/core/crypto/digest.js'
import { exportPkcs8, importPkcs8, makeKey } from '../../../src/core/crypto/key-maker.js'
import { FIXED_KEYS, fixedKey, fixedPkcs8 } from '../../support/rpki/fixed-keys.js'

const encoding = { type: 'pkcs8', format: 'der' } as const

describe('makeKey', () => {
  it('makes distinct RSA-2048 keys', async () => {
    const keys = await Promise.all([makeKey(), makeKey()])
    expect(new Set(keys.map((key) => key.id)).size).toBe(2)
    for (const key of keys) {
      expect(key.id).toBe(keyIdOf(key.spki))
      expect(key.privateKey.asymmetricKeyDetails).toMatchObject({ modulusLength: 2048, publicExponent: 65537n })
      const again = importPkcs8(exportPkcs8(key.privateKey))
      expect([again.id, again.spki]).toEqual([key.id, key.spki])
    }
  })
})

describe('importPkcs8', () => {
  it('reads every fixed key to itself', () => {
    const ids = Array.from({ length: FIXED_KEYS }, (_, i) => fixedKey(i).id)
    expect(new Set(ids).size).toBe(FIXED_KEYS)
    for (let i = 0; i < FIXED_KEYS; i++) expect(exportPkcs8(fixedKey(i).privateKey)).toEqual(fixedPkcs8(i))
  })
  it.each([
    ['nothing', () => new Uint8Array(), 'not a PKCS#8'],
    ['text', () => utf8('-----BEGIN PRIVATE KEY-----'), 'not a PKCS#8'],
    ['a shorter RSA key', () => rsa(1024, 65537), '1024 bits'],
    ['a small exponent', () => rsa(2048, 3), 'exponent 3'],
    [
      'an elliptic curve key',
      () => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export(encoding),
      'ec key',
    ],
    ['trailing bytes cut', () => fixedPkcs8(0).slice(0, -1), 'not a PKCS#8'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => importPkcs8(bytes())).toThrow(message)
  })
  it('refuses a key with one flipped bit, or reads the whole key: never one that signs wrongly', () => {
    const whole = fixedKey(1)
    let refused = 0
    for (let at = 0; at < fixedPkcs8(1).length; at += 13) {
      const bytes = fixedPkcs8(1)
      bytes[at] = (bytes[at] ?? 0) ^ 1
      try {
        const read = importPkcs8(bytes)
        expect(read.privateKey.equals(whole.privateKey), `byte ${at}`).toBe(true)
      } catch (error) {
        expect(error).toBeInstanceOf(TypeError)
        refused++
      }
    }
    expect(refused).toBeGreaterThan(85)
  })
})

function rsa(modulusLength: number, publicExponent: number): Uint8Array {
  return generateKeyPairSync('rsa', { modulusLength, publicExponent }).privateKey.export(encoding)
}
