/**
 * `tick` with nothing due and `status` at 10, 100 and 1,000 CAs: CPU time, system calls that open files or read their status, peak memory, and
 * each as a multiple of the smallest directory. `BENCH_CAS` changes the numbers, `BENCH_ROUNDS` the rounds.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { childrenCpu } from './support/cgi.js'
import { newFolder } from './support/folder.js'
import { machine } from './support/load.js'
import { manyCas } from './support/many-cas.js'
import { BRINE, brine, median, NODE, run, say } from './support/run.js'

const CAS = (process.env['BENCH_CAS'] ?? '10,100,1000').split(',').map(Number)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 5)
const COMMANDS = ['tick', 'status'] as const

interface Cost {
  readonly cpu: number[]
  readonly peak: number[]
}

/** Returns the number of opens and of looks at the status of a file; undefined without strace(1). */
function calls(data: string, command: string, folder: string): readonly [number, number] | undefined {
  const file = join(folder, 'strace.txt')
  try {
    const watched = ['-e', 'trace=open,openat,statx,stat,lstat,newfstatat', '-o', file]
    execFileSync('strace', ['-f', '-c', ...watched, NODE, BRINE, '--data-dir', data, command], { stdio: 'ignore' })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  const count = (names: RegExp): number =>
    readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter((words) => names.test(words.at(-1) ?? ''))
      .reduce((sum, words) => sum + Number(words[3]), 0)
  return [count(/^open(at)?$/), count(/stat/)]
}

async function cpuOfRun(work: () => Promise<{ readonly peak: number }>): Promise<readonly [number, number]> {
  const before = childrenCpu()
  const { peak } = await work()
  return [childrenCpu() - before, peak]
}

const folder = newFolder()
try {
  const made: { readonly cas: number; readonly data: string; readonly costs: Readonly<Record<string, Cost>> }[] = []
  for (const cas of CAS) {
    const own = join(folder, String(cas))
    mkdirSync(own)
    const data = await manyCas(own, cas)
    // the pool, the archive and whatever else is due once
    await brine(data, 'tick')
    made.push({ cas, data, costs: Object.fromEntries(COMMANDS.map((name) => [name, { cpu: [], peak: [] }])) })
  }
  const bare: number[] = []
  for (let round = 0; round < ROUNDS; round++) {
    bare.push((await cpuOfRun(() => run(['-e', '0'])))[0])
    for (const { data, costs } of made)
      for (const command of COMMANDS) {
        const [cpu, peak] = await cpuOfRun(() => brine(data, command))
        costs[command]?.cpu.push(cpu)
        costs[command]?.peak.push(peak)
      }
  }
  say(`node -e 0: CPU ${median(bare)} ms; ${machine()}`)
  for (const command of COMMANDS) {
    const first = median(made[0]?.costs[command]?.cpu ?? [])
    for (const { cas, data, costs } of made) {
      const [cpu, peak] = [median(costs[command]?.cpu ?? []), Math.max(...(costs[command]?.peak ?? []))]
      const counted = calls(data, command, folder)
      const seen = counted === undefined ? 'no strace' : `${counted[0]} opens, ${counted[1]} stats`
      const times = `${(cpu / first).toFixed(2)} x ${made[0]?.cas} CAs, ${(cpu / median(bare)).toFixed(1)} x node -e 0`
      say(
        `${command.padEnd(6)} ${String(cas).padStart(6)} CAs: CPU ${cpu} ms, ${times}; ${seen}; peak ${peak.toFixed(0)} MiB`,
      )
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}
