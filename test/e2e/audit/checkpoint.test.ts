/** Checkpoints and the keys that states name, as operators meet them. */
import { chmodSync, cpSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { AuditReport } from '../../../src/core/app/proof/audit.js'
import type { AuditKeyReport, CheckpointReport } from '../../../src/core/app/proof/checkpoint.js'
import { parseNote, parseVerifierKey, verifyNote } from '../../../src/core/crypto/signed-note.js'
import { brine, copyDir, runBrine } from '../../support/processes/cli.js'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
let note: string
let verifierKey: string

beforeAll(async () => {
  box = await sandbox()
  expect((await runAt(box.dataDir, ['audit', 'checkpoint'])).code).toBe(1)
  const dry = await runAt(box.dataDir, ['audit', 'key', 'init', '--dry-run', '--json'])
  expect(dry.json()).toEqual({ verifierKey: null, changed: 'no', wouldChange: true, dryRun: true })
  const made = await runAt(box.dataDir, ['audit', 'key', 'init', '--json'])
  verifierKey = made.json<AuditKeyReport>().verifierKey ?? ''
  note = join(box.path, 'kept.note')
  const signed = await runAt(box.dataDir, ['audit', 'checkpoint', '--out', note, '--json'])
  expect(signed.json<CheckpointReport>()).toMatchObject({ size: 2, verifierKey, note: readFileSync(note, 'utf8') })
})
afterAll(() => box.remove())

async function verify(dir: string, ...args: readonly string[]) {
  const { code, json } = await runAt(dir, ['audit', 'verify', '--json', ...args])
  const report = json<AuditReport>()
  return { code, report, problems: report.problems?.map((p) => `${p.file}: ${p.problem}`) }
}

describe('the key', () => {
  it('is made once, closed to others, and named again when asked again', async () => {
    expect(statSync(join(box.dataDir, 'keys/audit')).mode & 0o777).toBe(0o600)
    const again = await runAt(box.dataDir, ['audit', 'key', 'init'])
    expect([again.code, again.stdout.trim()]).toEqual([0, verifierKey])
  })

  it('signs a note that anybody with the verifier key can check', () => {
    const [parsed, key] = [parseNote(readFileSync(note, 'utf8')), parseVerifierKey(verifierKey)]
    expect(parsed !== undefined && key !== undefined && verifyNote(parsed, key)).toBe('good')
  })
})

describe('a checkpoint kept elsewhere', () => {
  it('agrees with the history that grew from it, by our key and by the one that was given', async () => {
    const dir = box.copy()
    await runAt(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'])
    const { code, report } = await verify(dir, '--checkpoint', note, '--checkpoint', note)
    expect([code, report.checkpoints.map((c) => [c.size, c.ok])]).toEqual([
      0,
      [
        [2, true],
        [2, true],
      ],
    ])
    rmSync(join(dir, 'keys/audit'))
    expect((await verify(dir, '--checkpoint', note)).code).toBe(2)
    expect((await verify(dir, '--checkpoint', note, '--verifier-key', verifierKey)).code).toBe(0)
  })

  it('shows that a directory was rolled back to an earlier copy of it', async () => {
    const [yesterday, today] = [box.copy(), box.copy()]
    await runAt(today, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'])
    const newer = join(box.path, 'newer.note')
    await runAt(today, ['audit', 'checkpoint', '--out', newer])
    const { code, problems } = await verify(yesterday, '--checkpoint', newer)
    expect([code, problems]).toEqual([12, [`${newer}: covers 3 commits, but there are 2: history was rolled back`]])
    await runAt(yesterday, ['roa', 'add', 'acme', '192.0.2.0/25 => 64496'])
    const other = await verify(yesterday, '--checkpoint', newer)
    expect(other.code).toBe(12)
    expect(other.problems?.join()).toContain('history was replaced')
  })

  it('is never overwritten, and what is none is refused', async () => {
    expect((await runAt(box.dataDir, ['audit', 'checkpoint', '--out', note])).code).toBe(2)
    const config = join(box.dataDir, 'brine.toml')
    expect((await verify(box.dataDir, '--checkpoint', config)).code).toBe(2)
    expect((await verify(box.dataDir, '--checkpoint', join(box.path, 'none'))).code).toBe(2)
    expect((await verify(box.dataDir, '--checkpoint', note, '--verifier-key', 'x')).code).toBe(2)
  })
})

describe('the private keys that states name', () => {
  const keyNames = (dir: string) => readdirSync(join(dir, 'keys')).filter((name) => /^[0-9A-F]{40}$/.test(name))

  it('are missed', async () => {
    const dir = box.copy()
    const [first] = keyNames(dir)
    rmSync(join(dir, 'keys', first ?? ''))
    const { code, problems } = await verify(dir)
    expect(code).toBe(12)
    expect(problems).toEqual([expect.stringMatching(new RegExp(`^keys/${first}: the private key is missing`))])
  })

  it('are not taken for one another, nor read when others can', async () => {
    const dir = box.copy()
    const [first = '', second = '', third = ''] = keyNames(dir)
    const path = (name: string) => join(dir, 'keys', name)
    renameSync(path(first), path('swap'))
    cpSync(path(second), path(first))
    chmodSync(path(third), 0o644)
    const { code, problems } = await verify(dir)
    expect(code).toBe(12)
    expect(problems?.find((p) => p.startsWith(`keys/${first}`))).toContain(`is another key: ${second}`)
    expect(problems?.find((p) => p.startsWith(`keys/${third}`))).toContain('accessible to other users')
    expect(problems).toHaveLength(2)
  })

  it('are found damaged, and nothing of them is shown', async () => {
    const dir = box.copy()
    const [first = ''] = keyNames(dir)
    const path = join(dir, 'keys', first)
    const bytes = readFileSync(path)
    bytes[600] = (bytes[600] ?? 0) ^ 1
    writeFileSync(path, bytes)
    const { code, problems } = await verify(dir)
    expect(code).toBe(12)
    expect(problems).toEqual([expect.stringMatching(/do not belong to its modulus|not a PKCS#8/)])
  })
})

it('a stand-by is verified and signs nothing', async () => {
  const dataDir = join(box.path, 'live')
  await brine(['init'], { dataDir })
  await brine(['audit', 'key', 'init'], { dataDir })
  await brine(['audit', 'checkpoint', '--out', join(box.path, 'live.note')], { dataDir })
  const standby = { dataDir: copyDir(dataDir, join(box.path, 'standby')) }
  const verified = await brine(['audit', 'verify', '--checkpoint', join(box.path, 'live.note')], standby)
  expect(verified.stdout).toContain('a stand-by publishes nothing')
  expect((await runBrine(['audit', 'checkpoint'], standby)).code).toBe(20)
  expect((await runBrine(['audit', 'key', 'init'], standby)).code).toBe(20)
})
