/** A folder that may not be written any more, in the middle of the great commands: 14, what and where, and all is well when it may again. */
import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, it, type TestContext } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import { brine, copyDir, scratchDir } from '../../support/processes/cli.js'
import { needProgram } from '../../support/processes/missing.js'
import { type ErrorDocument, footprint, makeSandbox, type Sandbox } from '../../support/sites/bad-input-box.js'
import { thawStore } from '../../support/store/frozen-store.js'
import { type LivedIn, livedIn } from '../../support/store/lived-in.js'

const RUN = join(import.meta.dirname, '../../../bin/run.js')
const NOBODY = 65534
const isRoot = process.getuid?.() === 0
const LATER = '2026-12-21T12:00:00Z'
const START = '2027-01-01T00:00:00Z' as Instant
const OLD = '2027-01-13T00:10:00Z'

let sandbox: Sandbox & { readonly remove: () => void }
let site: LivedIn
let backup: string
const scratch = scratchDir()
beforeAll(async () => {
  sandbox = await makeSandbox()
  site = await livedIn('permission', START, 12)
  // nothing starts from them any more
  for (const dir of ['cas/acme', 'cas/testbed', 'ta/ta', 'pubd/0'].map((of) => join(site.dataDir, of)))
    for (const file of readdirSync(dir)) if (file.startsWith('snapshot')) utimesSync(join(dir, file), 0, 0)
  backup = join(scratch.path, 'backup.tar.gz')
  await brine(['backup', 'create', backup, '--plain'], { dataDir: sandbox.dir, now: LATER })
  chmodSync(backup, 0o644)
  for (const path of [sandbox.cwd, scratch.path, site.folder]) chmodSync(path, 0o755)
})
afterAll(() => {
  site.remove()
  sandbox.remove()
  scratch.remove()
})

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Root passes every mode, so it becomes somebody whom they stop. */
function run(context: TestContext, dataDir: string, args: readonly string[], now = LATER): Ended {
  const who = isRoot
    ? [needProgram(context, 'setpriv'), `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', process.execPath]
    : [process.execPath]
  const [program = '', ...rest] = [...who, RUN, ...args]
  const env = { PATH: process.env['PATH'] ?? '', HOME: '/', TZ: 'UTC', BRINE_DATA_DIR: dataDir, BRINE_NOW: now }
  const { status, stdout, stderr } = spawnSync(program, rest, { env, encoding: 'utf8', cwd: '/' })
  return { code: status, stdout, stderr }
}

function own(...paths: readonly string[]): void {
  if (isRoot) execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, ...paths])
}

function folder(name: string): string {
  const dir = join(scratch.path, name)
  mkdirSync(dir, { mode: 0o755 })
  own(dir)
  return dir
}

function copy(): string {
  const { dir } = sandbox.copy()
  own(dir)
  return dir
}

function copyOfOld(name: string): string {
  const dir = copyDir(site.dataDir, join(site.folder, name))
  own(dir)
  return dir
}

interface Lost {
  readonly dataDir: string
  /** What may not be written, or read, any more. */
  readonly place: string
  readonly mode?: number
  readonly args: readonly string[]
  readonly now?: string
}

const CASES: readonly (readonly [string, () => Lost])[] = [
  [
    'archive',
    () => {
      const dataDir = copyOfOld('inside')
      return { dataDir, place: join(dataDir, 'cas/acme'), args: ['archive', '--older-than', '2d'], now: OLD }
    },
  ],
  [
    'archive --to',
    () => {
      const [dataDir, place] = [copyOfOld('outside'), folder('volume')]
      return { dataDir, place, args: ['archive', '--older-than', '2d', '--to', place], now: OLD }
    },
  ],
  [
    'restore',
    () => {
      const above = folder('above')
      const into = join(above, 'new')
      return { dataDir: into, place: above, args: ['restore', backup, '--into', into, '--yes'] }
    },
  ],
  [
    'restore --replace',
    () => {
      const above = folder('around')
      const dataDir = join(above, 'data')
      execFileSync('cp', ['-a', sandbox.dir, dataDir])
      own(dataDir)
      return { dataDir, place: above, args: ['restore', backup, '--into', dataDir, '--replace', '--yes'] }
    },
  ],
  [
    'backup create, its folder',
    () => {
      const place = folder('shelf')
      return { dataDir: copy(), place, args: ['backup', 'create', place, '--plain'] }
    },
  ],
  [
    'backup create, a key',
    () => {
      const [dataDir, shelf] = [copy(), folder('shelf-of-keys')]
      const ski = readdirSync(join(dataDir, 'keys')).find((name) => /^[0-9A-F]{40}$/.test(name)) ?? ''
      return { dataDir, place: join(dataDir, 'keys', ski), mode: 0, args: ['backup', 'create', shelf, '--plain'] }
    },
  ],
  [
    'upgrade',
    () => {
      const dataDir = thawStore(1, join(scratch.path, 'old'))
      own(dataDir)
      return { dataDir, place: dataDir, args: ['upgrade'], now: '2026-11-21T13:00:00Z' }
    },
  ],
  [
    'recover',
    () => {
      const dataDir = copy()
      const place = join(dataDir, 'cas/acme')
      for (const name of readdirSync(place)) if (/^snapshot/.test(name)) rmSync(join(place, name))
      const events = readdirSync(place).filter((name) => name.startsWith('event-'))
      const last = join(place, `event-${Math.max(...events.map((n) => Number(/\d+/.exec(n)?.[0])))}.json`)
      writeFileSync(last, readFileSync(last).subarray(0, 40))
      own(dataDir)
      return { dataDir, place, args: ['recover', '--yes'] }
    },
  ],
]

it.for(CASES)('%s', ([, make], context) => {
  if (isRoot) needProgram(context, 'setpriv')
  const { dataDir, place, mode = 0o500, args, now = LATER } = make()
  const before = footprint(dirname(place))
  const modeBefore = statSync(place).mode & 0o777
  chmodSync(place, mode)
  const ran = run(context, dataDir, ['--json', ...args], now)
  chmodSync(place, modeBefore)
  const told = `${ran.stdout}${ran.stderr}`
  expect(ran.code, told).toBe(14)
  const { error } = JSON.parse(ran.stdout) as ErrorDocument
  expect(error.message, told).toContain(place)
  expect(error.message, told).toMatch(/EACCES|EPERM/)
  expect(error.hint, told).toMatch(/owner|modes|access/)
  if (error.changed === 'no') expect(footprint(dirname(place))).toEqual(before)
  const again = run(context, dataDir, args, now)
  expect(again.code, `${again.stdout}${again.stderr}`).toBe(0)
  // a restored directory of tests is live, and publishes with its next command
  expect(run(context, dataDir, ['tick'], now).code).toBe(0)
  const proof = run(context, dataDir, ['audit', 'verify'], now)
  expect(proof.code, `${proof.stdout}${proof.stderr}`).toBe(0)
})
