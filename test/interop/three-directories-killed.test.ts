/**
 * The chain of three directories whose commands, and workers behind nginx, are killed at random moments: what was visible stays visible all the
 * time, and once the kills stop a few ticks bring every directory to exactly the expected VRPs. About 200 kills with SLOW=1.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, expect, test } from 'vitest'
import { skipUnlessOnline } from '../support/peers/online.js'
import { runOffline, validators } from '../support/peers/validators.js'
import { projectDir } from '../support/processes/brine-shim.js'
import { needProgram } from '../support/processes/missing.js'
import { isSlow, sampleSeed, seededNumbers } from '../support/processes/sample.js'
import { scratchFolder } from '../support/sites/testbed.js'
import {
  CHAIN,
  type ChainCa,
  DIRECTORIES,
  type Directory,
  ThreeDirectories,
} from '../support/sites/three-directories.js'

const BATCHES = isSlow ? 20 : 2
const KILLS = isSlow ? 10 : 5
const TICKS = 4

const scratch = scratchFolder('three-killed')
let site: ThreeDirectories
afterAll(async () => {
  await site?.server.stop()
  scratch.remove()
})

const next = seededNumbers(sampleSeed)
const pick = <T>(of: readonly T[]): T => of[Math.floor(next() * of.length)] as T

/** Prefix, up to its third number, and AS of the ROAs of each CA. */
const PLACES: Readonly<Record<ChainCa, readonly [string, number]>> = {
  testbed: ['172.16', 64496],
  two: ['10.0', 64497],
  three: ['10.65', 64498],
  four: ['10.64', 64499],
}
const added = new Map<ChainCa, string[]>(CHAIN.map(([ca]) => [ca, []]))

function newRoa(ca: ChainCa): string {
  const [start, asn] = PLACES[ca]
  const texts = added.get(ca) ?? []
  texts.push(`${start}.${texts.length}.0/24 => ${asn}`)
  return texts.at(-1) ?? ''
}
const vrpsOf = (): readonly string[] =>
  [...added.values()].flat().map((text) => text.replace(/^(.*\/24) => (\d+)$/, 'AS$2,$1,24'))

interface Action {
  readonly where: Directory
  readonly args: readonly string[]
  /** The worker that is killed in place of the command. */
  readonly server?: 'top' | 'middle'
}

let has11 = false
const tick = (): Action => ({ where: pick(DIRECTORIES), args: ['tick'] })
const ACTIONS: readonly (() => Action)[] = [
  tick,
  tick,
  () => {
    const [ca, where] = pick(CHAIN)
    return { where, args: ['roa', 'add', ca, newRoa(ca)] }
  },
  () => pick([refresh('two', 'middle'), refresh('four', 'bottom')]),
  () => {
    const [ca, where] = pick(CHAIN)
    return { where, args: ['keyroll', 'init', ca, '--activate-after', '5m'] }
  },
  () => {
    has11 = !has11
    const change = has11 ? ['--add'] : ['--yes', '--reason', 'test', '--remove']
    return { where: 'top', args: ['child', 'update', 'testbed', 'two', ...change, '11.0.0.0/8'] }
  },
  () => ({ ...tick(), where: 'middle', server: 'top' }),
  () => ({ ...pick([tick(), refresh('four', 'bottom')]), where: 'bottom', server: 'middle' }),
  () => ({ ...refresh('two', 'middle'), server: 'top' }),
]
function refresh(ca: ChainCa, where: Directory): Action {
  return { where, args: ['parent', 'refresh', ca] }
}

const outcomes = { killed: 0, ended: 0, servers: 0 }
/** How long commands of a kind run, milliseconds, as far as is known. */
const lasts = new Map<string, number>()

/** Runs a command as a process of its own, and kills it or the worker that answers it at a random moment. */
async function killed({ where, args, server }: Action): Promise<void> {
  const kind = args.slice(0, 2).join(' ')
  const most = lasts.get(kind) ?? 1200
  const env = {
    PATH: process.env['PATH'] ?? '',
    HOME: scratch.dir,
    BRINE_NOW: site.now,
    BRINE_DATA_DIR: site.dirs[where],
  }
  const began = Date.now()
  const child = spawn(process.execPath, [join(projectDir, 'bin/run.js'), ...args], { env, stdio: 'ignore' })
  const end = ended(child)
  await Promise.race([setTimeout(100 + next() * most), end])
  if (server !== undefined) {
    outcomes.servers += 1
    await site.server.kill(site.dirs[server])
    await end
    await site.server.serve(site.dirs[server], site.now)
    return
  }
  child.kill('SIGKILL')
  const { signal } = await end
  outcomes[signal === 'SIGKILL' ? 'killed' : 'ended'] += 1
  lasts.set(kind, signal === 'SIGKILL' ? most * 1.15 : Math.max(200, Date.now() - began - 100))
}

