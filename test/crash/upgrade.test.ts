/**
 * `brine upgrade` as a separate process, killed, interrupted within a write or failing at its file operations: the old tree is unchanged or
 * the next run completes the new one, every command in between reports it, and the result replays to the same digest.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyDir, type RunResult, runBrine } from '../support/processes/cli.js'
import { type Fault, type FaultRunner, faultRunner } from '../support/processes/faults.js'
import { isSlow, sampled } from '../support/processes/sample.js'
import { contentsOf, expectedOf, thawStore } from '../support/store/frozen-store.js'
import { fastest } from '../support/store/store.js'

const NOW = '2026-11-21T13:00:00Z'
const UP = ['upgrade', '--only', '--json']
const UNDO = ['upgrade', '--undo', '--json']

let folder: string
let faults: FaultRunner
/** Of each format, and what `upgrade` and `--undo` do to them. */
let old: string
let present: string
let up: readonly string[]
let down: readonly string[]
let untouched: readonly string[]

beforeAll(async () => {
  folder = mkdtempSync(join(fastest(), 'brine-crash-upgrade-'))
  faults = await faultRunner(folder)
  old = thawStore(1, join(folder, 'old'))
  untouched = contentsOf(old)
  present = copyDir(old, join(folder, 'present'))
  up = await faults.operations(UP, { dataDir: present, now: NOW })
  down = await faults.operations(UNDO, { dataDir: copyDir(present, join(folder, 'undone')), now: NOW })
  if (isSlow) process.stderr.write(`upgrade: ${up.length} operations, --undo: ${down.length}\n`)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The first operation that relies on the new tree: everything before it must leave the old one unchanged. */
const begun = (operations: readonly string[]): number => operations.indexOf('rename /upgrade.json') + 1

async function expectWhole(dir: string, label: string): Promise<void> {
  const digest = await runBrine(['audit', 'verify', '--json'], { dataDir: dir, now: NOW })
  const report = digest.json<{
    digest: { full: string }
    problems: { file: string }[]
    aggregates: { problems: [] }[]
  }>()
  // the published tree is not part of a migration, and `--only` leaves it to the next command
  const problems = [
    ...report.problems.filter((p) => !p.file.startsWith('repo')),
    ...report.aggregates.flatMap((a) => a.problems),
  ]
  expect(problems, label).toEqual([])
  expect(report.digest.full, label).toBe(expectedOf(1).full)
  const left = readdirSync(dir).filter((name) => name.startsWith('upgrade'))
  expect(left, label).toEqual([])
}

let cases = 0

interface Judged {
  readonly dir: string
  readonly ran: RunResult
  readonly label: string
}

async function faulted(
  from: string,
  args: readonly string[],
  operations: readonly string[],
  fault: Fault,
): Promise<Judged> {
  const dir = copyDir(from, join(folder, `case-${++cases}`))
  const ran = await faults.run(args, { dataDir: dir, now: NOW }, fault)
  const label = `${fault.kind}${fault.forever === true ? ' for ever' : ''} at ${fault.at}: ${operations[fault.at - 1]}\n${ran.stdout}`
  if (ran.code !== 0 && ran.signal === null) {
    const { error } = ran.json<{ error: { changed: string; details: { bytes?: number } } }>()
    expect(ran.code, label).toBe(14)
    if (fault.at < begun(operations)) expect(error.changed, label).toBe('no')
    if (
      fault.kind === 'ENOSPC' &&
      fault.at < begun(operations) &&
      / \/upgrade-1-2\/[^.]/.test(operations[fault.at - 1] ?? '')
    )
      expect(error.details.bytes, label).toBeGreaterThan(100_000)
  }
  return { dir, ran, label }
}

/** Checks the state after a fault of `upgrade`. */
async function judgeUp(fault: Fault): Promise<void> {
  const { dir, label } = await faulted(old, UP, up, fault)
  const isBegun = existsSync(join(dir, 'upgrade.json'))
  const { format } = JSON.parse(readFileSync(join(dir, 'brine.json'), 'utf8')) as { format: number }
  if (format === 1) {
    const refused = await runBrine(['tick', '--json'], { dataDir: dir, now: NOW })
    expect(refused.code, label).toBe(13)
    expect(refused.json<{ error: object }>().error, label).toMatchObject({
      code: 'format-older',
      details: { interrupted: isBegun },
    })
    if (!isBegun) expect(contentsOf(dir, /^(\.lock|upgrade-1-2\/)/), label).toEqual(untouched)
  }
  const next = await runBrine(UP, { dataDir: dir, now: NOW })
  expect(next, label + next.stderr + next.stdout).toMatchObject({ code: 0 })
  await expectWhole(dir, label)
  rmSync(dir, { recursive: true, force: true })
}

/** Checks the state after a fault of `--undo`: the old tree is restored byte for byte, or the new one is still in place. */
async function judgeUndo(fault: Fault): Promise<void> {
  const { dir, label } = await faulted(present, UNDO, down, fault)
  const next = await runBrine(UNDO, { dataDir: dir, now: NOW })
  expect([0, 1, 13], label + next.stdout).toContain(next.code)
  expect(contentsOf(dir, /^(\.lock|old\/)/), label).toEqual(untouched)
  const again = await runBrine(UP, { dataDir: dir, now: NOW })
  expect(again, label + again.stdout).toMatchObject({ code: 0 })
  await expectWhole(dir, label)
  rmSync(dir, { recursive: true, force: true })
}

/** Runs two at a time. */
async function judgeAll(list: readonly Fault[], judge: (fault: Fault) => Promise<void>): Promise<void> {
  const queue = [...list]
  const lane = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await judge(next)
  }
  await Promise.all([lane(), lane()])
  if (isSlow) process.stderr.write(`${list.length} cases\n`)
}

/** Returns the positions from `from` on, a sample of about `count` of them. */
function positions(operations: readonly string[], from: number, to: number, count: number): readonly number[] {
  const all = operations.map((_, i) => i + 1).filter((at) => at >= from && at < to)
  return sampled(all, count)
}

describe('brine upgrade', () => {
  it('syncs the new tree and records its plan before the first folder moves, and changes the marker last', () => {
    const place = (pattern: RegExp): number => up.findIndex((text) => pattern.test(text))
    const order = [
      /^link \/upgrade-1-2\/cas\/acme\/event-0\.json$/,
      /^write \/upgrade-1-2\/commits\/117\.json$/,
      /^sync \/upgrade-1-2\/cas\/acme\/event-0\.json$/,
      /^sync \/upgrade-1-2$/,
      /^rename \/upgrade\.json$/,
      /^rename \/old\/format-1-[^/]+\/cas$/,
      /^rename \/commits$/,
      /^rename \/cas$/,
      /^rename \/brine\.json$/,
      /^unlink \/upgrade\.json$/,
    ].map(place)
    expect(order).not.toContain(-1)
    expect(order).toEqual([...order].sort((a, b) => a - b))
    // every file of the new tree
    const [written, synced] = ['open', 'sync'].map(
      (word) =>
        new Set(
          up.flatMap((t) => (t.startsWith(`${word} /upgrade-1-2/`) && t.endsWith('.json') ? [t.split(' ')[1]] : [])),
        ),
    )
    expect(synced?.size).toBeGreaterThan(100)
    expect([...(written ?? [])].filter((path) => synced?.has(path) !== true)).toEqual([])
  })

  it('killed while it builds: the old tree is unchanged', async () => {
    await judgeAll(
      positions(up, 1, begun(up), 3).map((at) => ({ at, kind: 'kill' })),
      judgeUp,
    )
  }, 900_000)

  it('killed while it swaps: the next run completes it', async () => {
    await judgeAll(
      positions(up, begun(up), up.length + 1, 4).map((at) => ({ at, kind: 'kill' })),
      judgeUp,
    )
  }, 900_000)

  it('a disk that fails or is full, once or permanently', async () => {
    const spots = [...positions(up, 1, begun(up), 2), ...positions(up, begun(up), up.length + 1, 3)]
    const kinds = ['EIO', 'ENOSPC'].flatMap((kind) => [{ kind }, { kind, forever: true }])
    await judgeAll(
      spots.map((at, i) => ({ at, ...(kinds[i % kinds.length] ?? { kind: 'EIO' }) })),
      judgeUp,
    )
  }, 900_000)

  it('--undo killed anywhere: the next run completes it', async () => {
    await judgeAll(
      positions(down, 1, down.length + 1, 4).map((at) => ({ at, kind: 'kill' })),
      judgeUndo,
    )
  }, 900_000)
})
