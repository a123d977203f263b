/**
 * One more ROA in a CA with few and with many ROAs: CPU time and bytes, over more commits than there are between two snapshots of a large
 * state. The ROAs have four ASNs, so that both CAs publish few objects. BENCH_ROAS changes the larger number, BENCH_ROUNDS the rounds.
 */
import { lstatSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { childrenCpu } from './support/cgi.js'
import { newFolder } from './support/folder.js'
import { brine, median, say } from './support/run.js'

const FEW = 110
const MANY = Number(process.env['BENCH_ROAS'] ?? 10_000)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 55)

interface Costs {
  readonly cpu: number[]
  readonly bytes: number[]
}

const folder = newFolder()

/** Returns a new directory whose CA `bulk` has so many ROAs. */
async function filled(count: number): Promise<string> {
  const [data, file] = [join(folder, `${count}`), join(folder, `${count}.txt`)]
  const line = (_: unknown, n: number): string => `A: 10.${n >> 8}.${n & 255}.0/24 => ${64500 + (n % 4)}\n`
  writeFileSync(file, Array.from({ length: count }, line).join(''))
  await brine(data, 'testbed', 'init')
  await brine(data, 'ca', 'add', 'bulk', '--under', 'testbed', '--resources', '10.0.0.0/8')
  await brine(data, 'roa', 'update', 'bulk', '--file', file)
  return data
}

/** Returns the bytes of all files of history of the CA, each once: its snapshots have a second name. */
function bytesOf(data: string): number {
  const at = join(data, 'cas', 'bulk')
  const seen = new Map(
    readdirSync(at)
      .map((name) => lstatSync(join(at, name)))
      .map(({ ino, size }) => [ino, size]),
  )
  return [...seen.values()].reduce((sum, size) => sum + size, 0)
}

async function addOne(data: string, n: number, costs: Costs): Promise<void> {
  const [bytes, cpu] = [bytesOf(data), childrenCpu()]
  await brine(data, 'roa', 'add', 'bulk', `10.200.${n}.0/24 => 64500`)
  costs.cpu.push(childrenCpu() - cpu)
  costs.bytes.push(bytesOf(data) - bytes)
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

try {
  const [few, many] = [await filled(FEW), await filled(MANY)]
  const costs: readonly [Costs, Costs] = [
    { cpu: [], bytes: [] },
    { cpu: [], bytes: [] },
  ]
  for (let n = 0; n < ROUNDS; n++) {
    // interleaved, so that a change of machine speed affects both
    await addOne(few, n, costs[0])
    await addOne(many, n, costs[1])
  }
  for (const [at, { cpu, bytes }] of costs.entries())
    say(
      `${at === 0 ? FEW : MANY} ROAs: CPU ${median(cpu).toFixed(0)} ms; history of the CA ${median(bytes)} bytes (median), ${mean(bytes).toFixed(0)} (mean)`,
    )
  const [small, large] = costs
  say(
    `CPU ${(median(large.cpu) / median(small.cpu)).toFixed(2)} x, bytes ${(mean(large.bytes) / mean(small.bytes)).toFixed(1)} x (mean)`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
