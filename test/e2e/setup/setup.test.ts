/** `brine setup`: a repository in one command, again after an interruption, and the files for other programs. */
import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { SetupReport } from '../../../src/core/app/operations/setup.js'
import type { StatusReport } from '../../../src/core/app/status/report.js'
import { projectDir } from '../../support/processes/brine-shim.js'
import { runBrine, scratchDir } from '../../support/processes/cli.js'
import { needProgram } from '../../support/processes/missing.js'

vi.setConfig({ testTimeout: 120_000 })

const BASES = ['--rsync', 'rsync://rpki.example.net/repo/', '--rrdp', 'https://rpki.example.net/rrdp/']
let scratch: ReturnType<typeof scratchDir>
const place = (name: string): string => join(scratch.path, name)
const run = (dataDir: string, ...args: readonly string[]) => runBrine(args, { dataDir })
const setup = async (dataDir: string, ...more: readonly string[]) => {
  const ran = await run(dataDir, 'setup', ...BASES, '--json', ...more)
  return { ...ran, report: ran.json<SetupReport>() }
}

beforeAll(() => {
  scratch = scratchDir()
  chmodSync(scratch.path, 0o711)
})
afterAll(() => scratch.remove())

describe('brine setup', () => {
  it('a dry run shows all and creates nothing', async () => {
    const { code, report } = await setup(place('dry'), '--dry-run')
    expect([code, report.created, report.files.length]).toEqual([
      0,
      ['data-directory', 'publication-server', 'trust-anchor'],
      6,
    ])
    expect(existsSync(place('dry'))).toBe(false)
  })

  it('without URIs prepares a directory for CAs under a registry, with the files of cron and systemd', async () => {
    const dir = place('registry')
    const { code, stderr, json } = await run(dir, 'setup', '--json')
    const report = json<SetupReport>()
    expect([code, stderr, report.created, report.rsyncBase, report.rrdpBase, report.uris]).toEqual([
      0,
      '',
      ['data-directory'],
      null,
      null,
      [],
    ])
    const names = ['brine-tick.service', 'brine-tick.timer', 'brine.cron']
    expect(readdirSync(join(dir, 'setup')).sort()).toEqual(names)
    expect(readFileSync(join(dir, 'setup', 'brine.cron'), 'utf8')).toContain(`BRINE_DATA_DIR=${dir}\n`)
    expect(report.nextSteps.join('\n')).toContain('ca add NAME')
    expect((await run(dir, 'status', '--json')).json<StatusReport>().publication).toBe(null)
    const again = await run(dir, 'setup')
    expect(again.stdout).toContain('everything was set up already')
    // a repository can be added later
    expect((await setup(dir)).report.created).toEqual(['publication-server', 'trust-anchor'])
    expect((await run(dir, 'setup', '--rsync', BASES[1] ?? '')).stderr).toContain('--rsync needs --rrdp')
  })

  it('makes a repository that status finds in order, with the files of its own paths; again it is a no-op', async () => {
    const dir = place('new')
    const { code, stderr, report } = await setup(dir)
    expect([code, stderr, report.dataDir, report.created]).toEqual([
      0,
      '',
      dir,
      ['data-directory', 'publication-server', 'trust-anchor'],
    ])
    expect(report.uris).toEqual(['https://rpki.example.net/ta/ta.cer', 'rsync://rpki.example.net/ta/ta.cer'])
    expect(existsSync(join(dir, 'repo', 'ta', 'ta.cer'))).toBe(true)
    for (const { path, text } of report.files) {
      expect(readFileSync(path, 'utf8')).toBe(text)
      expect(text).not.toContain('/var/lib/brine')
      expect(statSync(path).mode & 0o777).toBe(0o644)
    }
    expect(report.nextSteps.join('\n')).toContain(join(dir, 'setup', 'nginx.conf'))
    expect((await run(dir, 'status', '--json')).json<StatusReport>().concerns).toEqual([])
    const again = await setup(dir)
    expect([again.code, again.report.created, again.report.changed]).toEqual([0, [], 'no'])
    expect((await run(dir, 'history', 'list', '--json')).json<{ total: number }>().total).toBe(2)
    expect((await run(dir, 'audit', 'verify')).code).toBe(0)
  })

  it('completes a run that was interrupted after any of its steps', async () => {
    const empty = place('empty')
    mkdirSync(empty, { mode: 0o711 })
    expect((await setup(empty)).report.created).toHaveLength(3)
    const made = place('made')
    expect((await run(made, 'init')).code).toBe(0)
    expect((await setup(made)).report.created).toEqual(['publication-server', 'trust-anchor'])
    const served = place('served')
    expect((await run(served, 'init')).code).toBe(0)
    expect((await run(served, 'pubserver', 'init', ...BASES)).code).toBe(0)
    expect((await setup(served)).report.created).toEqual(['trust-anchor'])
  })

  it('refuses other URIs for what exists, and URIs that its files cannot serve, before it creates anything', async () => {
    const dir = place('other')
    expect((await setup(dir)).code).toBe(0)
    const others = ['--rsync', 'rsync://b.example.net/repo/', '--rrdp', 'https://b.example.net/rrdp/']
    expect((await run(dir, 'setup', ...others)).code).toBe(1)
    const differs = await run(dir, 'setup', ...BASES, '--tal-https', 'https://c.example.net/ta/ta.cer')
    expect([differs.code, differs.stderr]).toEqual([1, expect.stringContaining('other URIs already')])
    for (const [rsync, rrdp] of [
      ['rsync://a.example.net/repo/sub/', 'https://a.example.net/rrdp/'],
      ['rsync://a.example.net/ta/', 'https://a.example.net/rrdp/'],
      ['rsync://a.example.net/repo/', 'https://a.example.net/ta/'],
      ['rsync://a.example.net/repo/', 'https://a.example.net/'],
      ['http://a.example.net/repo/', 'https://a.example.net/rrdp/'],
    ] as const)
      expect((await run(place('bad'), 'setup', '--rsync', rsync, '--rrdp', rrdp)).code, rsync + rrdp).toBe(1)
    expect(existsSync(place('bad'))).toBe(false)
  })

  it.each([
    ['rsync://rpki.example.net:8873/repo/', 'https://rpki.example.net/rrdp/', 'contains a port (8873)'],
    ['rsync://localhost/repo/', 'https://rpki.example.net/rrdp/', 'the host is localhost'],
    ['rsync://rpki.example.net/repo/', 'https://192.0.2.1/rrdp/', 'the host is an IP address'],
    ['rsync://rpki.example.net/repo/', 'https://[2001:db8::1]/rrdp/', 'the host is an IP address'],
    ['rsync://rpki/repo/', 'https://rpki.example.net/rrdp/', 'the host is no full domain name'],
  ])('warns about %s and %s, which validators skip', async (rsync, rrdp, says) => {
    const bases = ['--rsync', rsync, '--rrdp', rrdp]
    const ran = await run(place('warned'), 'setup', ...bases, '--dry-run')
    expect([ran.code, ran.stderr]).toEqual([0, expect.stringContaining(says)])
    const dir = place(`warned-${says.replace(/\W/g, '')}-${rrdp.length}`)
    await run(dir, 'init')
    const init = await run(dir, 'pubserver', 'init', ...bases, '--json')
    expect([init.code, init.json<{ warnings: string[] }>().warnings]).toEqual([0, [expect.stringContaining(says)]])
    const tal = ['--tal-https', `${rrdp}ta.cer`, '--tal-rsync', `${rsync}ta.cer`]
    const ta = await run(dir, 'ta', 'init', ...tal)
    expect([ta.code, ta.stderr]).toEqual([0, expect.stringContaining(says)])
  })

  it('works as a service user, in an empty directory of its own', async (context) => {
    if (process.getuid?.() !== 0) context.skip('needs root')
    const setpriv = needProgram(context, 'setpriv')
    const home = place('service')
    mkdirSync(home)
    execFileSync('chown', ['nobody:nogroup', home])
    const as = (...args: readonly string[]): string =>
      execFileSync(
        setpriv,
        ['--reuid=nobody', '--regid=nogroup', '--clear-groups', 'env', '-i', `HOME=${home}`, `BRINE_DATA_DIR=${home}`]
          .concat([process.execPath, join(projectDir, 'bin', 'run.js')])
          .concat(args),
        { encoding: 'utf8', cwd: '/' },
      )
    expect(as('setup', ...BASES)).toContain('created: data directory, publication server, trust anchor')
    expect(readFileSync(join(home, 'setup', 'brine-tick.service'), 'utf8')).toContain('User=nobody\n')
    as('ca', 'add', 'acme', '--under', 'ta', '--resources', '192.0.2.0/24')
    expect(as('tick')).toBe('')
  })
})

