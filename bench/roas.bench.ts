/**
 * 500 ROAs for 500 ASNs in one command, beside the same runtime making 500 RSA-2048 keys on all cores and nothing else: the physical limit.
 * Then the same from a full key pool. BENCH_ROAS changes the number, BENCH_ROUNDS the rounds, BENCH_NODE the runtime.
 */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { newFolder } from './support/folder.js'
import { brine, median, NODE, run, say, spread } from './support/run.js'

const COUNT = Number(process.env['BENCH_ROAS'] ?? 500)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3)
const LANES = availableParallelism() + 1

const KEYS_ALONE = `
const { generateKeyPair } = require('node:crypto')
let left = ${COUNT}
const lane = () => { if (left-- > 0) generateKeyPair('rsa', { modulusLength: 2048 }, (e) => { if (e) throw e; lane() }) }
for (let i = 0; i < ${LANES}; i++) lane()
`

const line = (sign: string, i: number): string => `${sign}: 10.${i >> 8}.${i & 255}.0/24 => ${64500 + i}\n`
const lines = (sign: string): string => Array.from({ length: COUNT }, (_, i) => line(sign, i)).join('')

const folder = newFolder()
const data = join(folder, 'data')
const [add, remove] = [join(folder, 'add'), join(folder, 'remove')]
try {
  writeFileSync(add, lines('A'))
  writeFileSync(remove, lines('R'))
  await brine(data, 'testbed', 'init')
  await brine(data, 'ca', 'add', 'bulk', '--under', 'testbed', '--resources', '10.0.0.0/8')
  const [keys, roas, peaks]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < ROUNDS; round++) {
    keys.push((await run(['-e', KEYS_ALONE])).wall)
    const made = await brine(data, 'roa', 'update', 'bulk', '--file', add)
    roas.push(made.wall)
    peaks.push(made.peak)
    await brine(data, 'roa', 'update', 'bulk', '--file', remove)
  }
  say(
    `node ${(await run(['-p', 'process.version'])).output.trim()} (${NODE === process.execPath ? 'this one' : 'BENCH_NODE'}), ${COUNT} ROAs`,
  )
  say(`keys alone       ${spread(keys)}`)
  say(`roa update       ${spread(roas)}, peak ${Math.max(...peaks).toFixed(0)} MiB`)
  say(
    `ratio            ${(median(roas) / median(keys)).toFixed(3)} of medians; by round ${roas.map((r, i) => (r / (keys[i] ?? Number.NaN)).toFixed(3)).join(' ')}`,
  )
  appendFileSync(join(data, 'brine.toml'), `\nkey_pool_size = ${COUNT + 20}\n`)
  const pooled: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    await brine(data, 'tick')
    pooled.push((await brine(data, 'roa', 'update', 'bulk', '--file', add)).wall)
    await brine(data, 'roa', 'update', 'bulk', '--file', remove)
  }
  say(`from a full pool ${spread(pooled)}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
