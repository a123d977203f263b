/** `audit show` and `audit diff`: what was, what changed, by whom and why. */
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DigestReport } from '../../../src/core/app/proof/digest.js'
import type { DiffReport, StateReport } from '../../../src/core/app/proof/states.js'
import type { CaState } from '../../../src/core/ca/state.js'
import { encodeRecord } from '../../../src/core/store/disk/records.js'
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
  const [folder, archive] = [join(dir, 'cas/acme'), join(box.path, 'archive')]
  mkdirSync(archive)
  const range = { from: 1, to: 2, fromVersion: 0, toVersion: 8, type: 'republish', actor: 'cron', dir: null }
  writeFileSync(join(folder, 'archived.json'), encodeRecord({ format: 1, ranges: [range] }))
  for (const name of readdirSync(folder))
    if (/^(command-[12]|event-[0-7])\.json$/.test(name)) renameSync(join(folder, name), join(archive, name))
  expect((await show('1', dir)).code).toBe(1)
  const found = await json<StateReport>(['audit', 'show', 'ca/acme', '--at', '1', '--archive', archive], dir)
  expect(found.report.stateDigest).toBe((await show('1')).report.stateDigest)
  const full = ['audit', 'verify', '--full']
  expect((await runAt(dir, full)).code).toBe(12)
  expect((await runAt(dir, [...full, '--archive', archive])).code).toBe(0)
})
