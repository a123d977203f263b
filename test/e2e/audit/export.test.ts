/** `audit export`, and its file verified by somebody who has nothing else. */
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { AuditReport } from '../../../src/core/app/proof/audit.js'
import type { ExportReport } from '../../../src/core/app/proof/export.js'
import { runBrine } from '../../support/processes/cli.js'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
let file: string

beforeAll(async () => {
  box = await sandbox()
  await runAt(box.dataDir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'])
  await runAt(box.dataDir, ['audit', 'key', 'init'])
  file = join(box.path, 'history.jsonl')
  const { code, json } = await runAt(box.dataDir, ['audit', 'export', '--objects', '--out', file, '--json'])
  expect([code, json<ExportReport>()]).toMatchObject([0, { commits: 3, complete: true, bytes: statSync(file).size }])
})
afterAll(() => box.remove())

it('is proved without keys and without a data directory, with the digest of the directory', async () => {
  const { code, stdout } = await runBrine(['audit', 'verify', '--full', file])
  expect(code).toBe(0)
  expect(stdout.trimEnd().split('\n').at(-1)).toBe((await runAt(box.dataDir, ['audit', 'digest'])).stdout.trim())
  expect(stdout).toContain('private keys and the published tree were not checked')
  const { json } = await runBrine(['audit', 'verify', file, '--json'])
  const report = json<AuditReport>()
  expect(report).toMatchObject({
    ok: true,
    commits: 3,
    problems: [],
    skipped: [expect.any(String), expect.any(String)],
  })
  expect(report.skipped[1]).toMatch(/claims of the export itself: only --checkpoint proves them$/)
})

it('is mode 0600, holds no private key and is never written over', async () => {
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readFileSync(file, 'utf8')).not.toMatch(/PRIVATE KEY|MII[A-Z]vg/)
  expect((await runAt(box.dataDir, ['audit', 'export', '--out', file])).code).toBe(2)
  expect((await runAt(box.dataDir, ['audit', 'export'])).code).toBe(2)
})

it('is held against a checkpoint by the key that the auditor was given', async () => {
  const note = join(box.path, 'kept.note')
  await runAt(box.dataDir, ['audit', 'checkpoint', '--out', note])
  expect((await runBrine(['audit', 'verify', file, '--checkpoint', note])).code).toBe(2)
  const key = (await runAt(box.dataDir, ['audit', 'key', 'init'])).stdout.trim()
  const args = ['audit', 'verify', file, '--checkpoint', note, '--verifier-key', key]
  const held = await runBrine(args)
  expect([held.code, held.stdout]).toEqual([0, expect.not.stringContaining('only --checkpoint binds')])
})

it('that was bent ends with 12 and the line; another file with 2', async () => {
  const bent = join(box.path, 'bent.jsonl')
  writeFileSync(bent, readFileSync(file, 'utf8').replace('64496', '64497'))
  const { code, stderr } = await runBrine(['audit', 'verify', bent])
  expect([code, stderr]).toEqual([
    12,
    expect.stringMatching(/bent\.jsonl: line \d+: the text of .* does not match its hash/),
  ])
  expect((await runBrine(['audit', 'verify', join(box.dataDir, 'brine.toml')])).code).toBe(2)
})

it('of a damaged history is refused, and leaves no file', async () => {
  const dir = box.copy()
  writeFileSync(join(dir, 'cas/acme/event-6.json'), '{}')
  const out = join(box.path, 'damaged.jsonl')
  expect((await runAt(dir, ['audit', 'export', '--out', out])).code).toBe(12)
  expect(() => statSync(out)).toThrow('ENOENT')
})
