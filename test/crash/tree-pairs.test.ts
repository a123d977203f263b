/**
 * Two commands at once on one directory, of those that create, replace, migrate, archive, back up or write it: every ordered pair of them. The
 * directory opens, its history is proved, no acknowledged change is lost, and each command is done or says why it refused.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyDir, type RunOptions, type RunResult, runBrine } from '../support/processes/cli.js'
import { isSlow, sampled, sampleSeed } from '../support/processes/sample.js'
import { frozenDir, thawStore } from '../support/store/frozen-store.js'
import { fastest } from '../support/store/store.js'

const NOW = '2026-11-21T13:00:00Z'
const LATER = '2026-12-21T13:00:00Z'
const URIS = ['--rsync', 'rsync://rpki.example/repo/', '--rrdp', 'https://rpki.example/rrdp/']

/** What one command of a pair works with: the directory that both use, and what is beside it. */
interface Scene {
  readonly dir: string
  /** A folder for backups, and an empty one for an archive. */
  readonly vault: string
  readonly archive: string
  /** Which of the two commands it is. */
  readonly n: number
}

type Command = (scene: Scene) => readonly string[]

let folder: string
let backup: string
/** Data directories by the state that a pair begins with. */
const bases: Record<string, string | undefined> = {}
const totals = { pairs: 0, codes: new Map<number | null, number>() }

const restore: Command = () => ['restore', backup, '--replace', '--yes']
const fill: Command = () => ['restore', backup, '--yes']
const upgrade: Command = () => ['upgrade', '--only']
const undo: Command = () => ['upgrade', '--undo']
const archive: Command = ({ archive: to }) => ['archive', '--older-than', '1d', '--to', to]
const backUp: Command = ({ vault }) => ['backup', 'create', join(vault, 'one.tar.gz'), '--plain']
const backUpInto: Command = ({ vault }) => ['backup', 'create', vault, '--plain']
const init: Command = () => ['init']
const initTest: Command = () => ['init', '--test']
const testbed: Command = () => ['testbed', 'init', ...URIS, '--test']
const recover: Command = () => ['recover']
const add: Command = ({ n }) => ['roa', 'add', 'acme', `192.0.2.${n}/32 => 64496`]
const republish: Command = () => ['republish']

/** By state: what may be started on a directory in it. */
const MATRIX: Readonly<Record<string, Readonly<Record<string, Command>>>> = {
  'of format 1': { restore, upgrade, undo, add, init },
  upgraded: { restore, upgrade, undo, archive, recover, add, republish },
  present: { restore, fill, upgrade, backUp, backUpInto, init, testbed, recover, add, republish },
  missing: { restore, fill, init, initTest, testbed },
  empty: { restore, fill, init, initTest, testbed },
}

/** Done; a rule or usage refused it; some parts failed; another command was in the way; of an older format; published later. */
const DOCUMENTED = [0, 1, 2, 3, 11, 13, 17]

beforeAll(async () => {
  folder = mkdtempSync(join(fastest(), 'brine-pairs-'))
  const old = thawStore(1, join(folder, 'old'))
  const upgraded = copyDir(old, mkdirAt(join(folder, 'upgraded')))
  await ok(['upgrade', '--only'], { dataDir: upgraded, now: NOW })
  const present = join(folder, 'present')
  await ok(['restore', join(frozenDir, 'format-1.backup'), '--into', present, '--yes'], { now: NOW })
  await ok(['republish'], { dataDir: present, now: NOW })
  backup = join(folder, 'backup.tar.gz')
  await ok(['backup', 'create', backup, '--plain'], { dataDir: present, now: NOW })
  Object.assign(bases, { 'of format 1': old, upgraded, present })
}, 120_000)

afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
  const codes = [...totals.codes].sort().map(([code, n]) => `${n} x exit ${code}`)
  process.stderr.write(`pairs of commands on one tree: ${totals.pairs} pairs, ${codes.join(', ')}\n`)
})

async function ok(args: readonly string[], options: RunOptions): Promise<RunResult> {
  const ran = await runBrine(args, options)
  if (ran.code !== 0) throw new Error(`brine ${args.join(' ')}: exit ${ran.code}\n${ran.stdout}${ran.stderr}`)
  return ran
}

