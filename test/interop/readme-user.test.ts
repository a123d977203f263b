/**
 * The blocks of the registry path that change the system: user, folders and crontab, run as root in a mount namespace of its own, in which /etc,
 * /var/lib, /var/spool and /usr/local/bin are copies. What cron runs then is run as cron runs it.
 */
import { spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { sectionOf, shellBlocks } from '../e2e/surface/shell-blocks.js'
import { findProgram } from '../support/peers/validators.js'
import { projectDir, writeShim } from '../support/processes/brine-shim.js'
import { scratchFolder } from '../support/sites/testbed.js'

const scratch = scratchFolder('readme-user')
const root = scratch.dir
afterAll(() => scratch.remove())

const section = sectionOf(readFileSync(join(projectDir, 'README.md'), 'utf8'), '## Publish under a registry')
const [user = '', cron = ''] = shellBlocks(section)
  .filter(({ note }) => note === 'changes the system')
  .map(({ script }) => script)

/** `sudo` as root: the shell of another user reads what is pasted after it. */
const SUDO = `#!/bin/bash
if [ "$1" != -u ]; then exec "$@"; fi
[ "$3" = -s ] || exec setpriv --reuid="$2" --regid="$2" --init-groups "\${@:3}"
exec env -i HOME=/var/lib/brine USER="$2" LOGNAME="$2" PATH="$PATH" setpriv --reuid="$2" --regid="$2" --init-groups bash -eu -s
`

/** `crontab` where there is none: it keeps and prints one table. */
const CRONTAB = `#!/bin/sh
if [ "$1" = - ]; then exec cat > /var/lib/brine-work/crontab; fi
exec cat /var/lib/brine-work/crontab
`

/** Pastes lines into a shell of root in the namespace. */
function paste(lines: string): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const places = ['/etc', '/var/lib', '/var/spool', '/usr/local/bin']
  const mounts = places.map((place) => `mount --bind '${root}/system${place}' '${place}'`).join(' && ')
  const args = ['--mount', '--propagation', 'private', 'sh', '-c', `${mounts} && exec bash -eu -s`]
  return spawnSync('unshare', args, { input: `${lines}\n`, encoding: 'utf8', cwd: '/' })
}

/** Makes the copies. */
function makeSystem(): void {
  const system = (place: string): string => join(root, 'system', place)
  for (const place of ['etc', 'var/lib', 'var/spool', 'usr/local/bin']) mkdirSync(system(place), { recursive: true })
  spawnSync('cp', ['-a', '/etc/.', system('etc')])
  spawnSync('cp', ['-a', '/var/spool/.', system('var/spool')])
  if (dirname(process.execPath) === '/usr/local/bin') copyFileSync(process.execPath, system('usr/local/bin/node'))
  if (findProgram('crontab') === undefined) writeFileSync(system('usr/local/bin/crontab'), CRONTAB, { mode: 0o755 })
  writeFileSync(system('usr/local/bin/brine'), readFileSync(writeShim(root)), { mode: 0o755 })
  writeFileSync(system('usr/local/bin/sudo'), SUDO, { mode: 0o755 })
  for (const place of ['', 'system', 'system/var', 'system/usr']) chmodSync(join(root, place), 0o755)
}

test('the user and the folders that the README makes are those that init needs; cron runs the line that it installs', (context) => {
  if (process.getuid?.() !== 0) context.skip('needs root: it makes a user, in copies of /etc and /var/lib')
  for (const program of ['unshare', 'setpriv', 'useradd'])
    if (findProgram(program) === undefined) context.skip(`missing: ${program}`)
  makeSystem()
  if (paste('true').status !== 0) context.skip('no mount namespace of its own here')
  if (paste('id brine').status === 0) context.skip('there is a user brine')

  const made = paste(
    `${user}\nid -un; pwd; umask\nbrine init\nbrine ca add acme\nbrine parent request acme --out f.xml`,
  )
  expect(made).toMatchObject({ status: 0, stderr: '' })
  expect(made.stdout).toMatch(/^brine\n\/var\/lib\/brine-work\n/)
  const modes = paste(
    `stat -c '%a %U %n' /var/lib/brine /var/lib/brine-work /var/lib/brine-work/f.xml /var/lib/brine/keys`,
  )
  expect(modes.stdout.trim().split('\n')).toEqual([
    '711 brine /var/lib/brine',
    '755 brine /var/lib/brine-work',
    '644 brine /var/lib/brine-work/f.xml',
    '700 brine /var/lib/brine/keys',
  ])

  const enter = user.slice(user.indexOf('sudo -u brine -s'))
  expect(paste(`${enter}\n${cron}`)).toMatchObject({ status: 0, stderr: '' })
  const table = paste('crontab -u brine -l').stdout
  const job = /^\*\/5 \* \* \* \* (.+)$/m.exec(table)?.[1] ?? ''
  expect(job).toMatch(/^\S+ tick$/)
  const settings = [...table.matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => `${name}='${value}'`)
  expect(settings.length).toBeGreaterThan(1)
  const asCron = `env -i ${settings.join(' ')} HOME=/var/lib/brine LOGNAME=brine SHELL=/bin/sh /bin/sh -c '${job}'`
  expect(paste(`sudo -u brine ${asCron}`)).toEqual(expect.objectContaining({ status: 0, stdout: '', stderr: '' }))
  expect(paste('stat -c %U /var/lib/brine/status/last-tick.json')).toMatchObject({ stdout: 'brine\n' })
}, 120_000)
