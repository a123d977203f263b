/**
 * Keys and signatures compared with the limit of the machine: a key supply with bare generateKeyPair and openssl, and the signers with each other.
 * Run: npm run bench -- keys
 */
import { execFile } from 'node:child_process'
import { generateKeyPair } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { promisify } from 'node:util'
import pLimit from 'p-limit'
import { createCountingSigner } from '../src/core/crypto/counting-signer.js'
import { exportPkcs8, type FreshKey, importPkcs8, inFlightFor } from '../src/core/crypto/key-maker.js'
import { createKeySupply, keysInHand } from '../src/core/crypto/key-supply.js'
import { createPeculiarSigner } from '../src/core/crypto/peculiar-signer.js'
import type { KeyId, KeyStore, Signer } from '../src/core/crypto/ports.js'
import { createSoftSigner } from '../src/core/crypto/soft-signer.js'

const numbers = process.argv.slice(2).map(Number).filter(Number.isInteger)
const keyCount = numbers[0] ?? 100
const signatureCount = numbers[1] ?? 2000
const cores = availableParallelism()
// before libuv starts its first thread
process.env['UV_THREADPOOL_SIZE'] ??= String(inFlightFor(cores) + 2)

interface Row {
  readonly what: string
  readonly wall: number
  readonly cpu: number
  readonly count: number
}
const rows: Row[] = []

async function measure<T>(what: string, count: number, work: () => Promise<T>): Promise<T> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  const result = await work()
  const wall = performance.now() - start
  const used = process.cpuUsage(cpu)
  rows.push({ what, wall, cpu: (used.user + used.system) / 1000, count })
  return result
}

function sum(some: readonly Row[], member: 'count' | 'wall' | 'cpu'): number {
  return some.reduce((total, row) => total + row[member], 0)
}

/** Runs `one` `count` times, `width` at once. */
async function times(count: number, width: number, one: (index: number) => Promise<unknown>): Promise<void> {
  const limit = pLimit(width)
  await Promise.all(Array.from({ length: count }, (_, index) => limit(one, index)))
}

/** Returns a store with this key, or none, and an empty pool. */
function storeOf(key?: FreshKey): KeyStore {
  const refuse = () => {
    throw new Error('not in this benchmark')
  }
  const pkcs8 = key === undefined ? new Uint8Array() : exportPkcs8(key.privateKey)
  return {
    put: refuse,
    get: () => pkcs8,
    remove: refuse,
    list: refuse,
    takePool: () => [],
    putPool: refuse,
    poolSize: refuse,
    wipePool: refuse,
  }
}

async function signatures(
  name: string,
  create: (key: FreshKey) => Signer,
  key: FreshKey,
  width: number,
): Promise<void> {
  const signer = create(key)
  const tbs = new Uint8Array(1200)
  await signer.sign(key.id, tbs)
  await measure(`${name}, ${width} at once`, signatureCount, () =>
    times(signatureCount, width, () => signer.sign(key.id, tbs)),
  )
}

const bare = promisify(generateKeyPair)
const openssl = promisify(execFile)
async function supply(count: number): Promise<FreshKey[]> {
  const source = createKeySupply(storeOf(), { concurrency: cores })
  return Promise.all(Array.from({ length: count }, () => source.takeOneTime()))
}

/** Measures in interleaved parts, so that the load of other processes affects all of them alike. */
const ROUNDS = 4
const part = Math.ceil(keyCount / ROUNDS)
const keys: FreshKey[] = []
const withOpenssl = await openssl('openssl', ['version']).then(
  ({ stdout }) => stdout.trim(),
  () => undefined,
)
for (let round = 0; round < ROUNDS; round++) {
  keys.push(...(await measure('a key supply', part, () => supply(part))))
  for (const width of [cores, inFlightFor(cores)])
    await measure(`generateKeyPair, ${width} at once`, part, () =>
      times(part, width, () => bare('rsa', { modulusLength: 2048, publicExponent: 65537 })),
    )
  if (withOpenssl !== undefined)
    await measure(`openssl genrsa, ${cores} at once`, part, () =>
      times(part, cores, () => openssl('openssl', ['genrsa', '2048'])),
    )
}
const rss = process.resourceUsage().maxRSS / 1024
const first = keys[0]
if (first === undefined) throw new RangeError('at least one key')
const soft = (key: FreshKey) => createSoftSigner({ keyStore: storeOf(key), source: keysInHand() })
const peculiar = (key: FreshKey) => createPeculiarSigner({ keyStore: storeOf(key), source: keysInHand() })
for (const width of [1, cores, inFlightFor(cores), 16]) await signatures('sign, node:crypto', soft, first, width)
await signatures('sign, @peculiar/webcrypto', peculiar, first, 1)
const encoded = keys.map((key) => exportPkcs8(key.privateKey))
const read = await measure('read a pool key', encoded.length, async () => encoded.map((pkcs8) => importPkcs8(pkcs8)))
const once = createSoftSigner({ keyStore: storeOf(first), source: keysInHand([], read) })
const tbs = new Uint8Array(1200)
await measure('first signature of a key', read.length, () =>
  times(read.length, inFlightFor(cores), () => once.signOneOff((key) => key.sign(tbs))),
)
const rehearsal = createCountingSigner((id: KeyId) => ({ id, spki: first.spki }))
await measure('rehearse a one-time key', 500, () => times(500, 1, () => rehearsal.signOneOff((key) => key.sign(tbs))))

console.log(
  `node ${process.version} (OpenSSL ${process.versions.openssl}), ${cores} cores; beside it: ${withOpenssl ?? 'no openssl'}`,
)
console.log(`${'what'.padEnd(34)}${'per second'.padStart(12)}${'ms CPU each'.padStart(14)}`)
for (const what of new Set(rows.map((row) => row.what))) {
  const same = rows.filter((row) => row.what === what)
  const [count, wall, cpu] = [sum(same, 'count'), sum(same, 'wall'), sum(same, 'cpu')]
  // the CPU time of another program cannot be read
  const each = what.startsWith('openssl') ? '-' : (cpu / count).toFixed(2)
  console.log(`${what.padEnd(34)}${((count / wall) * 1000).toFixed(1).padStart(12)}${each.padStart(14)}`)
}
console.log(`largest resident size while making ${keys.length} keys: ${rss.toFixed(0)} MiB`)