const pairs = Object.entries(MATRIX).flatMap(([state, commands]) =>
  Object.keys(commands).flatMap((a) => Object.keys(commands).map((b) => ({ state, a, b }))),
)
const ROUNDS = isSlow ? 3 : 1

describe('pairs of commands on one tree', () => {
  for (const { state, a, b } of sampled(pairs, 9))
    it(`${state}: ${a} and ${b}`, async () => {
      for (let round = 0; round < ROUNDS; round++) await expectSafe(state, a, b, round + sampleSeed)
    }, 240_000)
})

async function expectSafe(state: string, a: string, b: string, round: number): Promise<void> {
  const place = mkdtempSync(join(folder, 'pair-'))
  const dir = join(place, 'data')
  const base = bases[state]
  if (base !== undefined) copyDir(base, mkdirAt(dir))
  else if (state === 'empty') mkdirAt(dir)
  const scene = { dir, vault: mkdirAt(join(place, 'vault')), archive: mkdirAt(join(place, 'archive')) }
  const ran = await Promise.all([run(state, a, { ...scene, n: 1 }, 0), run(state, b, { ...scene, n: 2 }, round % 4)])
  const label = `${state}: ${a} and ${b}\n${ran.map((r) => `exit ${r.code} ${r.stderr}`).join('')}`
  for (const { code } of ran) expect(DOCUMENTED, label).toContain(code)
  expect(
    readdirSync(place).filter((name) => !/^(?:archive|vault|data(?:\.replaced-\w+(?:-\d+)?)?)$/.test(name)),
    label,
  ).toEqual([])
  await expectProved(dir, ran, label)
  for (const name of readdirSync(scene.vault)) await ok(['backup', 'verify', join(scene.vault, name)], {})
  for (const [n, one] of [a, b].entries())
    if (one === 'add' && ran[n]?.code === 0) expect(isKept(place, `192.0.2.${n + 1}/32`), label).toBe(true)
  rmSync(place, { recursive: true, force: true })
}

async function run(state: string, name: string, scene: Scene, quarter: number): Promise<RunResult> {
  await setTimeout(quarter * 120)
  const args = MATRIX[state]?.[name]?.(scene) ?? []
  const at = args[0] === 'restore' ? ['--into', scene.dir] : []
  // what `init` makes takes the real clock
  const now = name === 'init' ? {} : { now: name === 'archive' ? LATER : NOW }
  // two workers have the same fixed keys: a command that is refused would remove that of the other
  const result = await runBrine([...args, ...at], { dataDir: scene.dir, isProcess: true, ...now })
  totals.codes.set(result.code, (totals.codes.get(result.code) ?? 0) + 1)
  return result
}

/** The directory opens, and its history is proved: in the older format after a migration. */
async function expectProved(dir: string, ran: readonly RunResult[], label: string): Promise<void> {
  totals.pairs += 1
  if (ran.every(({ code }) => code !== 0) && !existsSync(dir)) return
  const options = { dataDir: dir, ...(isTest(dir) ? { now: LATER } : {}) }
  await ok(['upgrade', '--only'], options)
  if (readdirSync(join(dir, 'cas')).length > 0) await ok(['pubserver', 'write'], options)
  const verified = await runBrine(['audit', 'verify'], options)
  expect(verified.code, `${label}${verified.stdout}${verified.stderr}`).toBe(0)
}

function isTest(dir: string): boolean {
  return readFileSync(join(dir, 'brine.json'), 'utf8').includes('"test":true')
}

/** Returns true if an event of the directory, or of one that a restore kept, has this text. */
function isKept(place: string, text: string): boolean {
  const trees = readdirSync(place).filter((name) => name.startsWith('data'))
  const found = trees.flatMap((name) =>
    readdirSync(join(place, name, 'cas/acme')).map((f) => join(name, 'cas/acme', f)),
  )
  const events = found.filter((path) => /event-\d+\.json$/.test(path))
  return execFileSync('cat', events, { cwd: place, encoding: 'utf8', maxBuffer: 1e8 }).includes(text)
}

function mkdirAt(path: string): string {
  mkdirSync(path, { mode: 0o711 })
  return path
}
