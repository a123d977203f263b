/** The fixed RSA keys under test/golden/der/keys: PKCS#1 v1.5 is deterministic, so fixed keys, times and serials give fixed objects. */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { keyIdOf } from '../../../src/core/crypto/digest.js'
import type { OneTimeKey } from '../../../src/core/crypto/ports.js'

export type TestKeyName = 'ta' | 'ca' | 'ee-1' | 'ee-2' | 'ee-3' | 'ee-4' | 'ee-5' | 'ee-6'

export interface TestKey extends OneTimeKey {
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

export function testKey(name: TestKeyName): TestKey {
  const file = fileURLToPath(new URL(`../../golden/der/keys/${name}.pem`, import.meta.url))
  const privateKey = createPrivateKey(readFileSync(file))
  const publicKey = createPublicKey(privateKey)
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  return {
    id: keyIdOf(spki),
    spki,
    publicKey,
    privateKey,
    sign: async (tbs) => new Uint8Array(sign('sha256', tbs, privateKey)),
  }
}
