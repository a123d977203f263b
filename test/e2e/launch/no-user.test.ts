/** A process with little around it, as in a container that runs with any uid: no passwd entry, no HOME, SHELL or TERM, closed standard streams. */
import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { skipOrFail } from '../../support/peers/validators.js'
import { scratchFolder } from '../../support/sites/testbed.js'

const RUN = join(import.meta.dirname, '../../../bin/run.js')
/** Without a passwd entry: no system gives it to a user. */
const UID = 3_999_999_999
const scratch = scratchFolder('no-user')
const URIS = '--rsync rsync://rpki.example/repo/ --rrdp https://rpki.example/rrdp/'

interface Said {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

beforeAll(() => chmodSync(scratch.dir, 0o777))
afterAll(scratch.remove)

/** Runs a command line of sh with this environment and nothing else; `brine` in it is the program. */
function sh(script: string, env: Readonly<Record<string, string>>, uid?: number): Said {
  const who = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups']
  const brine = `brine() { "${process.execPath}" "${RUN}" "$@"; }; ${script}`
  const [program = '', ...args] = [...who, '/bin/sh', '-c', brine]
  const given = { PATH: process.env['PATH'] ?? '', ...env }
  const { status, stdout, stderr } = spawnSync(program, args, { env: given, encoding: 'utf8', cwd: scratch.dir })
  return { code: status, stdout, stderr }
}

/** Skips where this is not root, or where that uid cannot read the program. */
function needsUid(context: TestContext): void {
  const isRoot = process.getuid?.() === 0
  const ran = isRoot ? sh(`test -r "${RUN}" && test -x "${process.execPath}"`, {}, UID) : undefined
  if (ran?.code !== 0) skipOrFail(context, ['the right to run the program as a uid without a passwd entry (root)'])
}

describe('a uid without a passwd entry', () => {
  it('no HOME: every command works, and history names the uid', (context) => {
    needsUid(context)
    const dir = join(scratch.dir, 'no-HOME')
    const said = sh(
      `export BRINE_DATA_DIR="${dir}"; brine --version && brine --help && brine testbed init --test ${URIS} && brine status && brine republish --now && brine history list ca/testbed --json`,
      {},
      UID,
    )
    expect([said.code, said.stderr]).toEqual([0, ''])
    expect(said.stdout).toContain(`"osUser": "uid ${UID}"`)
  })

  // what a HOME and a SHELL change is how the libraries are loaded: a command line, help and an error of each kind tell
  it.for<readonly [string, Record<string, string>]>([
    ['no HOME', {}],
    ['HOME=/', { HOME: '/' }],
    ['an empty HOME', { HOME: '' }],
    ['a HOME of another user', { HOME: '/root' }],
    ['HOME, SHELL and TERM', { HOME: '/nonexistent', SHELL: '/bin/bash', TERM: 'xterm' }],
  ])('%s: commands, help and errors as everywhere', ([name, env], context) => {
    needsUid(context)
    const dir = join(scratch.dir, `new-${name.replaceAll(/\W/g, '-')}`)
    const said = sh(`brine roa --help && brine init --test --data-dir "${dir}"`, env, UID)
    expect([said.code, said.stderr]).toEqual([0, ''])
    const wrong = sh('brine nonsense', env, UID)
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringMatching(/^Error: unknown command nonsense\n/)])
  })
})

describe('the surroundings of a process', () => {
  const dir = join(scratch.dir, 'own')
  const script = `brine ca list --data-dir "${dir}"; brine ca --help`
  let plain: Said

  beforeAll(() => {
    const said = sh(`brine testbed init --test ${URIS} --data-dir "${dir}"`, { HOME: '/' })
    expect(said.code, said.stderr).toBe(0)
    plain = sh(script, { HOME: '/root', SHELL: '/bin/sh', TERM: 'xterm' })
    expect(plain.code, plain.stderr).toBe(0)
  })

  it.each<[string, Record<string, string>]>([
    ['neither HOME nor SHELL nor TERM', {}],
    ['an empty HOME', { HOME: '' }],
    ['a dumb terminal', { TERM: 'dumb' }],
    ['an unknown terminal and shell', { TERM: 'x', SHELL: '/nonexistent' }],
  ])('%s: the same words', (_name, env) => {
    expect(sh(script, env)).toEqual(plain)
  })

  it.each(['<&-', '>&-', '2>&-', '<&- >&-', '>&- 2>&-', '<&- >&- 2>&-'])('%s: reads and changes are done', (closed) => {
    const before = sequence()
    const read = sh(`brine ca list --data-dir "${dir}" ${closed}`, {})
    expect([read.code, read.stderr]).toEqual([0, ''])
    expect(read.stdout.includes('testbed')).toBe(!/(?:^| )>&-/.test(closed))
    expect(sh(`brine republish --now --data-dir "${dir}" ${closed}`, {}).code).toBe(0)
    expect(sequence()).toBe(before + 1)
    const failed = sh(`brine ca show nobody --data-dir "${dir}" ${closed}`, {})
    expect(failed.code).toBe(1)
  })

  it('a working directory that was removed: absolute paths work', () => {
    const said = sh(`mkdir gone; cd gone; rmdir ../gone; brine ca list --data-dir "${dir}"`, {})
    expect([said.code, said.stderr]).toEqual([0, ''])
  })

  /** Number of commands in the history of the CA. */
  function sequence(): number {
    return readdirSync(join(dir, 'cas/testbed')).filter((name) => name.startsWith('command-')).length
  }
})