function ended(child: ChildProcess): Promise<{ readonly signal: NodeJS.Signals | null }> {
  return new Promise((resolve) => child.once('close', (_, signal) => resolve({ signal })))
}

/** Lays both published trees out as a validator mirrors them; returns the folder. */
function mirror(): string {
  const root = join(scratch.dir, 'mirror')
  rmSync(root, { recursive: true, force: true })
  for (const [where, host, name] of [
    ['top', 'rpki.example', 'repo'],
    ['middle', 'below.example', 'below'],
  ] as const) {
    const repo = join(site.dirs[where], 'repo')
    mkdirSync(join(root, host), { recursive: true })
    cpSync(realpathSync(join(repo, 'rsync', 'current')), join(root, host, name), { recursive: true })
  }
  cpSync(join(site.dirs.top, 'repo', 'ta'), join(root, 'rpki.example', 'ta'), { recursive: true })
  return root
}

const epoch = (): number => Date.parse(site.now) / 1000 + 60

/** Returns the VRPs that rpki-client finds in the published trees, whatever it says of them. */
function visible(): readonly string[] {
  const { rpkiClient = '' } = validators()
  const [cache, out] = [mirror(), join(scratch.dir, 'out')]
  mkdirSync(join(cache, 'ta', 'ta'), { recursive: true })
  cpSync(join(cache, 'rpki.example', 'ta', 'ta.cer'), join(cache, 'ta', 'ta', 'ta.cer'))
  rmSync(out, { recursive: true, force: true })
  mkdirSync(out)
  if (process.getuid?.() === 0) execFileSync('chown', ['-R', '_rpki-client', cache, out])
  chmodSync(out, 0o777)
  execFileSync(rpkiClient, ['-n', '-j', '-P', String(epoch()), '-d', cache, '-t', site.tal, out], { stdio: 'pipe' })
  const { roas } = JSON.parse(readFileSync(join(out, 'json'), 'utf8'))
  return roas.map(
    (roa: { asn: number; prefix: string; maxLength: number }) => `AS${roa.asn},${roa.prefix},${roa.maxLength}`,
  )
}

/** Repeats what was killed, and lets every directory tick until nothing is left to do. */
async function settle(): Promise<void> {
  for (const [ca, where] of CHAIN) await site.run(where, 'roa', 'add', ca, ...(added.get(ca) ?? []), '--idempotent')
  // every parent is asked
  await site.pass(25 * 3600)
  for (let round = 0; ; round++) {
    const done = await site.tick()
    if (done.length === 0) break
    expect(round, done.join('\n')).toBeLessThan(TICKS)
    await site.pass(16 * 60)
  }
  const run = await runOffline(mirror(), site.tal, vrpsOf(), { at: epoch() })
  expect(run.ok, run.output).toBe(true)
}

test(
  `three directories with ${BATCHES * KILLS} kills`,
  async (context) => {
    skipUnlessOnline(context)
    site = await ThreeDirectories.make(scratch.dir, needProgram(context, 'nginx'))
    await site.tick()
    for (const [ca] of CHAIN) newRoa(ca)
    await settle()
    for (let batch = 0; batch < BATCHES; batch++) {
      const stable = vrpsOf()
      for (let n = 0; n < KILLS; n++) {
        await site.pass(360 + Math.floor(next() * 600))
        const action = pick(ACTIONS)()
        await killed(action)
        const found = new Set(visible())
        const lacking = stable.filter((vrp) => !found.has(vrp))
        expect(lacking, `after ${JSON.stringify(action)}`).toEqual([])
      }
      await settle()
    }
    await site.audit()
    process.stderr.write(`${JSON.stringify(outcomes)}\n`)
    expect(outcomes.killed + outcomes.servers).toBeGreaterThan(0)
  },
  isSlow ? 3_600_000 : 480_000,
)
