/** The WebCrypto implementation behind pkijs and the `webcrypto` signer, loaded at the first use: it costs 100 ms of start-up. */
import type { Crypto } from '@peculiar/webcrypto'
import type { ICryptoEngine } from 'pkijs'

let crypto: Promise<Crypto> | undefined
let engine: Promise<ICryptoEngine> | undefined

/** One instance per process: keys of different instances do not mix. */
export function webcrypto(): Promise<Crypto> {
  crypto ??= import('@peculiar/webcrypto').then((module) => new module.Crypto())
  return crypto
}

/** pkijs's engine over `webcrypto()`, also set as its process-wide one. It blocks the event loop: verify with it, never make keys in bulk. */
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
