/** The default signer: node:crypto, each signature on a libuv thread, so that concurrent calls use every core. */
import { sign } from 'node:crypto'
import { type FreshKey, makeKey, plainBytes } from './key-maker.js'
import { createSigner, type SignerInit } from './key-signer.js'
import type { Signer } from './ports.js'

/** Returns a signer over stored keys and a source of new ones; generates a key itself only if `source` has no more. */
export function createSoftSigner(init: SignerInit): Signer {
  return createSigner({ make: makeKey, adopt: async (key: FreshKey) => key, sign: signOnThread }, init)
}

/** RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7935 section 2). */
function signOnThread(key: FreshKey, tbs: Uint8Array): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign('sha256', tbs, key.privateKey, (error, signature) =>
      error === null ? resolve(plainBytes(signature)) : reject(error),
    )
  })
}
