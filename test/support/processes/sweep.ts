/**
 * Runs one command in this process, once for every file operation that it makes and every way in which that may fail: killed before it,
 * killed half-way through a write, an error once, an error from there on. Returns what was wrong afterwards. A run looks at a sample of the
 * cases (sample.ts); SLOW=1 looks at every case and prints how many there were.
 * Invariant: a command that was killed does nothing more; only operations below the data directory fail.
 */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { tick } from '../../../src/core/app/operations/tick.js'
import { auditVerify } from '../../../src/core/app/proof/audit.js'
import { auditDigest } from '../../../src/core/app/proof/digest.js'
import { AppError } from '../../../src/core/base/errors.js'
import { toAppError } from '../../../src/core/cli/errors.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { quickSession } from '../sites/testbed.js'
import { fastest } from '../store/store.js'
import { copyDir } from './cli.js'
import { patchFs } from './fault-fs.js'
import { isSlow, sampled } from './sample.js'

/** How an operation fails. */
export const KINDS = ['kill', 'torn', 'EIO', 'EIO for ever', 'ENOSPC', 'ENOSPC for ever'] as const
export type Kind = (typeof KINDS)[number]

export interface Subject {
  readonly name: string
  /** BRINE_NOW of the command; whatever comes after it is a minute later. Left out: the clock's. */
  readonly now?: string
  /** The folder that each case gets a copy of: a data directory, or what holds `place`. */
  readonly base: string
  /** The data directory below it, which may not be there yet. */
  readonly place?: string
  /** What fails is only what is below the data directory: its peer beside it goes on. */
  readonly hasPeer?: boolean
  /** Before the command, with nothing failing. */
  prepare?(dir: string): unknown
  run(dir: string, now: string | undefined): Promise<unknown>
  /** A change that must work afterwards, whatever happened. */
  next(dir: string, now: string | undefined): Promise<unknown>
  /** What is the old one or the new one afterwards, asked only where there is a data directory; left out: the states of all aggregates. */
  state?(dir: string, now: string | undefined): Promise<string>
  /** What counts as the old one even where it says that something changed: the same command goes on from there. */
  readonly begun?: string
  /** Where it ends that fails between two commits and says so: the next tick brings it to the new one. */
  readonly half?: RegExp
}

/** A state that keeps other commands from running. */
export const DAMAGED = 'damaged'

export interface Swept {
  readonly operations: readonly string[]
  readonly cases: number
  readonly complaints: readonly string[]
}

interface Fault {
  readonly at: number
  readonly kind: Kind
}

let root = ''
let seen: string[] = []
let fault: Fault | undefined
let dead = false

patchFs((operation, path, run, tear) => {
  if (root === '' || !path.startsWith(root)) return run()
  if (dead) throw new Error('this process is dead')
  seen.push(`${operation} ${path.slice(root.length)}`)
  if (fault === undefined) return run()
  const { at, kind } = fault
  if (seen.length !== at && !(kind.endsWith('for ever') && seen.length > at)) return run()
  if (kind === 'torn') tear?.()
  if (kind === 'kill' || kind === 'torn') {
    dead = true
    throw new Error('this process is dead')
  }
  const [code = ''] = kind.split(' ')
  // a full disk still forgets names and syncs what it has
  if (code === 'ENOSPC' && !['open', 'write', 'mkdir', 'link', 'symlink', 'rename'].includes(operation)) return run()
  throw Object.assign(new Error(`${code}: injected`), { code, syscall: operation, path })
})

async function armed<T>(dir: string, one: Fault | undefined, work: () => Promise<T>): Promise<T> {
  root = dir
  seen = []
  fault = one
  dead = false
  try {
    return await work()
  } finally {
    root = ''
  }
}

/** Returns true in a command that was killed: it sends nothing more. */
export function isDead(): boolean {
  return root !== '' && dead
}

