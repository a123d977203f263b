/** The cron file and the systemd units of contrib/ run `brine tick` as they stand. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { contribText } from '../../support/peers/servers.js'
import { findProgram } from '../../support/peers/validators.js'
import { projectDir, runProgram, shimmedEnv, writeShim } from '../../support/processes/brine-shim.js'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let folder = ''
let dataDir = ''
let brine = ''

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'brine-schedule-'))
  chmodSync(folder, 0o711)
  dataDir = join(folder, 'data')
  brine = writeShim(folder)
  const env = shimmedEnv(folder, { BRINE_DATA_DIR: dataDir })
  const { status, stderr } = await runProgram(brine, ['testbed', 'init'], { env })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const lastTick = (): number => statSync(join(dataDir, 'status', 'last-tick.json')).mtimeMs

/** A crontab as cron reads it: assignments, and five fields with a command. */
function parseCrontab(text: string) {
  const env: Record<string, string> = {}
  const jobs: { readonly minutes: readonly number[]; readonly command: string }[] = []
  for (const line of text.split('\n').filter((l) => l.trim() !== '' && !l.startsWith('#'))) {
    const assignment = /^([A-Z_]+)=(.*)$/.exec(line)
    if (assignment !== null) {
      env[assignment[1]!] = assignment[2]!
      continue
    }
    const job = /^\*\/(\d+)( \*){4} (\S.*)$/.exec(line)
    if (job === null) throw new Error(`not a line of a crontab: ${line}`)
    const step = Number(job[1])
    jobs.push({ minutes: Array.from({ length: Math.ceil(60 / step) }, (_, n) => n * step), command: job[3]! })
  }
  return { env, jobs }
}

describe('brine.cron', () => {
  const text = (): string =>
    contribText('brine.cron', [
      ['/var/lib/brine', dataDir],
      ['PATH=/usr/local/bin', `PATH=${join(folder, 'bin')}`],
    ])

  test('has one job, every five minutes', () => {
    const { jobs, env } = parseCrontab(readFileSync(join(projectDir, 'contrib', 'brine.cron'), 'utf8'))
    expect(jobs).toEqual([{ minutes: [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55], command: 'brine tick' }])
    expect(env).toEqual({
      MAILTO: 'root',
      PATH: '/usr/local/bin:/usr/bin:/bin',
      BRINE_DATA_DIR: '/var/lib/brine',
    })
  })

  test('is taken by crontab', async (context) => {
    const crontab = findProgram('crontab') ?? context.skip('missing: crontab')
    const { status, stderr } = await runProgram(crontab, ['-T', join(projectDir, 'contrib', 'brine.cron')])
    if (/invalid option|usage/i.test(stderr)) context.skip('this crontab cannot check a file (-T)')
    expect({ status, stderr }).toMatchObject({ status: 0 })
  })

  test('its command runs with no more environment than cron gives', async () => {
    const { env, jobs } = parseCrontab(text())
    const bare = { ...env, HOME: folder, LOGNAME: 'brine', SHELL: '/bin/sh' }
    const ran = await runProgram('/bin/sh', ['-c', jobs[0]!.command], { cwd: folder, env: bare })
    expect(ran).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(lastTick()).toBeGreaterThan(0)
  })
})

describe('brine-tick.service and brine-tick.timer', () => {
  const unitsOf = (): string => {
    const units = join(folder, 'units')
    const manuals = join(folder, 'manuals')
    mkdirSync(units, { recursive: true })
    mkdirSync(manuals, { recursive: true })
    rmSync(join(manuals, 'man1'), { force: true })
    symlinkSync(join(projectDir, 'man'), join(manuals, 'man1'))
    const service = contribText('brine-tick.service', [['/usr/local/bin/brine', brine]])
    writeFileSync(join(units, 'brine-tick.service'), service)
    writeFileSync(join(units, 'brine-tick.timer'), contribText('brine-tick.timer', []))
    return units
  }

  test('pass systemd-analyze verify, the manual page they name included', async (context) => {
    const analyze = findProgram('systemd-analyze') ?? context.skip('missing: systemd-analyze')
    const units = ['brine-tick.service', 'brine-tick.timer'].map((name) => join(unitsOf(), name))
    const env = shimmedEnv(folder, { MANPATH: join(folder, 'manuals') })
    const { status, stderr } = await runProgram(analyze, ['verify', ...units], { env })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  })

  test('fire every five minutes and leave little exposed', async (context) => {
    const analyze = findProgram('systemd-analyze') ?? context.skip('missing: systemd-analyze')
    const when = /^OnCalendar=(.*)$/m.exec(readFileSync(join(unitsOf(), 'brine-tick.timer'), 'utf8'))?.[1] ?? ''
    const calendar = await runProgram(analyze, ['calendar', when])
    expect(calendar.stdout).toContain('*-*-* *:00/5:00')
    const service = join(unitsOf(), 'brine-tick.service')
    const security = await runProgram(analyze, ['security', '--offline=true', '--threshold=25', service])
    expect(security.stdout).toContain('Overall exposure level')
    expect(security.status).toBe(0)
  })

  test('the command of the service runs with its environment and its umask', async () => {
    const unit = readFileSync(join(unitsOf(), 'brine-tick.service'), 'utf8').replaceAll('/var/lib/brine', dataDir)
    const setting = (name: string): string => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1] ?? ''
    const [name, value] = setting('Environment').split('=')
    const script = `umask ${setting('UMask')}; ${setting('ExecStart')}`
    const ran = await runProgram('/bin/sh', ['-c', script], { cwd: '/', env: { [name!]: value } })
    expect(ran).toEqual({ status: 0, stdout: '', stderr: '' })
  })
})
