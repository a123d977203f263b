/**
 * A busy hour: one publication a second by a simulated clock, with few and many objects and CAs. For each publication, file operations, bytes
 * and CPU time, by kind of tree: the first ones, which may build trees, and those after them.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { parseHandle } from '../src/core/base/handle.js'
import { addSeconds } from '../src/core/base/time.js'
import type { WriteReport } from '../src/core/publication/writer.js'
import { newFolder } from './support/folder.js'
import { Repository } from './support/repository.js'
import { median, say } from './support/run.js'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 60)
/** Publications after which the server has as many trees as it makes. */
const BURST = 20
const SETTINGS: readonly (readonly [objects: number, cas: number])[] = [
  [100, 10],
  [20_000, 10],
  [3000, 1000],
]

const counted = ['linkSync', 'fsyncSync', 'lstatSync', 'statSync', 'openSync', 'readdirSync', 'renameSync'] as const
type Counts = Record<(typeof counted)[number] | 'written', number>
const counts: Counts = {
  ...{ linkSync: 0, fsyncSync: 0, lstatSync: 0, statSync: 0, openSync: 0, readdirSync: 0, renameSync: 0, written: 0 },
}

/** Counts the calls of the module, which the sources use as one object. */
function countCalls(): void {
  for (const name of counted) {
    const real = fs[name] as (...args: unknown[]) => unknown
    Object.assign(fs, {
      [name]: (...args: unknown[]) => {
        counts[name] += 1
        return real(...args)
      },
    })
  }
  const write = fs.writeSync as (...args: unknown[]) => number
  Object.assign(fs, {
    writeSync: (...args: unknown[]) => {
      const n = write(...args)
      counts.written += n
      return n
    },
  })
}

interface Taken {
  readonly counts: Counts
  /** Milliseconds of CPU time. */
  readonly tree: number
  readonly rules: number
  readonly report: WriteReport
}

const cpu = (from: NodeJS.CpuUsage): number => {
  const { user, system } = process.cpuUsage(from)
  return (user + system) / 1000
}

async function publishOnce(site: Repository, round: number): Promise<Taken> {
  site.now = addSeconds(site.now, 1)
  const put = [site.object(`more-${round}.roa`)]
  const atRules = process.cpuUsage()
  await site.run({ type: 'publish', changes: [{ publisher: parseHandle('ca7'), put, drop: [] }] })
  const rules = cpu(atRules)
  const before = { ...counts }
  const started = process.cpuUsage()
  const report = site.write()
  const tree = cpu(started)
  const spent = Object.fromEntries(Object.entries(counts).map(([k, n]) => [k, n - before[k as keyof Counts]])) as Counts
  return { counts: spent, tree, rules, report }
}

interface Line {
  readonly links: number
  readonly fsyncs: number
  readonly stats: number
  /** Bytes without the RRDP snapshot. */
  readonly bytes: number
  readonly rsync: number
  readonly rules: number
  readonly tree: number
}

function lineOf(taken: readonly Taken[]): Line {
  const of = (pick: (t: Taken) => number): number => median(taken.map(pick))
  return {
    links: of((t) => t.counts.linkSync),
    fsyncs: of((t) => t.counts.fsyncSync),
    stats: of((t) => t.counts.lstatSync + t.counts.statSync),
    bytes: of((t) => t.counts.written - t.report.rrdp.bytes),
    rsync: of((t) => t.report.rsync.ms),
    rules: of((t) => t.rules),
    tree: of((t) => t.tree),
  }
}

const cell = (n: number, digits = 0): string => n.toFixed(digits).padStart(9)
const print = (what: string, { links, fsyncs, stats, bytes, rsync, rules, tree }: Line): void =>
  say(
    `  ${what.padEnd(14)}${[links, fsyncs, stats, bytes].map((n) => cell(n)).join('')}${[rsync, rules, tree].map((n) => cell(n, 1)).join('')}`,
  )

const folder = newFolder()
try {
  countCalls()
  const steady: Line[] = []
  for (const [objects, cas] of SETTINGS) {
    const site = new Repository(join(folder, `${objects}-${cas}`))
    fs.mkdirSync(site.dir)
    await site.fill(objects, cas)
    site.write()
    const built = site.prepare()
    say(`${objects} objects, ${cas} CAs, a publication each second; tick has built ${built} trees`)
    say(`  ${' '.repeat(14)}    links   fsyncs    stats    bytes rsync ms rules ms  tree ms`)
    const taken: Taken[] = []
    for (let round = 0; round < BURST + ROUNDS; round++) taken.push(await publishOnce(site, round))
    print('the first 15', lineOf(taken.slice(0, 15)))
    const after = lineOf(taken.slice(BURST))
    print('after them', after)
    steady.push(after)
    const [base] = steady
    if (base !== undefined && base !== after)
      say(
        `  as a multiple of the first setting: rules ${(after.rules / base.rules).toFixed(2)}, tree ${(after.tree / base.tree).toFixed(2)}, rsync ${(after.rsync / base.rsync).toFixed(2)}`,
      )
    fs.rmSync(site.dir, { recursive: true, force: true })
  }
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}
