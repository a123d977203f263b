/**
 * 500 ROAs for 500 ASNs in one command, compared with the same runtime generating 500 RSA-2048 keys on all cores: the physical limit.
 * Then the same with a full key pool. Each round uses a new directory, since a CRL grows with every withdrawn ROA. BENCH_ROAS
 * changes the number, BENCH_ROUNDS the rounds, BENCH_NODE the runtime.
 */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { inFlightFor } from '../src/core/crypto/key-maker.js'
import { newFolder } from './support/folder.js'
import { brine, median, NODE, run, say, spread } from './support/run.js'

const COUNT = Number(process.env['BENCH_ROAS'] ?? 500)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3)
/** Number of keys in progress, and of threads, as Brine uses: with fewer a core is idle. */
const LANES = inFlightFor(availableParallelism())

const KEYS_ALONE = `
process.env.UV_THREADPOOL_SIZE = ${LANES}
const { generateKeyPair } = require('node:crypto')
let left = ${COUNT}
const lane = () => { if (left-- > 0) generateKeyPair('rsa', { modulusLength: 2048 }, (e) => { if (e) throw e; lane() }) }
for (let i = 0; i < ${LANES}; i++) lane()
`

const line = (_: unknown, i: number): string => `A: 10.${i >> 8}.${i & 255}.0/24 => ${64500 + i}\n`

const folder = newFolder()
const add = join(folder, 'add')

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Returns the standard error of the mean, NaN for a single value: the time of 500 keys varies by a thirtieth. */
function standardError(values: readonly number[]): number {
  const middle = mean(values)
  return Math.sqrt(values.reduce((sum, v) => sum + (v - middle) ** 2, 0) / (values.length - 1) / values.length)
}

/** Returns a new directory with a CA without ROAs. */
async function newData(name: string): Promise<string> {
  const data = join(folder, name)
  await brine(data, 'testbed', 'init')
  await brine(data, 'ca', 'add', 'bulk', '--under', 'testbed', '--resources', '10.0.0.0/8')
  return data
}

try {
  writeFileSync(add, Array.from({ length: COUNT }, line).join(''))
  const [keys, roas, peaks]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < ROUNDS; round++) {
    const data = await newData(`made-${round}`)
    const before = (await run(['-e', KEYS_ALONE])).wall
    const made = await brine(data, 'roa', 'update', 'bulk', '--file', add)
    roas.push(made.wall)
    peaks.push(made.peak)
    // interleaved, so that a change of machine speed affects both
    keys.push((before + (await run(['-e', KEYS_ALONE])).wall) / 2)
  }
  say(
    `node ${(await run(['-p', 'process.version'])).output.trim()} (${NODE === process.execPath ? 'this one' : 'BENCH_NODE'}), ${COUNT} ROAs`,
  )
  say(`keys alone       ${spread(keys)}`)
  say(`roa update       ${spread(roas)}, peak ${Math.max(...peaks).toFixed(0)} MiB`)
  const ratios = roas.map((wall, i) => wall / (keys[i] ?? Number.NaN))
  say(
    `ratio            ${mean(ratios).toFixed(3)} +- ${standardError(ratios).toFixed(3)} (mean and its standard error)`,
  )
  say(`by round         ${ratios.map((ratio) => ratio.toFixed(3)).join(' ')}; median ${median(ratios).toFixed(3)}`)
  const pooled: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const data = await newData(`pooled-${round}`)
    appendFileSync(join(data, 'brine.toml'), `\nkey_pool_size = ${COUNT + 20}\n`)
    await brine(data, 'tick')
    pooled.push((await brine(data, 'roa', 'update', 'bulk', '--file', add)).wall)
  }
  say(`from a full pool ${spread(pooled)}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
