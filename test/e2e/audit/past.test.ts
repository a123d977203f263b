/** `audit show` and `audit diff`: what was, what changed, by whom and why. */
import { appendFileSync, readdirSync, readFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DigestReport } from '../../../src/core/app/proof/digest.js'
import type { DiffReport, StateReport } from '../../../src/core/app/proof/states.js'
import type { CaState } from '../../../src/core/ca/state/state.js'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
let before: DigestReport

const json = async <T>(args: readonly string[], dir = box.dataDir) => {
  const { code, json: parse } = await runAt(dir, [...args, '--json'])
  return { code, report: parse<T>() }
}
const show = (at: string, dir?: string) => json<StateReport>(['audit', 'show', 'ca/acme', '--at', at], dir)
const diff = (from: string, to: string, dir?: string) =>
  json<DiffReport>(['audit', 'diff', 'ca/acme', '--from', from, '--to', to], dir)
const roas = (report: StateReport) => Object.keys((report.state as unknown as CaState).roas)

beforeAll(async () => {
  box = await sandbox()
  before = (await json<DigestReport>(['audit', 'digest'])).report
  const roa = (verb: string, text: string, actor: string, reason: string) =>
    runAt(box.dataDir, ['roa', verb, 'acme', text, '--actor', actor, '--reason', reason])
  await roa('add', '192.0.2.0/24 => 64496', 'alice', 'customer 12')
  await roa('add', '192.0.2.0/25 => 64496', 'bob', 'traffic')
  await roa('add', '10.0.0.0/8 => 64496', 'bob', 'a mistake')
  await roa('remove', '192.0.2.0/24 => 64496', 'carol', 'customer 12 left')
})
afterAll(() => box.remove())

describe('show', () => {
  it('gives the state as of a command, of a time, and now', async () => {
    expect(roas((await show('2')).report)).toEqual(['192.0.2.0/24-24 => 64496'])
    expect(roas((await show('3')).report)).toHaveLength(2)
    const { report } = await show('5')
    const { at, sequence } = (await show('3')).report
    expect((await show(at ?? '')).report.sequence).toBe(sequence)
    expect((await show('2030-01-01T00:00:00Z')).report.stateDigest).toBe(report.stateDigest)
    const digest = (await json<DigestReport>(['audit', 'digest'])).report.aggregates
    expect(report.stateDigest).toBe(digest.find((a) => a.handle === 'acme')?.stateDigest)
  })

  it('knows what was before the first command, and the digest of then', async () => {
    expect((await show('0')).report).toMatchObject({ sequence: 0, at: null, state: { status: 'absent' } })
    expect((await show('2000-01-01T00:00:00Z')).report.sequence).toBe(0)
    const acme = before.aggregates.find((a) => a.handle === 'acme')
    expect((await show('1')).report.stateDigest).toBe(acme?.stateDigest)
  })

  it('writes to a new file alone, and refuses what never was', async () => {
    const out = join(box.path, 'state.json')
    const args = ['audit', 'show', 'ca/acme', '--at', '2', '--out', out]
    expect((await runAt(box.dataDir, args)).code).toBe(0)
    expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual((await show('2')).report.state)
    expect((await runAt(box.dataDir, args)).code).toBe(2)
    expect((await show('6')).code).toBe(1)
    expect((await show('soon')).code).toBe(2)
    expect((await json(['audit', 'show', 'ca/nobody', '--at', '1'])).code).toBe(1)
  })
})

