/** The systemd units and the further lines of cron in a data directory whose CA is under a registry, each run as its program would. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { exchange, requestRecords } from '../peers/fastcgi-client.js'
import type { OwnNetwork } from '../peers/own-network.js'
import { contribText } from '../peers/servers.js'
import { findProgram } from '../peers/validators.js'
import { projectDir, type Ran, runProgram, shimmedEnv } from '../processes/brine-shim.js'

export interface ScheduledSite {
  /** Holds `bin/brine`, and the data directory as `data`. */
  readonly work: string
  readonly network: OwnNetwork
}

const dataOf = ({ work }: ScheduledSite): string => join(work, 'data')

/** Runs a line of the shell with this environment alone, and the certificate of the registry's host. */
function runLine(site: ScheduledSite, line: string, env: Readonly<Record<string, string>>, cwd: string): Promise<Ran> {
  const [program = '', ...args] = site.network.inside(['/bin/sh', '-c', line], cwd)
  return runProgram(program, args, { env: { ...env, NODE_EXTRA_CA_CERTS: site.network.caFile } })
}

/** Returns the values of a setting of a unit. */
function settings(unit: string, name: string): readonly string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value)
}

const environmentOf = (unit: string): Readonly<Record<string, string>> =>
  Object.fromEntries(settings(unit, 'Environment').map((text) => text.split(/=(.*)/s) as [string, string]))

/** Verifies units with systemd-analyze(1), where it is installed, with the manual pages that they name. */
async function verifyUnits(site: ScheduledSite, units: readonly string[]): Promise<void> {
  const analyze = findProgram('systemd-analyze')
  if (analyze === undefined) return
  const manuals = join(site.work, 'manuals')
  if (!existsSync(manuals)) {
    mkdirSync(manuals)
    symlinkSync(join(projectDir, 'man'), join(manuals, 'man1'))
  }
  const ran = await runProgram(analyze, ['verify', ...units], { env: shimmedEnv(site.work, { MANPATH: manuals }) })
  expect(ran).toEqual({ status: 0, stdout: '', stderr: '' })
}

/** `brine setup` writes the files for this directory; the unit of `tick` and its crontab reach the registry. */
export async function expectTimerRuns(site: ScheduledSite): Promise<void> {
  const { work } = site
  const data = dataOf(site)
  const made = await runProgram(join(work, 'bin/brine'), ['setup', '--data-dir', data], { env: shimmedEnv(work) })
  expect(made).toMatchObject({ status: 0, stderr: '' })
  const folder = join(data, 'setup')
  expect(readdirSync(folder).sort()).toEqual(['brine-tick.service', 'brine-tick.timer', 'brine.cron'])
  const [service, timer] = ['brine-tick.service', 'brine-tick.timer'].map((name) => join(folder, name)) as [
    string,
    string,
  ]
  await verifyUnits(site, [service, timer])
  const unit = readFileSync(service, 'utf8')
  const [command = ''] = settings(unit, 'ExecStart')
  const last = join(data, 'status/last-tick.json')
  const lines = readFileSync(join(folder, 'brine.cron'), 'utf8').split('\n')
  const assigned = lines.filter((line) => /^[A-Z_]+=/.test(line)).map((line) => line.split(/=(.*)/s))
  const [job = ''] = lines.flatMap((line) => /^\*\/\d+(?: \*){4} (\S.*)$/.exec(line)?.[1] ?? [])
  const runs = [
    [`umask ${settings(unit, 'UMask')[0]}; exec ${command}`, environmentOf(unit), '/'],
    [job, Object.fromEntries(assigned) as Record<string, string>, work],
  ] as const
  for (const [line, env, cwd] of runs) {
    rmSync(last)
    // a peer that was never asked is due: the run has to reach the registry
    rmSync(join(data, 'status/exchanges'), { recursive: true })
    const ran = await runLine(site, line, env, cwd)
    expect(ran, line).toEqual({ status: 0, stdout: '', stderr: '' })
    expect(JSON.parse(readFileSync(last, 'utf8')).value).toEqual({ at: expect.any(String), failed: 0 })
    expect(readdirSync(join(data, 'status/exchanges'))).not.toEqual([])
  }
}

/** The unit of `brine cgi` starts with the socket that systemd passes, and answers for a directory without children. */
export async function expectSocketServes(site: ScheduledSite): Promise<void> {
  const { work } = site
  const units = ['brine-est.socket', 'brine-est.service'].map((name) => join(work, name)) as [string, string]
  writeFileSync(units[0], contribText('brine-est.socket', []))
  const replaced = [
    ['/usr/local/bin/brine', join(work, 'bin/brine')],
    ['/var/lib/brine', dataOf(site)],
  ] as const
  const unit = contribText('brine-est.service', replaced)
  writeFileSync(units[1], unit)
  await verifyUnits(site, units)
  const activate = findProgram('systemd-socket-activate')
  if (activate === undefined) return
  const socket = join(work, 'brine-est.sock')
  const [command = ''] = settings(unit, 'ExecStart')
  const server = spawn(activate, ['-l', socket, ...command.split(' ')], {
    ...{ env: { PATH: '/usr/bin:/bin' }, stdio: ['ignore', 'ignore', 'pipe'] },
  })
  try {
    while (!existsSync(socket)) await new Promise((resolve) => setTimeout(resolve, 20))
    const length = { REQUEST_METHOD: 'POST', CONTENT_TYPE: 'application/rpki-updown', CONTENT_LENGTH: '3' }
    const ask = (ca: string) =>
      exchange(socket, requestRecords({ ...length, PATH_INFO: `/rfc6492/${ca}` }, Buffer.from('abc')))
    expect((await ask('nobody')).output).toMatch(/^Status: 404 [\s\S]*There is no such CA here/)
    expect((await ask('acme')).output).toMatch(/^Status: 400 [\s\S]*The message is refused/)
  } finally {
    server.kill('SIGTERM')
    await new Promise((resolve) => server.once('close', resolve))
  }
}

/** The further lines of cron: metrics, and an encrypted backup that is read back. */
export async function expectCronLinesRun(site: ScheduledSite): Promise<void> {
  const { work } = site
  const backups = join(work, 'backups')
  mkdirSync(backups, { mode: 0o700 })
  writeFileSync(join(work, 'passphrase'), 'correct horse battery staple\n', { mode: 0o600 })
  const env = { PATH: `${join(work, 'bin')}:/usr/bin:/bin`, BRINE_DATA_DIR: dataOf(site), HOME: work }
  const files = [
    contribText('brine-metrics.cron', [['/var/lib/prometheus/node-exporter', work]]),
    contribText('brine-backup.cron', [
      ['/var/backups/brine', backups],
      ['/etc/brine/backup.passphrase', join(work, 'passphrase')],
    ]),
  ]
  for (const text of files) {
    const line = text.split('\n').find((one) => one !== '' && !one.startsWith('#')) ?? ''
    const [, command = ''] = /^(?:\S+ ){4}\S+ (.*)$/.exec(line) ?? []
    expect(await runLine(site, command, env, work), command).toEqual({ status: 0, stdout: '', stderr: '' })
  }
  expect(readFileSync(join(work, 'brine.prom'), 'utf8')).toMatch(/^brine_tick_missing 0$/m)
  expect(readdirSync(backups)).toHaveLength(1)
}
