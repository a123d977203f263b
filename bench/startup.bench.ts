/**
 * Cost of starting and ending a command: reads compared with the bare runtime, and a change with keys in the pool compared with a read.
 * Changes ten minutes apart, and immediately after each other, where each publication builds another tree.
 */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { newFolder } from './support/folder.js'
import { brineAt, median, run, say, spread } from './support/run.js'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 15)
const folder = newFolder()
const START = Date.parse('2026-01-01T00:00:00Z')
const at = (minutes: number): string => new Date(START + minutes * 60_000).toISOString().replace('.000', '')

/** Returns a directory with a CA of 100 ROAs, one object each, and keys for all rounds. */
async function prepare(name: string): Promise<string> {
  const data = join(folder, name)
  await brineAt(at(0), data, 'testbed', 'init', '--test')
  await brineAt(at(0), data, 'ca', 'add', 'acme', '--under', 'testbed', '--resources', '10.0.0.0/8')
  const file = join(folder, 'add')
  writeFileSync(file, Array.from({ length: 100 }, (_, i) => `A: 10.0.${i}.0/24 => 64500\n`).join(''))
  await brineAt(at(0), data, 'roa', 'update', 'acme', '--file', file)
  appendFileSync(
    join(data, 'brine.toml'),
    `\nkey_pool_size = ${2 * ROUNDS + 8}\nroa_aggregate_threshold = 200\nroa_deaggregate_threshold = 90\n`,
  )
  await brineAt(at(0), data, 'tick')
  return data
}

try {
  const [apart, burst] = [await prepare('apart'), await prepare('burst')]
  const reads: readonly (readonly string[])[] = [
    ['roa', 'list', 'acme'],
    ['roa', 'list', 'acme', '--json'],
    ['ca', 'list'],
    ['status'],
    ['roa', 'list', '--help'],
  ]
  const walls = reads.map((): number[] => [])
  const [bare, single, rapid]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < ROUNDS; round++) {
    const now = at(10 * (round + 1))
    const change = ['roa', 'add', 'acme', `10.1.${round}.0/24 => 64500`]
    bare.push((await run(['-e', '0'])).wall)
    for (const [n, words] of reads.entries()) walls[n]?.push((await brineAt(now, apart, ...words)).wall)
    single.push((await brineAt(now, apart, ...change)).wall)
    rapid.push((await brineAt(at(10), burst, ...change)).wall)
  }
  const times = (values: readonly number[]): string => `${(median(values) / median(bare)).toFixed(2)} x`
  say(`node ${(await run(['-p', 'process.version'])).output.trim()}`)
  say(`node -e 0                      ${spread(bare)}`)
  for (const [n, words] of reads.entries())
    say(`${words.join(' ').padEnd(30)} ${spread(walls[n] ?? [])}: ${times(walls[n] ?? [])}`)
  say(`roa add, 2 keys from a pool    ${spread(single)}: ${times(single)}`)
  say(`the same, one after the other  ${spread(rapid)}: ${times(rapid)}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