describe('brine contrib', () => {
  it('lists every file of the package, and prints each as it is', async () => {
    const files = readdirSync(join(projectDir, 'contrib')).sort()
    const listed = await runBrine(['contrib'])
    expect([listed.code, listed.stdout.trim().split('\n')]).toEqual([0, files])
    const packed = JSON.parse(readFileSync(join(projectDir, 'package.json'), 'utf8')) as { files: string[] }
    expect(packed.files).toContain('contrib')
    const text = await runBrine(['contrib', 'nginx', '--raw'])
    expect(text.stdout).toBe(readFileSync(join(projectDir, 'contrib', 'nginx.conf'), 'utf8'))
  })

  it.each([
    ['1m', '*/1 * * * * ', 'OnCalendar=*:0/1\n'],
    ['7m', '*/6 * * * * ', 'OnCalendar=*:0/6\n'],
    ['20s', '*/1 * * * * ', 'OnCalendar=*:0/1\n'],
    ['90m', '7 */1 * * * ', 'OnCalendar=0/1:07\n'],
  ])('fills in a tick_period of %s', async (period, cron, timer) => {
    const dir = place(`period-${period}`)
    await run(dir, 'init')
    writeFileSync(join(dir, 'brine.toml'), `tick_period = "${period}"\n`)
    const lines = (await run(dir, 'contrib', 'cron')).stdout.split('\n')
    expect(lines.filter((line) => line.endsWith(' tick'))).toEqual([expect.stringContaining(cron)])
    const unit = (await run(dir, 'contrib', 'brine-tick.timer')).stdout
    expect(unit).toContain(timer)
    expect((await run(dir, 'contrib', 'cron', '--raw')).stdout).toContain('*/5 * * * * brine tick')
    await setup(dir)
    expect(readFileSync(join(dir, 'setup', 'brine-tick.timer'), 'utf8')).toBe(unit)
    expect(readFileSync(join(dir, 'setup', 'brine.cron'), 'utf8')).toContain(cron)
  })

  it('warns where a file would run the program as root', async (context) => {
    if (process.getuid?.() !== 0) context.skip('needs root')
    const dir = place('owned')
    await run(dir, 'init')
    for (const name of ['brine-est.service', 'brine-tick.service', 'cron']) {
      const ran = await run(dir, 'contrib', name)
      expect([name, ran.code, ran.stderr]).toEqual([name, 0, expect.stringMatching(/^Warning: .* belongs to root/)])
    }
    expect((await run(dir, 'contrib', 'brine-est.service')).stdout).toContain('User=root\n')
    expect((await run(dir, 'contrib', 'nginx')).stderr).toBe('')
  })

  it('est.toml, added to brine.toml as its comment says, enrols a device', async () => {
    const dir = place('enrols')
    await run(dir, 'init')
    const text = (await run(dir, 'contrib', 'est.toml')).stdout
    const openssl = /openssl (.*)/.exec(text)?.[1]?.replaceAll('"', '').split(' ') ?? []
    execFileSync('openssl', openssl.join(' ').replace('/CN=Devices CA', '/CN=Devices').split(' '), { stdio: 'ignore' })
    chmodSync(join(dir, 'one.key'), 0o600)
    appendFileSync(join(dir, 'brine.toml'), text)
    const checked = await run(dir, 'config', 'check')
    expect([checked.code, checked.stderr]).toEqual([0, ''])
    const csr = join(dir, 'device.csr')
    const key = ['-newkey', 'rsa:2048', '-nodes', '-keyout', join(dir, 'device.key')]
    execFileSync('openssl', ['req', '-new', ...key, '-subj', '/CN=d', '-out', csr], { stdio: 'ignore' })
    expect((await run(dir, 'est', 'enroll', 'device', '--csr', csr)).stdout).toContain('BEGIN CERTIFICATE')
    expect((await run(dir, 'contrib', 'alerts', '--raw')).stdout).toContain('alert:')
  })

  it('fills in the data directory that is given', async () => {
    const dir = place('filled')
    const bases = ['--rsync', 'rsync://a.example.net:8873/mod/', '--rrdp', 'https://b.example.net:8443/x/rrdp/']
    await run(dir, 'setup', ...bases, '--tal-https', 'https://b.example.net:8443/y/ta.cer')
    const nginx = (await run(dir, 'contrib', 'nginx')).stdout
    for (const line of [
      'listen 8443 ssl;',
      'server_name b.example.net;',
      'location /x/rrdp/ {',
      'location = /x/rrdp/notification.xml {',
      'location /y/ {',
      `alias ${dir}/repo/rrdp/;`,
      `${dir}/ssl/cert.pem;`,
    ])
      expect(nginx).toContain(line)
    const rsyncd = (await run(dir, 'contrib', 'rsyncd')).stdout
    for (const line of ['[mod]', '[ta]', 'port            = 8873', `path    = ${dir}/repo/rsync/current`])
      expect(rsyncd).toContain(line)
    expect((await run(dir, 'contrib', 'cron')).stdout).toContain(`BRINE_DATA_DIR=${dir}\n`)
    // the user name in a comment is not the program
    expect((await run(dir, 'contrib', 'brine-backup.cron')).stdout).not.toMatch(/crontab -u [^ ]*\//)
    const unknown = await run(dir, 'contrib', 'ngnix')
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('did you mean nginx?')])
    const many = await run(dir, 'contrib', 'tick')
    expect([many.code, many.stderr]).toEqual([2, expect.stringContaining('brine-tick.service, brine-tick.timer')])
  })
})
