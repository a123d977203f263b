/** The alert rules and the crontab lines for metrics and backups in contrib/ fit what the program prints and do what they say. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { contribText } from '../../support/peers/servers.js'
import { findProgram } from '../../support/peers/validators.js'
import { projectDir, type Ran, runProgram, writeShim } from '../../support/processes/brine-shim.js'
import { brineOk, newTestbed } from '../../support/sites/testbed.js'

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let folder = ''
let dataDir = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'brine-monitoring-'))
  dataDir = join(folder, 'data')
  writeShim(folder)
  await newTestbed(dataDir)
  await brineOk(dataDir, ['tick'])
  const key = '[[ca]]\nid = "a"\nbackend = "file"\n[ca.file]\nca_cert = "/nowhere/a.pem"\nca_key = "/nowhere/a.key"\n'
  writeFileSync(join(dataDir, 'brine.toml'), key)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** The one job of a crontab: its five fields and its command. */
function job(name: string, replacements: readonly (readonly [string, string])[]) {
  const lines = contribText(name, replacements)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  expect(lines).toHaveLength(1)
  const [, when = '', command = ''] = /^((?:\S+ ){4}\S+) (.*)$/.exec(lines[0] ?? '') ?? []
  // cron takes % as the end of the line
  expect(command).not.toContain('%')
  return { when, command }
}

/** Runs a command with no more environment than brine.cron gives. */
function asCron(command: string): Promise<Ran> {
  const env = { PATH: `${join(folder, 'bin')}:/usr/bin:/bin`, BRINE_DATA_DIR: dataDir, HOME: folder, SHELL: '/bin/sh' }
  return runProgram('/bin/sh', ['-c', command], { cwd: folder, env })
}

describe('brine-metrics.cron', () => {
  it('writes the metrics every five minutes and says nothing', async () => {
    const { when, command } = job('brine-metrics.cron', [['/var/lib/prometheus/node-exporter', folder]])
    expect(when).toBe('*/5 * * * *')
    expect(await asCron(command)).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(readFileSync(join(folder, 'brine.prom'), 'utf8')).toContain('brine_tick_missing 0')
  })
})

describe('prometheus-alerts.yml', () => {
  const rules = readFileSync(join(projectDir, 'contrib', 'prometheus-alerts.yml'), 'utf8')

  it('names metrics that status --prom prints, and no others', async () => {
    const file = join(folder, 'all.prom')
    await brineOk(dataDir, ['status', '--prom', file])
    const printed = new Set(
      readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line) => /^# TYPE (\S+) gauge$/.exec(line)?.[1] ?? []),
    )
    const used = [...rules.matchAll(/^ +expr: (.*)$/gm)].flatMap(([, expr = '']) => expr.match(/\bbrine_\w+/g) ?? [])
    expect(used.length).toBeGreaterThan(10)
    expect(used.filter((name) => !printed.has(name))).toEqual([])
  })

  it('has a severity and a summary for each alert, and each name once', () => {
    const names = [...rules.matchAll(/^ +- alert: (\w+)$/gm)].map(([, name]) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const pattern of [/^ +expr: /gm, /^ +labels: \{ severity: (?:warning|critical) \}$/gm, /^ +summary: '.*'$/gm])
      expect(rules.match(pattern)).toHaveLength(names.length)
  })

  it('passes promtool', async (context) => {
    const promtool = findProgram('promtool') ?? context.skip('missing: promtool')
    const { status, stderr } = await runProgram(promtool, [
      'check',
      'rules',
      join(projectDir, 'contrib', 'prometheus-alerts.yml'),
    ])
    expect({ status, stderr }).toMatchObject({ status: 0 })
  })
})

describe('brine-backup.cron', () => {
  it('makes an encrypted backup every night that verifies, and says nothing', async () => {
    const [backups, passphrase] = [join(folder, 'backups'), join(folder, 'passphrase')]
    mkdirSync(backups, { mode: 0o700 })
    writeFileSync(passphrase, 'correct horse battery staple\n', { mode: 0o600 })
    const { when, command } = job('brine-backup.cron', [
      ['/var/backups/brine', backups],
      ['/etc/brine/backup.passphrase', passphrase],
    ])
    expect(when).toBe('17 3 * * *')
    expect(await asCron(command)).toEqual({ status: 0, stdout: '', stderr: '' })
    const [name = '', ...more] = readdirSync(backups)
    expect([more, statSync(join(backups, name)).size > 1000]).toEqual([[], true])
    await brineOk(dataDir, ['backup', 'verify', join(backups, name), '--passphrase-file', passphrase])
  })
})
