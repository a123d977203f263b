/**
 * `brine backup create` and `restore` killed or failing at their file operations, and a backup taken while commands run: a file with the
 * name of a backup is a complete backup, a directory with a marker is a complete data directory, existing data is never lost, and running
 * the same command again succeeds.
 */
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { BackupReport } from '../../src/core/app/backup/create.js'
import type { VerifyReport } from '../../src/core/app/backup/verify.js'
import { brine, copyDir, type RunResult, scratchDir } from '../support/processes/cli.js'
import { type Fault, type FaultRunner, faultRunner } from '../support/processes/faults.js'
import { isSlow, sampled } from '../support/processes/sample.js'
import { fillPool } from '../support/sites/seeds.js'
import { newTestbed } from '../support/sites/testbed.js'

const NOW = '2026-01-01T00:00:00Z'
const { path, remove } = scratchDir()
const base = join(path, 'base')
const backup = join(path, 'backup.tar.gz')
let faults: FaultRunner
let digest: string
let cases = 0

const digestOf = async (dataDir: string): Promise<string> =>
  (await brine(['audit', 'digest', '--json'], { dataDir, now: NOW })).json<{ full: string }>().full

beforeAll(async () => {
  faults = await faultRunner(path)
  await newTestbed(base, NOW)
  fillPool(base)
  await brine(['roa', 'add', 'testbed', '10.0.0.0/24=AS64496'], { dataDir: base, now: NOW })
  await brine(['backup', 'create', backup, '--plain'], { dataDir: base, now: NOW })
  digest = await digestOf(base)
})
afterAll(remove)

/** Returns the positions of about `count` of the operations that match. */
function positions(operations: readonly string[], pattern: RegExp, count: number): readonly number[] {
  const all = operations.flatMap((text, i) => (pattern.test(text) ? [i + 1] : []))
  return sampled(all, count)
}

function expectTold({ code, signal, stdout }: RunResult, label: string): void {
  if (signal === 'SIGKILL') return
  expect([0, 14, 18], `${label}\n${stdout}`).toContain(code)
  const { error } = JSON.parse(stdout) as { error?: { changed: string } }
  expect(error?.changed, label).toBe({ 14: 'no', 18: 'unknown' }[code ?? 0])
}

describe('backup create', () => {
  const args = (dataDir: string): readonly string[] => ['backup', 'create', `${dataDir}.out`, '--plain', '--json']

  async function judge(fault: Fault, operations: readonly string[]): Promise<void> {
    const dataDir = copyDir(base, join(path, `case-${++cases}`))
    const ran = await faults.run(args(dataDir), { dataDir, now: NOW }, fault)
    const label = `${fault.kind} at ${fault.at}: ${operations[fault.at - 1]}`
    expectTold(ran, label)
    expect(await digestOf(dataDir)).toBe(digest)
    if (ran.code === 0) expect(existsSync(`${dataDir}.out`), label).toBe(true)
    if (ran.code === 14)
      expect(
        readdirSync(path).filter((n) => n.startsWith(`.case-${cases}.out`)),
        label,
      ).toEqual([])
    if (existsSync(`${dataDir}.out`))
      expect((await brine(['backup', 'verify', `${dataDir}.out`, '--json'])).json<VerifyReport>().digest).toBe(digest)
    else await brine(args(dataDir), { dataDir, now: NOW })
    rmSync(dataDir, { recursive: true })
  }

  it('killed or failing anywhere: no file, or a complete backup', async () => {
    const dataDir = copyDir(base, join(path, 'create'))
    const operations = await faults.operations(args(dataDir), { dataDir: path, now: NOW }).catch(() => [])
    const seen = operations.length > 0 ? operations : await faults.operations(args(dataDir), { dataDir, now: NOW })
    for (const at of positions(seen, /./, 4)) await judge({ at, kind: 'kill' }, seen)
    for (const at of positions(seen, /./, 4)) await judge({ at, kind: 'EIO' }, seen)
    const full = positions(seen, /^(?:open|write|link)/, 3)
    for (const at of full) await judge({ at, kind: 'ENOSPC', forever: true }, seen)
    if (isSlow) process.stderr.write(`backup create: ${seen.length} operations, ${cases} cases\n`)
  }, 900_000)

  it('while commands run it is the revision of one commit', async () => {
    const dataDir = copyDir(base, join(path, 'busy'))
    let running = true
    const writer = (async () => {
      for (let n = 1; running && n < 25; n++)
        await brine(['roa', 'add', 'testbed', `10.1.${n}.0/24=AS64496`, '--lock-timeout', '60s'], { dataDir, now: NOW })
    })()
    const made: BackupReport[] = []
    for (let n = 0; n < 4; n++)
      made.push(
        (await brine(['backup', 'create', join(path, `busy-${n}`), '--plain', '--json'], { dataDir, now: NOW })).json(),
      )
    running = false
    await writer
    expect(new Set(made.map((m) => m.commit)).size).toBeGreaterThan(1)
    for (const { file, commit, digest: named } of made) {
      const verified = (await brine(['backup', 'verify', file, '--json'])).json<VerifyReport>()
      expect(verified).toMatchObject({ commit, digest: named })
    }
  }, 300_000)
})

