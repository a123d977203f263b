/**
 * `brine roa add` as a separate process, killed, interrupted within a write or failing at its file operations: its report is true, the
 * published tree is complete for a reader at that instant, the next command succeeds, and the next `tick` publishes everything.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { pubdState } from '../../src/core/app/session/context.js'
import { openSession } from '../../src/core/app/session/session.js'
import { publicationTarget } from '../../src/core/app/transaction/publish-tree.js'
import { sha256Hex } from '../../src/core/crypto/digest.js'
import { Work } from '../../src/core/eventsourcing/work.js'
import { verifyTree } from '../../src/core/publication/verify.js'
import { copyDir, type RunResult, runBrine } from '../support/processes/cli.js'
import { type Fault, type FaultRunner, faultRunner } from '../support/processes/faults.js'
import { sampled } from '../support/processes/sample.js'
import { complaints, readServedTree } from '../support/rpki/served-tree.js'
import { fillPool } from '../support/sites/seeds.js'
import { newTestbed } from '../support/sites/testbed.js'

const NOW = '2026-01-01T00:00:00Z'
const SOON = '2026-01-01T00:01:00Z'
const ADD = ['roa', 'add', 'testbed', '10.1.0.0/24=AS64497', '--json']

let folder: string
let base: string
let faults: FaultRunner
let operations: readonly string[]

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'brine-commands-'))
  faults = await faultRunner(folder)
  base = join(folder, 'base')
  await newTestbed(base, NOW)
  // the next command writes a snapshot that has a predecessor
  await runBrine(['roa', 'add', 'testbed', '10.0.0.0/24=AS64496'], { dataDir: base, now: NOW })
  // keys generated in advance; each case uses its own copy of them
  fillPool(base)
  operations = await faults.operations(ADD, { dataDir: copyDir(base, join(folder, 'clean')), now: NOW })
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Checks that a relying party finds no error at this instant, whatever happened to the command. */
function readersComplaints(dir: string): readonly string[] {
  const rrdp = join(dir, 'repo', 'rrdp')
  const notification = readFileSync(join(rrdp, 'notification.xml'), 'utf8')
  const files = [...notification.matchAll(/uri="[^"]*\/rrdp\/([^"]+)" hash="([0-9a-f]+)"/g)]
  expect(files.length).toBeGreaterThan(0)
  const wrong = files.filter(([, path, hash]) => sha256Hex(readFileSync(join(rrdp, path ?? ''))) !== hash)
  return [...wrong.map(([text]) => text), ...complaints(readServedTree(join(dir, 'repo')), SOON as never)]
}

async function hasRoa(dir: string): Promise<boolean> {
  const listed = await runBrine(['roa', 'list', 'testbed', '--json'], { dataDir: dir, now: NOW })
  expect(listed).toMatchObject({ code: 0 })
  return listed.stdout.includes('10.1.0.0/24')
}

/** Compares the report of the command with the state on disk. */
function expectTruth(ran: RunResult, isThere: boolean): void {
  if (ran.signal === 'SIGKILL') return
  expect([0, 14, 17, 18], ran.stdout + ran.stderr).toContain(ran.code)
  const { error } = JSON.parse(ran.stdout) as { error?: { changed: string } }
  // 18: the sync of the commit failed, or one after it
  if (ran.code === 18) expect(['unknown', 'yes']).toContain(error?.changed)
  else expect(error?.changed).toBe({ 14: 'no', 17: 'yes' }[ran.code ?? 0])
  if (ran.code === 0 || error?.changed === 'yes') expect(isThere).toBe(true)
  if (ran.code === 14) expect(isThere).toBe(false)
}

async function expectNextWorks(dir: string): Promise<void> {
  const next = await runBrine(['roa', 'add', 'testbed', '10.2.0.0/24=AS64498'], { dataDir: dir, now: SOON })
  expect(next, next.stderr).toMatchObject({ code: 0 })
  const session = await openSession({ dataDir: dir, actor: 'a', osUser: 'a', host: 'a', command: 'test' })
  const problems = await session.store.read(async (reader) => {
    const work = new Work(reader)
    return verifyTree(publicationTarget(session, { work }, pubdState(work)))
  })
  expect(problems).toEqual([])
  expect(complaints(readServedTree(join(dir, 'repo')), '2026-01-01T01:00:00Z' as never)).toEqual([])
}

let cases = 0

async function judge(fault: Fault): Promise<void> {
  const dir = copyDir(base, join(folder, `case-${++cases}`))
  const ran = await faults.run(ADD, { dataDir: dir, now: NOW }, fault)
  const label = `${fault.kind} at ${fault.at}: ${operations[fault.at - 1]}`
  expect(readersComplaints(dir), label).toEqual([])
  expectTruth(ran, await hasRoa(dir))
  await expectNextWorks(dir)
  rmSync(dir, { recursive: true, force: true })
}

/** Runs two at a time. */
async function judgeAll(list: readonly Fault[]): Promise<void> {
  const queue = [...list]
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await judge(next)
  }
  await Promise.all([lane(), lane()])
}

/** Returns the positions of the operations that match, a sample of about `count` of them. */
function positions(pattern: RegExp, count: number): readonly number[] {
  const all = operations.flatMap((text, i) => (pattern.test(text) ? [i + 1] : []))
  return sampled(all, count)
}

describe('brine roa add', () => {
  it('writes in the order that a commit requires', () => {
    const place = (pattern: RegExp): number => operations.findIndex((text) => pattern.test(text))
    const order = [
      /^unlink \/keys\/pool\//,
      /^sync \/keys\/pool$/,
      /^link \/objects\//,
      /^link \/cas\/testbed\/event-/,
      /^link \/cas\/testbed\/snapshot-/,
      /^link \/cas\/testbed\/command-/,
      /^sync \/cas\/testbed$/,
      /^link \/commits\/3\.json$/,
      /^sync \/commits$/,
      /^rename \/cas\/testbed\/info\.json$/,
      /^rename \/repo\/rsync\/current$/,
      /^rename \/repo\/rrdp\/notification\.xml$/,
    ].map(place)
    expect(order).not.toContain(-1)
    expect(order).toEqual([...order].sort((a, b) => a - b))
  })

  it('killed before an operation: all or nothing, and the next command succeeds', async () => {
    await judgeAll(positions(/./, 8).map((at) => ({ at, kind: 'kill' })))
  }, 900_000)

  it('killed within a write: the same', async () => {
    await judgeAll(positions(/^write/, 4).map((at) => ({ at, kind: 'torn' })))
  }, 900_000)

  it('an operation fails once: the exit code says what happened', async () => {
    await judgeAll(positions(/./, 6).map((at) => ({ at, kind: 'EIO' })))
  }, 900_000)

  it('the sync of the commit fails: 18, outcome unknown', async () => {
    const at = 'sync /commits'
    const dir = copyDir(base, join(folder, 'sync'))
    expect(await faults.run(ADD, { dataDir: dir, now: NOW }, { at, kind: 'EIO' })).toMatchObject({ code: 18 })
    expect(readersComplaints(dir)).toEqual([])
    await expectNextWorks(dir)
  })

  it('the disk is full from some operation on: 14 before the commit, 17 after it', async () => {
    await judgeAll(positions(/^(?:open|write|mkdir|link|sync)/, 4).map((at) => ({ at, kind: 'ENOSPC', forever: true })))
  }, 900_000)
})