describe('diff', () => {
  it('names each place with who touched it last and why, and exits 4', async () => {
    const { code, report } = await diff('1', '5')
    expect(code).toBe(4)
    const roa = report.changes.filter((c) => c.path.startsWith('$.roas'))
    expect(roa).toMatchObject([
      {
        path: "$.roas['192.0.2.0/25-25 => 64496']",
        change: 'added',
        before: null,
        sequence: 3,
        actor: 'bob',
        reason: 'traffic',
      },
    ])
    expect(report.changes.find((c) => c.path.endsWith('.point.number'))).toMatchObject({
      before: 1,
      after: 4,
      sequence: 5,
      actor: 'carol',
      reason: 'customer 12 left',
    })
    expect(report.commands.map((c) => [c.sequence, c.actor, c.result])).toEqual([
      [2, 'alice', 'accepted'],
      [3, 'bob', 'accepted'],
      [4, 'bob', 'rejected'],
      [5, 'carol', 'accepted'],
    ])
    const removed = (await diff('3', '5')).report.changes.find((c) => c.path.startsWith('$.roas'))
    expect(removed).toMatchObject({ change: 'removed', after: null, sequence: 5, actor: 'carol' })
  })

  it('closes with a sentence that is true', async () => {
    const { stdout } = await runAt(box.dataDir, ['audit', 'diff', 'ca/acme', '--from', '1', '--to', '5'])
    const { from, to, changes, sentence } = (await diff('1', '5')).report
    expect(stdout.trimEnd().split('\n').at(-1)).toBe(sentence)
    expect(stdout).toMatch(/^ {2}\+ ROA 192\.0\.2\.0\/25-25 => 64496$/m)
    expect(stdout).not.toMatch(/[{}"$]/)
    expect(sentence).toBe(
      `Between seq 1 (${from.at}) and seq 5 (${to.at}), ca/acme changed in ${changes.length} places by 4 commands of 3 actors, 1 of them rejected; the chain from commit 2 to commit 6 is unbroken.`,
    )
    expect((await diff('5', '5')).report.sentence).toContain('had no command; the chain up to commit 6 is unbroken.')
  })

  it('of a refused command is none, exit 0; backwards is a mistake', async () => {
    const { code, report } = await diff('3', '4')
    expect([code, report.changes]).toEqual([0, []])
    expect(report.sentence).toContain('ca/acme is the same after 1 command of 1 actor, 1 of them rejected')
    expect((await diff('5', '3')).code).toBe(2)
  })

  it('says nothing of a history that is not as it was written', async () => {
    const dir = box.copy()
    appendFileSync(join(dir, 'cas/acme/event-7.json'), ' ')
    expect((await diff('1', '5', dir)).code).toBe(12)
    expect((await show('1', dir)).code).toBe(0)
    const commits = box.copy()
    appendFileSync(join(commits, 'commits/1.json'), ' ')
    expect((await diff('3', '5', commits)).code).toBe(12)
  })
})

it('what is archived elsewhere is read where the operator says', async () => {
  const dir = box.copy()
  const on = async (date: string, ...args: readonly string[]): Promise<void> => {
    const { code, stderr } = await runAt(dir, args, { now: `${date}T12:00:00Z` })
    expect(code, stderr).toBe(0)
  }
  // what follows the snapshot before the newest stays in its place
  for (let day = 10; day < 24; day++) await on(`2026-12-${day}`, 'republish', '--now')
  // the second run removes what the first one copied
  for (const date of ['2027-02-10', '2027-02-12']) await on(date, 'archive', '--older-than', '10d')
  const [archived, away] = [join(dir, 'cas/acme/archived'), join(box.path, 'archive')]
  const sequences = readdirSync(archived).flatMap((name) => /^command-(\d+)\.json$/.exec(name)?.[1] ?? [])
  const asked = ['audit', 'show', 'ca/acme', '--at', `${Math.max(...sequences.map(Number))}`]
  const there = await json<StateReport>(asked, dir)
  renameSync(archived, away)
  expect((await json(asked, dir)).code).toBe(1)
  const found = await json<StateReport>([...asked, '--archive', away], dir)
  expect([found.code, found.report.stateDigest]).toEqual([0, there.report.stateDigest])
  const full = ['audit', 'verify', '--full']
  const after = { now: '2027-02-12T12:00:00Z' }
  expect((await runAt(dir, full, after)).code).toBe(12)
  expect((await runAt(dir, [...full, '--archive', away], after)).code).toBe(0)
})