describe('restore', () => {
  const args = (into: string, ...more: readonly string[]): readonly string[] => [
    'restore',
    backup,
    '--into',
    into,
    '--yes',
    '--json',
    ...more,
  ]

  it('killed or failing anywhere: no data directory, or a complete one; running it again succeeds', async () => {
    const where = (dataDir: string) => ({ dataDir, now: NOW })
    const operations = await faults.operations(args(join(path, 'clean')), where(join(path, 'clean')))
    const last = operations.length - 40
    const faultsAt: readonly Fault[] = [
      ...positions(operations, /./, 5).map((at) => ({ at, kind: 'kill' })),
      ...[12, 24, 36].map((n) => ({ at: last + n, kind: 'kill' })),
      ...positions(operations, /^(?:open|write|rename|sync)/, 3).map((at) => ({ at, kind: 'EIO' })),
      ...positions(operations, /^(?:open|write|mkdir)/, 3).map((at) => ({ at, kind: 'ENOSPC', forever: true })),
    ]
    for (const fault of faultsAt) {
      const into = join(path, `into-${++cases}`)
      const ran = await faults.run(args(into), where(into), fault)
      const label = `${fault.kind} at ${fault.at}: ${operations[fault.at - 1]}`
      expectTold(ran, label)
      const isThere = existsSync(join(into, 'brine.json'))
      if (ran.code === 14 && fault.forever !== true) expect(existsSync(into), label).toBe(false)
      if (ran.code === 0) expect(isThere).toBe(true)
      if (!isThere) await brine(args(into), { now: NOW })
      expect(await digestOf(into), label).toBe(digest)
      rmSync(into, { recursive: true })
    }
    if (isSlow) process.stderr.write(`restore: ${operations.length} operations, ${faultsAt.length} cases\n`)
  }, 900_000)

  it('--replace killed anywhere: the old tree is complete under one of its two names', async () => {
    // faults in the whole parent folder: the new tree is written next to the old one
    const where = (folder: string) => ({ dataDir: folder, now: NOW })
    mkdirSync(join(path, 'replace'))
    const clean = copyDir(base, join(path, 'replace', 'd'))
    const operations = await faults.operations(args(clean, '--replace'), where(join(path, 'replace')))
    const swap = operations.findIndex((text) => /^rename \/d\.replaced-/.test(text)) + 1
    expect(operations[swap]).toBe('rename /d')
    for (const at of [...positions(operations, /^(?:rename|write) /, 3), swap, swap + 1, swap + 2]) {
      const folder = join(path, `replace-${++cases}`)
      mkdirSync(folder)
      const dataDir = copyDir(base, join(folder, 'd'))
      await brine(['roa', 'add', 'testbed', '10.9.0.0/24=AS64496'], { dataDir, now: NOW })
      const old = await digestOf(dataDir)
      await faults.run(args(dataDir, '--replace'), where(folder), { at, kind: 'kill' })
      const kept = readdirSync(folder).filter((name) => name.startsWith('d.replaced-'))
      const places = [...(existsSync(dataDir) ? [dataDir] : []), ...kept.map((name) => join(folder, name))]
      const found = await Promise.all(places.map(digestOf))
      expect(found, operations[at - 1]).toContain(old)
      await brine(args(dataDir, '--replace'), { now: NOW })
      expect(await digestOf(dataDir)).toBe(digest)
      rmSync(folder, { recursive: true })
    }
  }, 900_000)
})
