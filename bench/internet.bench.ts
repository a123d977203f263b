/**
 * The routed Internet in one data directory: a CA for each origin AS, with the ROAs for its routes. For each number of CAs in `BENCH_CAS`
 * (default 1,000; the whole is 91065): creation, publication, one more ROA, `tick` with nothing due, `status`, `backup create`, `tick` with
 * everything due, and the verdict of rpki-client where it is installed. CPU times are given as multiples of `node -e 0` too, and from the
 * second number on as multiples of the first.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addSeconds, type Instant } from '../src/core/base/time.js'
import { findProgram } from '../test/support/peers/validators.js'
import { childrenCpu } from './support/cgi.js'
import { type Filled, fill, fillPool, poolFor } from './support/filled.js'
import { newFolder } from './support/folder.js'
import { type Origin, origins } from './support/internet.js'
import { machine } from './support/load.js'
import { BRINE, NODE, run, say } from './support/run.js'

const SIZES = (process.env['BENCH_CAS'] ?? '1000').split(',').map(Number)
const HOUR = 3600

interface Timed {
  /** CPU time with that of its children, milliseconds. */
  readonly cpu: number
  readonly wall: number
  /** Peak resident memory, MiB. */
  readonly peak: number
  readonly output: string
}

async function timed(args: readonly string[], now?: Instant, program = NODE): Promise<Timed> {
  const before = childrenCpu()
  const done = await run(args, [0, 4], now, program)
  return { ...done, cpu: childrenCpu() - before }
}

const folder = newFolder()
/** CPU time of a process that does nothing, counted in hundredths of a second: the mean of twenty. */
const bare = await nothing()
/** Results for the first number of CAs, by job. */
const first = new Map<string, Timed>()

async function nothing(): Promise<number> {
  let sum = 0
  for (let n = 0; n < 20; n++) sum += (await timed(['-e', '0'])).cpu
  return sum / 20
}

function report(job: string, one: Timed, note = ''): void {
  const base = first.get(job)
  first.set(job, base ?? one)
  const ratio = base === undefined ? '' : `, ${(one.cpu / base.cpu).toFixed(1)} x the first`
  const [cpu, wall, peak] = [(one.cpu / 1000).toFixed(2), (one.wall / 1000).toFixed(2), one.peak.toFixed(0)]
  say(
    `  ${job.padEnd(26)} CPU ${cpu} s (${(one.cpu / bare).toFixed(0)} x node -e 0${ratio}), wall ${wall} s, peak ${peak} MiB ${note}`,
  )
}

async function measure({ data, now, cas, roas, wall, cpu }: Filled, last: Origin): Promise<void> {
  const [rate, each] = [(cas / (wall / 1000)).toFixed(0), (cpu / cas).toFixed(1)]
  say(`${cas} CAs, ${roas} ROAs: ${rate} CAs a second, CPU ${each} ms each; ${files(data)} files`)
  const at = (seconds: number): Instant => addSeconds(now, seconds)
  const brine = (seconds: number, ...args: readonly string[]): Promise<Timed> =>
    timed([BRINE, '--data-dir', data, ...args], at(seconds))
  // of a small CA, with another origin
  const one = (verb: string): readonly string[] => ['roa', verb, `as${last.asn}`, `${last.prefixes[0]} => 64496`]
  report('publish all (tick)', await brine(60, 'tick'))
  report('one more ROA', await brine(120, ...one('add')))
  report('one ROA less, same hour', await brine(180, ...one('remove')))
  report('tick, nothing due', await brine(240, 'tick'))
  report('tick again', await brine(300, 'tick'))
  report('status', await brine(360, 'status'))
  const backup = join(folder, `backup-${cas}`)
  mkdirSync(backup)
  report('backup create', await brine(420, 'backup', 'create', join(backup, 'one'), '--plain'))
  fillPool(data, poolFor(cas))
  report('tick, everything due', await brine(20 * HOUR, 'tick'))
  await verdict(data, at(20 * HOUR + 60), roas)
}

/** Lets rpki-client read the published tree, without a network. As root it becomes another user, who then has to own its folders. */
async function verdict(data: string, now: Instant, roas: number): Promise<void> {
  const client = findProgram('rpki-client')
  if (client === undefined) return say('  no rpki-client: not validated')
  const scratch = mkdtempSync(join(tmpdir(), 'brine-bench-'))
  try {
    chmodSync(scratch, 0o755)
    const [cache, out, tal] = [join(scratch, 'cache'), join(scratch, 'out'), join(scratch, 'ta.tal')]
    mkdirSync(out)
    copyFileSync(join(data, 'repo', 'ta', 'ta.tal'), tal)
    await timed([BRINE, '--data-dir', data, 'pubserver', 'write', '--into', cache], now)
    if (process.getuid?.() === 0) spawnSync('chown', ['-R', '_rpki-client', cache, out])
    const args = ['-n', '-j', '-P', String(Date.parse(now) / 1000), '-d', cache, '-t', tal, out]
    const ran = await timed(args, undefined, client).catch((error: Error) => error)
    // versions before 8.3 have no -P, and without the time of the bench every object is stale
    if (ran instanceof Error) return say(`  not validated: ${ran.message.split('\n')[0]}`)
    const { metadata } = JSON.parse(readFileSync(join(out, 'json'), 'utf8')) as {
      readonly metadata: Readonly<Record<string, number>>
    }
    const { uniquevrps, manifests, failedmanifests, stalemanifests } = metadata
    const bad = `${failedmanifests ?? 0} failed and ${stalemanifests ?? 0} stale of ${manifests} manifests`
    report('rpki-client', ran, `; ${uniquevrps} VRPs of ${roas}, ${bad}`)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

function files(dir: string): number {
  const found = spawnSync('find', [dir, '-type', 'f'], { encoding: 'utf8', maxBuffer: 2 ** 30 })
  return found.stdout.split('\n').length - 1
}

try {
  say(`${machine()}; node -e 0: CPU ${bare.toFixed(0)} ms`)
  for (const size of SIZES) {
    const all = origins(size)
    let shown = performance.now()
    const filled = await fill(folder, all, (cas) => {
      if (performance.now() - shown < 30_000) return
      shown = performance.now()
      say(`  ${cas} of ${all.length}, ${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB`)
    })
    const last = all.at(-1)
    if (last !== undefined) await measure(filled, last)
    if (process.env['BENCH_KEEP'] === undefined) rmSync(filled.data, { recursive: true, force: true })
    else say(`  kept: ${filled.data}`)
  }
} finally {
  if (process.env['BENCH_KEEP'] === undefined) rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}
