/** A command that runs in a worker does what it does in a process of its own, and leaves nothing to the next command. */
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type RunOptions, runBrine, scratchDir } from '../../support/processes/cli.js'
import { Workers } from '../../support/processes/workers.js'
import { NOW, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox

beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

/** Names, kinds and modes below a folder; what is chosen at random in the names is left out. */
function treeOf(dir: string): readonly string[] {
  const names = readdirSync(dir, { recursive: true }) as string[]
  return names
    .map((name) => `${lstatSync(join(dir, name)).mode.toString(8)} ${name.replaceAll(/[\dA-Fa-f]{8,}/g, '*')}`)
    .map((line) => line.replace(/objects\/..\//, 'objects/'))
    .filter((line) => !/status\/|keys\/pool|objects\/..$/.test(line))
    .sort()
}

/** Output without the paths of the copy and the minute that is chosen at random for the next manifest. */
function plain(text: string, dir: string): string {
  return text
    .replaceAll(dir, 'DIR')
    .replaceAll(/\d\d:\d\d(?::\d\d)?Z/g, 'TIME')
    .replaceAll(/[\dA-Fa-f]{8,}/g, '*')
}

async function outcome(args: readonly string[], options: RunOptions, isProcess: boolean) {
  const dir = box.copy()
  const { code, signal, stdout, stderr } = await runBrine(args, { dataDir: dir, now: NOW, ...options, isProcess })
  return { code, signal, stdout: plain(stdout, dir), stderr: plain(stderr, dir), tree: treeOf(dir) }
}

const SAMPLE: readonly (readonly [string, readonly string[]] | readonly [string, readonly string[], RunOptions])[] = [
  ['the version', ['--version']],
  ['help', ['roa', 'add', '--help']],
  ['an unknown command', ['roa', 'ad']],
  ['an unknown flag', ['ca', 'list', '--nope']],
  ['a read', ['ca', 'list']],
  ['a read as JSON', ['ca', 'show', 'acme', '--json']],
  ['a check with an exit code of its own', ['status', '--nagios']],
  ['a change', ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'], { env: { BRINE_ACTOR: 'operator' } }],
  ['a change as JSON', ['ca', 'add', 'other', '--json']],
  ['a dry run', ['roa', 'add', 'acme', '192.0.2.0/24 => 64496', '--dry-run']],
  ['a rejected change', ['roa', 'add', 'acme', '10.0.0.0/8 => 64496', '--json']],
  ['standard input', ['roa', 'update', 'acme', '--file', '-'], { input: 'A: 192.0.2.0/25 => 64496\n' }],
  ['a question without an answer', ['ca', 'remove', 'acme']],
  ['a later time', ['tick'], { now: '2026-11-23T12:00:00Z' }],
  ['no data directory', ['ca', 'list'], { env: { BRINE_DATA_DIR: '' } }],
  ['an environment that is refused', ['ca', 'list'], { env: { BRINE_FORCE_RECOVER: 'maybe' } }],
  ['colours', ['ca', 'list', '--nope'], { env: { FORCE_COLOR: '1' } }],
  ['a proof', ['audit', 'verify']],
]

describe('in a worker as in a process of its own:', () => {
  it.each(SAMPLE.map(([name, args, options = {}]) => [name, args, options] as const))(
    '%s',
    async (_, args, options) => {
      const [own, shared] = await Promise.all([true, false].map((isProcess) => outcome(args, options, isProcess)))
      expect(shared).toEqual(own)
      expect(own?.code === 0 ? own.stdout : `${own?.stdout}${own?.stderr}`).not.toBe('')
    },
  )

  it('a relative path begins in the folder that was given', async () => {
    const cwd = mkdtempSync(join(box.path, 'folder-'))
    const dataDir = box.copy()
    for (const isProcess of [true, false]) {
      const file = `backup-${isProcess}.tar`
      const ran = await runBrine(['backup', 'create', file, '--plain'], { dataDir, now: NOW, cwd, isProcess })
      expect([ran.code, readdirSync(cwd).includes(file)], ran.stderr).toEqual([0, true])
    }
  })

  it('commands at once wait for each other', async () => {
    const dataDir = box.copy()
    const roas = ['192.0.2.0/25', '192.0.2.128/25', '192.0.2.0/24']
    const runs = await Promise.all(
      roas.map((roa) => runBrine(['roa', 'add', 'acme', `${roa} => 64496`], { dataDir, now: NOW })),
    )
    expect(runs.map(({ code }) => code)).toEqual([0, 0, 0])
    const listed = await runBrine(['roa', 'list', 'acme'], { dataDir, now: NOW })
    for (const roa of roas) expect(listed.stdout).toContain(roa)
  })
})

/** A program in place of the built one, whose commands do what ours must not do to each other. */
const PROGRAM = `
let evaluated = 0
const fs = require('node:fs')
exports.launch = (root, [verb, ...rest]) => {
  if (verb === 'timer') { setInterval(() => process.stdout.write('late'), 1); process.exit(3) }
  if (verb === 'file') { fs.openSync(__filename); process.exit(4) }
  if (verb === 'throw') return new Promise(() => setTimeout(() => { throw new Error('out of turn') }))
  if (verb === 'kill') process.kill(process.pid, 'SIGKILL')
  if (verb === 'spoil') {
    process.exitCode = 5
    process.umask(0o123)
    process.chdir('/usr')
    process.env.SPOILED = 'yes'
    globalThis.spoiled = 'yes'
    process.on('SIGUSR2', () => undefined)
    process.on('exit', (code) => process.stdout.write('at exit ' + code))
    process.stdout.on('error', () => undefined)
  }
  if (verb === 'show') {
    const { exitCode, env, argv } = process
    const listeners = [process.listenerCount('SIGUSR2'), process.listenerCount('exit'), process.stdout.listenerCount('error')]
    const umask = process.umask().toString(8)
    const { spoiled } = globalThis
    process.stdout.write(JSON.stringify({ exitCode, umask, cwd: process.cwd(), env: { ...env }, argv: argv.slice(2), spoiled, listeners }))
  }
  if (verb === 'pid') process.stdout.write(String(process.pid))
}
`

describe('a worker', () => {
  const scratch = scratchDir()
  mkdirSync(join(scratch.path, 'bin'))
  writeFileSync(join(scratch.path, 'bin', 'launch.js'), PROGRAM)
  const workers = new Workers(scratch.path)
  const run = (...args: readonly string[]) =>
    workers.run({ args, env: { GIVEN: '1' }, input: '', cwd: scratch.path, umask: 0o22 })
  afterAll(scratch.remove)

  it('runs commands one after the other in one process, and commands at once in several', async () => {
    const [one, two] = await Promise.all([run('pid'), run('pid')])
    expect(one.stdout).not.toBe(two.stdout)
    expect([one.stdout, two.stdout]).toContain((await run('pid')).stdout)
  })

  it('leaves nothing of a command to the next', async () => {
    const first = await run('pid')
    expect(await run('spoil')).toMatchObject({ code: 5, stdout: 'at exit 5' })
    const shown = await run('show')
    expect(JSON.parse(shown.stdout)).toEqual({
      umask: '22',
      cwd: scratch.path,
      env: { GIVEN: '1' },
      argv: ['show'],
      listeners: [0, 0, 0],
    })
    expect([shown.code, (await run('pid')).stdout]).toEqual([0, first.stdout])
  })

  it.each([
    ['timer', 3],
    ['file', 4],
  ])('ends after a command that left something behind: %s', async (verb, code) => {
    const before = await run('pid')
    expect(await run(verb)).toMatchObject({ code, signal: null, stdout: '' })
    expect(() => process.kill(Number(before.stdout), 0)).toThrow('ESRCH')
  })

  it('that dies of a command tells of what', async () => {
    expect(await run('kill')).toMatchObject({ code: null, signal: 'SIGKILL' })
    expect(await run('throw')).toMatchObject({ code: 1, stderr: expect.stringContaining('out of turn') })
  })
})
