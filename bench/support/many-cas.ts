/** A data directory with many CAs, each with a /24 and one ROA. Their keys are real ones, made in a millisecond of the primes of the fixed keys. */
import crypto, { createPrivateKey, createPublicKey, generatePrimeSync, type KeyObject } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { createCa, placeAllUnder } from '../../src/core/app/authority/cas.js'
import { runCa } from '../../src/core/app/session/context.js'
import { openSession } from '../../src/core/app/session/session.js'
import { publishLocal } from '../../src/core/app/transaction/local-publication.js'
import { transact } from '../../src/core/app/transaction/transact.js'
import { parseHandle } from '../../src/core/base/handle.js'
import type { RoaAddition } from '../../src/core/ca/roas.js'
import { parseResources } from '../../src/core/resources/resource-set.js'
import { parseRoaPayload } from '../../src/core/resources/roa-payload.js'
import { FIXED_KEYS, fixedKey } from '../../test/support/rpki/fixed-keys.js'
import { brineAt } from './run.js'

/** CAs in one commit. */
const AT_ONCE = 100
const E = 65537n
/** Their pairs are keys for 1,000 CAs. */
const PRIMES = 110

const bigintOf = (text: string | undefined): bigint =>
  BigInt(`0x${Buffer.from(text ?? '', 'base64url').toString('hex')}`)

function textOf(value: bigint): string {
  const hex = value.toString(16)
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url')
}

/** Returns the modular inverse by the extended Euclidean algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n]
  while (a > 1n) {
    ;[a, b, x, y] = [b % a, a, y - (b / a) * x, x]
  }
  return ((x % modulus) + modulus) % modulus
}

/** Returns a prime of 1024 bits, the two highest set, that is not one more than a multiple of the exponent. */
function newPrime(): bigint {
  for (;;) {
    const prime = generatePrimeSync(1024, { bigint: true })
    if (prime >> 1022n === 3n && prime % E !== 1n) return prime
  }
}

/** Yields keys whose primes are those of two fixed keys: each is valid, and no two are equal. */
function* pairedKeys(): Generator<KeyObject> {
  const primes = Array.from({ length: FIXED_KEYS }, (_, n) => fixedKey(n).privateKey.export({ format: 'jwk' })).flatMap(
    (jwk) => [bigintOf(jwk.p), bigintOf(jwk.q)],
  )
  while (primes.length < PRIMES) primes.push(newPrime())
  for (const [at, p] of primes.entries())
    for (const q of primes.slice(at + 1)) {
      const n = p * q
      if (n.toString(2).length !== 2048) continue
      const d = inverse(E, (p - 1n) * (q - 1n))
      const numbers = { n, e: E, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) }
      const members = Object.entries(numbers).map(([name, value]) => [name, textOf(value)])
      yield createPrivateKey({ key: { kty: 'RSA', ...Object.fromEntries(members) }, format: 'jwk' })
    }
}

/** Replaces the generation of RSA keys in this process. */
function makePairedKeys(): void {
  const keys = pairedKeys()
  const fake = (_type: string, _options: unknown, done: (...results: readonly unknown[]) => void): void => {
    const { value, done: isEmpty } = keys.next()
    if (isEmpty === true) throw new Error('all pairs of the fixed primes are used')
    setImmediate(done, null, createPublicKey(value), value)
  }
  Object.assign(crypto, { generateKeyPair: fake })
  syncBuiltinESMExports()
}

function roaOf(text: string): RoaAddition {
  const parsed = parseRoaPayload(text)
  if (!('ok' in parsed)) throw new Error(`not a ROA: ${text}`)
  return { payload: parsed.ok.payload, comment: null }
}

/**
 * Makes a test data directory with the CA `testbed` and so many CAs below it. Its batches lie ten minutes apart and end before
 * the present.
 */
export async function manyCas(folder: string, count: number): Promise<string> {
  const data = join(folder, 'data')
  const batches = Math.ceil(count / AT_ONCE)
  const at = (batch: number): string =>
    new Date(Date.now() - (batches - batch) * 600_000).toISOString().replace(/\.\d+/, '')
  await brineAt(at(0), data, 'testbed', 'init', '--test')
  makePairedKeys()
  for (let batch = 0; batch < batches; batch++) {
    const who = { actor: 'bench', osUser: 'bench', host: 'bench', command: 'bench', unattended: true } as const
    const session = await openSession({ dataDir: data, nowOverride: at(batch + 0.5), ...who })
    await transact(session, async (tx) => {
      const all = Array.from({ length: Math.min(AT_ONCE, count - batch * AT_ONCE) }, (_, at) => {
        const n = batch * AT_ONCE + at
        return { n, handle: parseHandle(`ca${n}`), prefix: `10.${n >> 8}.${n & 255}.0/24` }
      })
      for (const { handle } of all) await createCa(tx, handle)
      const places = all.map(({ handle, prefix }) => ({ handle, resources: parseResources(prefix) }))
      await placeAllUnder(tx, parseHandle('testbed'), places)
      for (const { n, handle, prefix } of all)
        await runCa(tx, handle, { type: 'roas.update', add: [roaOf(`${prefix} => ${64_500 + n}`)], remove: [] })
      await publishLocal(tx)
    })
  }
  return data
}
