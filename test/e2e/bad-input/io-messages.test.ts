/** What a failed file operation says: inodes and not bytes where those are missing, limits of the process and not a damaged disk, the user's path. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { canMount } from '../../support/sites/bad-input-box.js'
import { newTestbed, scratchFolder } from '../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z'
const RUN = join(import.meta.dirname, '../../../bin/run.js')
const scratch = scratchFolder('io-messages')
const dir = join(scratch.dir, 'data')
const closed = join(scratch.dir, 'closed')
const disk = join(scratch.dir, 'disk')
const isRoot = process.getuid?.() === 0

beforeAll(async () => {
  await newTestbed(dir, NOW)
  mkdirSync(disk)
  mkdirSync(closed)
  chmodSync(closed, 0o555)
  writeFileSync(join(scratch.dir, 'file'), '')
})
afterAll(scratch.remove)

interface Said {
  readonly code: number | null
  readonly stderr: string
  readonly stdout: string
}

function sh(script: string, wrapper: readonly string[] = []): Said {
  const brine = `brine() { "${process.execPath}" "${RUN}" "$@" </dev/null; }; cd "${scratch.dir}"; ${script}`
  const env = { PATH: process.env['PATH'] ?? '', HOME: '/', BRINE_NOW: NOW, BRINE_DATA_DIR: dir }
  const [program = '', ...args] = [...wrapper, '/bin/sh', '-c', brine]
  const { status, stdout, stderr } = spawnSync(program, args, { env, encoding: 'utf8' })
  return { code: status, stdout, stderr }
}

const ADD = `brine roa add testbed '192.0.2.0/24=AS64496'`

describe('a failed file operation', () => {
  it('names inodes where those are missing, and not bytes', (context) => {
    if (!canMount()) context.skip('needs root and unshare(1) for a disk with few inodes')
    const said = sh(
      `mount -t tmpfs -o size=64m,nr_inodes=500,mode=711 tmpfs "${disk}" && cp -a "${dir}" "${disk}/d" && mkdir "${disk}/fill" || exit 99
      export BRINE_DATA_DIR="${disk}/d"; n=0; while touch "${disk}/fill/$n" 2>/dev/null; do n=$((n+1)); done
      ${ADD}; echo "exit $?"; rm -r "${disk}/fill"; ${ADD} >&2; echo "exit $?"`,
      ['unshare', '-m'],
    )
    expect(said.stdout).toBe('exit 14\nexit 0\n')
    expect(said.stderr).toMatch(
      /^Error: .*: ENOSPC, no inodes free \(each file and folder needs one\)\nHint: remove files .*df -i/m,
    )
    expect(said.stderr).not.toMatch(/bytes (?:needed|free)/)
  })

  it.each([
    ['open files', 'ulimit -n 20', /EMFILE\nHint: raise the limit of open files \(ulimit -n/],
    ['file sizes', 'ulimit -f 0', /EFBIG.*\nHint: raise the limit of file sizes \(ulimit -f/],
  ])('names the limit of %s', (_what, limit, says) => {
    const said = sh(`${limit}; ${ADD}`)
    expect([said.code, said.stderr]).toEqual([14, expect.stringMatching(says)])
    expect(said.stderr).not.toContain('dmesg')
  })

  it('names a working directory that was removed', () => {
    const said = sh('mkdir gone; cd gone; rmdir ../gone; brine status --data-dir data')
    expect([said.code, said.stderr]).toEqual([14, expect.stringContaining('Hint: the working directory was removed')])
  })
})

describe('a file for the user', () => {
  const export_ = (path: string) => sh(`brine audit export --out "${path}"`)
  const prom = (path: string) => sh(`brine status --prom "${path}"`)

  it.each([
    ['missing/x', 2, /Hint: name a file in a folder that exists, or: mkdir -p missing\n/],
    ['file/x', 2, /Hint: name a file in a folder: part of file is a file\n/],
    ['file', 2, /Hint: name a new file\n/],
  ])('--out %s: %i, and the hint is about that path', (path, code, says) => {
    const said = export_(path)
    expect([said.code, said.stderr]).toEqual([code, expect.stringMatching(says)])
  })

  it.each([
    ['missing/x', /Hint: name a file in a folder that exists, or: mkdir -p missing\n/],
    ['file/x', /Hint: name a file in a folder: part of file is a file\n/],
    ['closed', /Hint: name a file: closed is a folder\n/],
  ])('--prom %s: 14, and the hint is about that path', (path, says) => {
    const said = prom(path)
    expect([said.code, said.stderr]).toEqual([14, expect.stringMatching(says)])
  })

  it('in a folder of another user: 14', (context) => {
    if (!isRoot) context.skip('needs root to become another user')
    const who = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
    const copy = `cp -r "${dir}" own && chmod 711 own && export BRINE_DATA_DIR="${scratch.dir}/own"`
    expect(sh(`${copy}; chown -R 65534:65534 own`).code).toBe(0)
    for (const command of ['audit export --out', 'status --prom']) {
      const said = sh(`export BRINE_DATA_DIR="${scratch.dir}/own"; brine ${command} closed/x`, who)
      expect([command, said.code, said.stderr]).toEqual([
        command,
        14,
        expect.stringMatching(/Hint: name a file in a folder that this user can write to/),
      ])
    }
  })
})
