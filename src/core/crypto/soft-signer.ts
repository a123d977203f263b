/** The default signer: node:crypto, each signature on one of libuv's threads, so that callers who start several use every core. */
import { sign } from 'node:crypto'
import { type FreshKey, makeKey, plainBytes } from './key-maker.js'
import { createSigner, type SignerInit } from './key-signer.js'
import type { Signer } from './ports.js'

/** A signer over stored keys and a source of new ones; it makes a key itself only where `source` has none left. */
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
