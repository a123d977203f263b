/** The last audit in `brine status` by the built program. */
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { contentOf, ok } from '../../support/sites/desired-state.js'
import { NOW, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

const LATER = '2026-11-21T13:00:00Z'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const shown = async (dir: string, now = NOW) => (await runAt(dir, ['status', '--json'], { now })).json<StatusReport>()
const lineOf = (text: string) => text.split('\n').find((line) => line.startsWith('last audit'))

describe('the last audit', () => {
  it('is shown with its end to people, scripts and monitoring', async () => {
    const dir = box.copy()
    expect((await shown(dir)).lastAudit).toBeNull()
    expect(lineOf((await runAt(dir, ['status'])).stdout)).toBe('last audit  none')
    expect((await runAt(dir, ['status', '--nagios'])).stdout).not.toContain('audit')
    const before = contentOf(dir)
    await ok(dir, ['audit', 'verify'])
    expect(contentOf(dir)).toEqual(before)
    expect((await shown(dir)).lastAudit).toEqual({ at: NOW, commits: 2, findings: 0, checkpoints: 0 })
    await ok(dir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'])
    const { stdout } = await runAt(dir, ['status'], { now: LATER })
    expect(lineOf(stdout)).toBe(`last audit  ${NOW} (1h ago), no findings, 1 commit since`)
    const { stdout: nagios } = await runAt(dir, ['status', '--nagios'], { now: LATER })
    expect(nagios).toContain(' audit_age=3600s audit_findings=0;0 ')
    const prom = join(box.path, 'brine.prom')
    await runAt(dir, ['status', '--prom', prom])
    expect(readFileSync(prom, 'utf8')).toContain(`\nbrine_last_audit_timestamp_seconds ${Date.parse(NOW) / 1000}\n`)
    expect(readFileSync(prom, 'utf8')).toContain('\nbrine_last_audit_findings 0\n')
  })

  it('warns of its findings until an audit has none', async () => {
    const dir = box.copy()
    const path = join(dir, 'cas/acme/command-1.json')
    const whole = readFileSync(path)
    chmodSync(path, 0o600)
    writeFileSync(path, `${whole} `)
    expect((await runAt(dir, ['audit', 'verify'])).code).toBe(12)
    const { lastAudit } = await shown(dir)
    expect(lastAudit?.findings).toBeGreaterThan(0)
    writeFileSync(path, whole)
    const { concerns, verdict } = await shown(dir)
    expect([verdict, concerns.map(({ code }) => code)]).toEqual(['warning', ['audit-findings']])
    expect((await runAt(dir, ['status', '--nagios'])).stdout).toMatch(
      /^BRINE WARNING - the last audit, .* audit_findings=[1-9]/,
    )
    await ok(dir, ['audit', 'verify'])
    expect((await shown(dir)).concerns).toEqual([])
  })

  it('is not one that ended with an error, one of an export, or a damaged record', async () => {
    const dir = box.copy()
    const absent = join(box.path, 'absent.note')
    expect((await runAt(dir, ['audit', 'verify', '--checkpoint', absent])).code).not.toBe(0)
    const history = join(box.path, 'history.jsonl')
    await ok(dir, ['audit', 'export', '--out', history])
    await ok(dir, ['audit', 'verify', history])
    expect((await shown(dir)).lastAudit).toBeNull()
    const record = join(dir, 'status', 'last-audit.json')
    for (const text of ['{', '{"value":[]}', `{"value":{"at":"${NOW}"}}`, '{"value":{"at":"x","commits":1}}']) {
      writeFileSync(record, text, { mode: 0o600 })
      expect((await shown(dir)).lastAudit).toBeNull()
    }
    await ok(dir, ['audit', 'verify'])
    expect((await shown(dir)).lastAudit).not.toBeNull()
    rmSync(record)
    expect((await shown(dir)).lastAudit).toBeNull()
  })

  it('succeeds where its end cannot be recorded', async () => {
    const dir = box.copy()
    mkdirSync(join(dir, 'status', 'last-audit.json'))
    await ok(dir, ['audit', 'verify'])
  })
})