/** Looks at a sample of about `count` cases. */
export async function sweep(subject: Subject, kinds: readonly Kind[], count: number): Promise<Swept> {
  const folder = mkdtempSync(join(fastest(), 'brine-sweep-'))
  // audit verify reports a published tree that a closed folder hides
  chmodSync(folder, 0o755)
  try {
    const old = await copyOf(subject, join(folder, 'old'))
    const before = await stateOf(subject, old, subject.now)
    const clean = await copyOf(subject, join(folder, 'clean'))
    await armed(failing(subject, join(folder, 'clean'), clean), undefined, () => subject.run(clean, subject.now))
    const operations = seen
    const after = await stateOf(subject, clean, subject.now)
    const all = operations.flatMap((text, i) =>
      kinds.filter((kind) => kind !== 'torn' || text.startsWith('write')).map((kind): Fault => ({ at: i + 1, kind })),
    )
    const chosen = sampled(all, count)
    const complaints: string[] = []
    for (const [n, fault] of chosen.entries()) {
      const root = join(folder, `case-${n + 1}`)
      const found = await judge(subject, root, fault, { before, after })
      const what = `${subject.name}, ${fault.kind} at ${fault.at} (${operations[fault.at - 1]})`
      complaints.push(...found.map((text) => `${what}: ${text}`))
      rmSync(root, { recursive: true, force: true })
    }
    if (isSlow)
      process.stderr.write(
        `${subject.name}: ${operations.length} operations, ${chosen.length} of ${all.length} cases, ${complaints.length} complaints\n`,
      )
    return { operations, cases: chosen.length, complaints }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The data directory in a new copy of the base. */
async function copyOf({ base, place, prepare }: Subject, root: string): Promise<string> {
  copyDir(base, root)
  const dir = place === undefined ? root : join(root, place)
  await prepare?.(dir)
  return dir
}

const failing = ({ hasPeer }: Subject, root: string, dir: string): string => (hasPeer === true ? dir : root)

async function judge(subject: Subject, root: string, one: Fault, states: States): Promise<readonly string[]> {
  const dir = await copyOf(subject, root)
  const said = await armed(failing(subject, root, dir), one, () =>
    subject.run(dir, subject.now).then(() => 'done', whatItSays),
  )
  const soon = later(subject.now)
  const complaints: string[] = []
  const ask = async (what: string, check: () => Promise<readonly string[]>): Promise<void> => {
    complaints.push(...(await attempt(what, check)))
  }
  let state = ''
  await ask('state', async () => {
    state = await stateOf(subject, dir, soon)
    return mismatch(subject, said, state, states)
  })
  if (isDataDir(dir) && state !== DAMAGED) {
    await ask('served', async () => brokenRrdp(dir, subject.place !== undefined))
    await ask('tick', async () =>
      (await tick(await quickSession(dir, soon))).failed.map((f) => `${f.ca}: ${f.message}`),
    )
    if (isHalf(subject, state, states))
      await ask('state after tick', async () => mismatch(subject, 'done', await stateOf(subject, dir, soon), states))
    await ask('audit', async () => problemsOf(dir, soon))
  }
  if (!isDataDir(dir)) await ask('no data directory', async () => notRefused(dir, soon))
  await ask('next command', async () => [void (await subject.next(dir, soon))].flatMap(() => []))
  await ask('audit at the end', async () => problemsOf(dir, soon))
  return complaints
}

interface States {
  readonly before: string
  readonly after: string
}

/** What it says, against what is there. */
function mismatch(subject: Subject, said: string, now: string, states: States): readonly string[] {
  const { before, after } = states
  const isBetween = now === subject.begun || isHalf(subject, now, states)
  if (now !== before && now !== after && !isBetween) return [`is neither the old nor the new one, but ${now}`]
  if (dead || said === 'unknown') return []
  if (said === 'done' || said === 'yes')
    return now === after || (said === 'yes' && isBetween) ? [] : [`said to be changed (${said}), and is ${now}`]
  if (said !== 'no') return [said]
  return now === before ? [] : [`said not to be changed, and is ${now}`]
}

function isHalf({ half }: Subject, now: string, { before, after }: States): boolean {
  return half?.test(now) === true && now !== before && now !== after
}

function isDataDir(dir: string): boolean {
  return existsSync(join(dir, 'brine.json'))
}

async function stateOf(subject: Subject, dir: string, now: string | undefined): Promise<string> {
  if (!isDataDir(dir)) return 'no data directory'
  return (subject.state ?? logical)(dir, now)
}

/** Where there is no marker every command says so. */
async function notRefused(dir: string, now: string | undefined): Promise<readonly string[]> {
  const said = await quickSession(dir, now).then(() => 'opens', whatItIs)
  return said === 'no-data-dir' ? [] : [`opening it says ${said}`]
}

const whatItIs = (error: unknown): string => (error instanceof AppError ? error.kind : String(error))

/** As the command line would tell it: `no`, `yes` or `unknown`, or that it is a bug. */
function whatItSays(thrown: unknown): string {
  if (dead) return 'dead'
  const error = toAppError(thrown, { changed: 'no', command: 'brine', debug: true })
  return error.kind === 'internal' ? error.message : error.changed
}

async function attempt(what: string, check: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return (await check()).map((text) => `${what}: ${text}`)
  } catch (error) {
    return [`${what}: ${error instanceof Error ? error.message : String(error)}`]
  }
}

/** The digest of all states, without keys, serials and times. */
export async function logical(dir: string, now: string | undefined): Promise<string> {
  return (await auditDigest(await quickSession(dir, now))).logical
}

async function problemsOf(dir: string, now: string | undefined): Promise<readonly string[]> {
  const { aggregates, problems } = await auditVerify(await quickSession(dir, now))
  return [...problems, ...aggregates.flatMap((a) => a.problems)].map((p) => `${p.file} ${p.path}: ${p.problem}`)
}

/** Files that the notification names and that are not there as it says: a relying party would fall back or fail. A new directory may have none yet. */
function brokenRrdp(dir: string, isNew: boolean): readonly string[] {
  const rrdp = join(dir, 'repo', 'rrdp')
  const path = join(rrdp, 'notification.xml')
  if (!existsSync(path)) return isNew || !existsSync(rrdp) ? [] : [`${path} is not there`]
  const notification = readFileSync(path, 'utf8')
  const files = [...notification.matchAll(/uri="[^"]*\/rrdp\/([^"]+)" hash="([0-9a-f]+)"/g)]
  return files
    .filter(([, path, hash]) => sha256Hex(readFileSync(join(rrdp, path ?? ''))) !== hash)
    .map(([text]) => `${text} is not what the notification says`)
}

function later(now: string | undefined): string | undefined {
  return now === undefined ? undefined : new Date(Date.parse(now) + 60_000).toISOString().replace('.000', '')
}
