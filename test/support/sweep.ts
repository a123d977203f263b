/**
 * One command in this process, once for every file operation it makes and every way in which that may fail: dead before it, dead half-way
 * through a write, an error once, an error from there on. What holds afterwards is told as complaints.
 * Invariant: what was killed does nothing more; only what is below the data directory is failed.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { auditVerify } from '../../src/core/app/audit.js'
import { auditDigest } from '../../src/core/app/digest.js'
import { tick } from '../../src/core/app/tick.js'
import { AppError } from '../../src/core/base/errors.js'
import { sha256Hex } from '../../src/core/crypto/digest.js'
import { copyDir } from './cli.js'
import { patchFs } from './fault-fs.js'
import { fastest } from './store.js'
import { quickSession } from './testbed.js'

/** How an operation fails. */
export const KINDS = ['kill', 'torn', 'EIO', 'EIO for ever', 'ENOSPC', 'ENOSPC for ever'] as const
export type Kind = (typeof KINDS)[number]

export interface Subject {
  readonly name: string
  /** When the command runs; whatever comes after it is a minute later. */
  readonly now: string
  /** The data directory it starts from. */
  readonly base: string
  run(dir: string, now: string): Promise<unknown>
  /** A change that must work afterwards, whatever happened. */
  next(dir: string, now: string): Promise<unknown>
}

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

/** Every `step`-th operation, with each kind; the last one always. Two runs with the same step look at the same cases. */
export async function sweep(subject: Subject, kinds: readonly Kind[], step = 1): Promise<Swept> {
  const folder = mkdtempSync(join(fastest(), 'brine-sweep-'))
  try {
    const before = await logical(subject.base, subject.now)
    const clean = copyDir(subject.base, join(folder, 'clean'))
    await armed(clean, undefined, () => subject.run(clean, subject.now))
    const operations = seen
    const after = await logical(clean, subject.now)
    const complaints: string[] = []
    let cases = 0
    for (let at = 1; at <= operations.length; at++) {
      if (at % step !== 0 && at !== operations.length) continue
      for (const kind of kinds) {
        if (kind === 'torn' && operations[at - 1]?.startsWith('write') !== true) continue
        cases += 1
        const dir = copyDir(subject.base, join(folder, `case-${cases}`))
        const found = await judge(subject, dir, { at, kind }, { before, after })
        complaints.push(...found.map((text) => `${subject.name}, ${kind} at ${at} (${operations[at - 1]}): ${text}`))
        rmSync(dir, { recursive: true, force: true })
      }
    }
    return { operations, cases, complaints }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function judge(
  subject: Subject,
  dir: string,
  one: Fault,
  digests: { readonly before: string; readonly after: string },
): Promise<readonly string[]> {
  const complaints: string[] = []
  const said = await armed(dir, one, () => subject.run(dir, subject.now).then(() => 'yes', whatItSays))
  const soon = later(subject.now)
  complaints.push(...(await attempt('served', async () => brokenRrdp(dir))))
  complaints.push(
    ...(await attempt('state', async () => {
      const now = await logical(dir, soon)
      if (now !== digests.before && now !== digests.after) return ['is neither the old nor the new one']
      if (dead || said === 'unknown') return []
      if (said === 'yes' && now !== digests.after) return ['said to be changed, and is not']
      return said === 'no' && now !== digests.before ? ['said not to be changed, and is'] : []
    })),
  )
  complaints.push(
    ...(await attempt('tick', async () =>
      (await tick(await quickSession(dir, soon))).failed.map((f) => `${f.ca}: ${f.message}`),
    )),
  )
  complaints.push(...(await attempt('audit', async () => problemsOf(dir, soon))))
  complaints.push(
    ...(await attempt('next command', async () => [void (await subject.next(dir, soon))].flatMap(() => []))),
  )
  complaints.push(...(await attempt('audit at the end', async () => problemsOf(dir, soon))))
  return complaints
}

function whatItSays(error: unknown): string {
  if (dead) return 'dead'
  return error instanceof AppError ? (error.changed ?? 'no') : `is no error of ours: ${String(error)}`
}

async function attempt(what: string, check: () => Promise<readonly string[]>): Promise<readonly string[]> {
  try {
    return (await check()).map((text) => `${what}: ${text}`)
  } catch (error) {
    return [`${what}: ${error instanceof Error ? error.message : String(error)}`]
  }
}

async function logical(dir: string, now: string): Promise<string> {
  return (await auditDigest(await quickSession(dir, now))).logical
}

async function problemsOf(dir: string, now: string): Promise<readonly string[]> {
  const { aggregates, problems } = await auditVerify(await quickSession(dir, now))
  return [...problems, ...aggregates.flatMap((a) => a.problems)].map((p) => `${p.file} ${p.path}: ${p.problem}`)
}

/** Files that the notification names and that are not there as it says: a relying party would fall back or fail. */
function brokenRrdp(dir: string): readonly string[] {
  const rrdp = join(dir, 'repo', 'rrdp')
  const notification = readFileSync(join(rrdp, 'notification.xml'), 'utf8')
  const files = [...notification.matchAll(/uri="[^"]*\/rrdp\/([^"]+)" hash="([0-9a-f]+)"/g)]
  return files
    .filter(([, path, hash]) => sha256Hex(readFileSync(join(rrdp, path ?? ''))) !== hash)
    .map(([text]) => `${text} is not what the notification says`)
}

function later(now: string): string {
  return new Date(Date.parse(now) + 60_000).toISOString().replace('.000', '')
}
