/** The WebCrypto implementation behind pkijs and the `webcrypto` signer, loaded at the first use, since loading takes 100 ms. */
import type { Crypto } from '@peculiar/webcrypto'
import type { ICryptoEngine } from 'pkijs'

let crypto: Promise<Crypto> | undefined
let engine: Promise<ICryptoEngine> | undefined

/** One instance per process: keys of different instances do not mix. */
export function webcrypto(): Promise<Crypto> {
  crypto ??= import('@peculiar/webcrypto').then((module) => new module.Crypto())
  return crypto
}

/** Returns pkijs's engine over `webcrypto()` and makes it the default of the process. It blocks the event loop: use it to verify, not to generate keys in bulk. */
export function pkijsEngine(): Promise<ICryptoEngine> {
  engine ??= startEngine()
  return engine
}

async function startEngine(): Promise<ICryptoEngine> {
  const [crypto, pkijs] = await Promise.all([webcrypto(), import('pkijs')])
  const made = new pkijs.CryptoEngine({ name: 'peculiar', crypto })
  pkijs.setEngine('peculiar', made)
  return made
}
