/** What a command costs to start and end: a read of 100 ROAs beside a bare runtime, and a change with its keys at hand beside the read. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brine, median, run, say, spread } from './support/run.js'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 15)
const folder = mkdtempSync(join(tmpdir(), 'brine-bench-'))
const data = join(folder, 'data')
try {
  await brine(data, 'testbed', 'init')
  await brine(data, 'ca', 'add', 'acme', '--under', 'testbed', '--resources', '10.0.0.0/8')
  const file = join(folder, 'add')
  writeFileSync(file, Array.from({ length: 100 }, (_, i) => `A: 10.0.${i}.0/24 => 64500\n`).join(''))
  await brine(data, 'roa', 'update', 'acme', '--file', file)
  appendFileSync(
    join(data, 'brine.toml'),
    `\nkey_pool_size = ${4 * ROUNDS + 8}\nroa_aggregate_threshold = 200\nroa_deaggregate_threshold = 90\n`,
  )
  await brine(data, 'tick')
  const [bare, list, add]: [number[], number[], number[]] = [[], [], []]
  for (let round = 0; round < ROUNDS; round++) {
    bare.push((await run(['-e', '0'])).wall)
    list.push((await brine(data, 'roa', 'list', 'acme')).wall)
    add.push((await brine(data, 'roa', 'add', 'acme', `10.1.${round}.0/24 => 64500`)).wall)
  }
  say(`node ${(await run(['-p', 'process.version'])).output.trim()}`)
  say(`node -e 0                   ${spread(bare)}`)
  say(`roa list, 100 ROAs          ${spread(list)}: ${(median(list) / median(bare)).toFixed(2)} x`)
  say(`roa add, 2 keys from a pool ${spread(add)}: ${(median(add) - median(list)).toFixed(1)} ms more than the read`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
