/**
 * The package as `npm install --global` puts it on a machine, used by a service user without the checkout, as the README has it. It builds,
 * packs and downloads: only with BRINE_INSTALL=1, as root.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { projectDir } from '../support/processes/brine-shim.js'

const folder = mkdtempSync(join(tmpdir(), 'brine-install-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('a service user sets up a repository with it, and other users can read what is published', (context) => {
  if (process.env['BRINE_INSTALL'] !== '1') context.skip('only with BRINE_INSTALL=1: it downloads the dependencies')
  if (process.getuid?.() !== 0) context.skip('needs root')
  chmodSync(folder, 0o755)
  const [prefix, data, work] = ['prefix', 'data', 'work'].map((name) => join(folder, name)) as [string, string, string]
  execFileSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: projectDir })
  const file = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'no package'
  execFileSync('npm', [
    'install',
    '--global',
    '--prefix',
    prefix,
    '--no-audit',
    '--no-fund',
    '--silent',
    join(folder, file),
  ])
  for (const [path, mode] of [
    [data, 0o711],
    [work, 0o755],
  ] as const) {
    mkdirSync(path)
    chmodSync(path, mode)
    execFileSync('chown', ['daemon:daemon', path])
  }
  const as = (user: string, command: string): string =>
    execFileSync(
      'setpriv',
      [`--reuid=${user}`, '--clear-groups', 'env', '-i', `HOME=${work}`, `BRINE_DATA_DIR=${data}`].concat(
        `PATH=${join(prefix, 'bin')}:${dirname(process.execPath)}:/usr/bin:/bin`,
        'sh',
        '-ec',
        command,
      ),
      {
        cwd: work,
        encoding: 'utf8',
      },
    )
  const setup = as(
    'daemon',
    `brine setup --rsync rsync://rpki.example.net/repo/ --rrdp https://rpki.example.net/rrdp/
    brine ta tal --out ta.tal`,
  )
  expect(setup).toContain(`{ crontab -l 2>/dev/null; cat ${data}/setup/brine.cron; } | crontab -`)
  as(
    'daemon',
    `brine ca add acme --under ta --resources AS64496,192.0.2.0/24
    brine roa add acme "192.0.2.0/25 => 64496"
    brine tick
    brine status --fail-on warning
    brine audit verify`,
  )
  expect(as('nobody', `cat ${data}/repo/rrdp/notification.xml`)).toContain('<notification')
  expect(as('nobody', `ls ${data}/keys 2>/dev/null || echo closed`)).toContain('closed')
  expect(as('daemon', 'brine contrib nginx')).toContain(data)
  expect(execFileSync('man', ['-M', join(prefix, 'share', 'man'), '-w', 'brine'], { encoding: 'utf8' })).toContain(
    'brine.1',
  )
}, 300_000)
