/** The signer of `signer = "webcrypto"`: @peculiar/webcrypto, loaded with the first key. It signs on the event loop; keys in bulk still come from a supply. */
import type { CryptoKey } from '@peculiar/webcrypto'
import { exportPkcs8, type FreshKey, importPkcs8 } from './key-maker.js'
import { createSigner, type SignerInit } from './key-signer.js'
import type { Signer } from './ports.js'
import { webcrypto } from './webcrypto.js'

const RSA = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } as const
const RSA_2048 = { ...RSA, modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) } as const

export function createPeculiarSigner(init: SignerInit): Signer {
  return createSigner({ make, adopt, sign }, init)
}

async function make(): Promise<FreshKey> {
  const { subtle } = await webcrypto()
  const { privateKey } = await subtle.generateKey(RSA_2048, true, ['sign', 'verify'])
  const pkcs8 = new Uint8Array(await subtle.exportKey('pkcs8', privateKey))
  try {
    return importPkcs8(pkcs8)
  } finally {
    pkcs8.fill(0)
  }
}

async function adopt(key: FreshKey): Promise<CryptoKey> {
  const { subtle } = await webcrypto()
  const pkcs8 = exportPkcs8(key.privateKey)
  try {
    return await subtle.importKey('pkcs8', pkcs8, RSA, false, ['sign'])
  } finally {
    pkcs8.fill(0)
  }
}

async function sign(key: CryptoKey, tbs: Uint8Array): Promise<Uint8Array> {
  const { subtle } = await webcrypto()
  return new Uint8Array(await subtle.sign(RSA.name, key, tbs))
}
