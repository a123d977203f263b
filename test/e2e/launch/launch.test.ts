/** The way from `bin/run.js` to a command: code cache, manifest, leading globals, and the set-up of a fresh checkout. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { inFlightFor } from '../../../src/core/crypto/key-maker.js'
import { runBrine } from '../../support/processes/cli.js'

const ROOT = join(import.meta.dirname, '../../..')
const CACHE = join('dist', 'cache', `${process.version}-${process.arch}`)
const LOOK = join(CACHE, 'look')

let copy = ''

/** A program installed elsewhere: its own dist and cache, the packages of this checkout. */
beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'brine-launch-'))
  for (const name of ['bin', 'dist', 'package.json', 'oclif.manifest.json'])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'))
})

afterAll(() => rmSync(copy, { recursive: true, force: true }))

interface Launch {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  /** Files of dist that ran, and those that ran without their cache. */
  readonly files: readonly string[]
  readonly uncached: readonly string[]
}

function launchIn(root: string, ...argv: readonly string[]): Launch {
  const code = `
    const { launch } = require(${JSON.stringify(join(root, 'bin/launch.js'))})
    launch(${JSON.stringify(root)}, process.argv.slice(1), (loader) =>
      process.on('exit', () => process.stderr.write('\\n' + JSON.stringify([loader.files(), loader.uncached()]))))`
  const env = { PATH: process.env['PATH'] ?? '', HOME: tmpdir() }
  const result = spawnSync(process.execPath, ['-e', code, '--', ...argv], { encoding: 'utf8', env, timeout: 30_000 })
  const lines = result.stderr.split('\n')
  const [files, uncached] = JSON.parse(lines.at(-1) ?? '') as [string[], string[]]
  return { status: result.status, stdout: result.stdout, stderr: lines.slice(0, -1).join('\n'), files, uncached }
}

describe('the code cache', () => {
  it('serves every file that a start loads', () => {
    const { status, stdout, uncached } = launchIn(copy, '--version')
    expect({ status, uncached }).toEqual({ status: 0, uncached: [] })
    expect(stdout).toMatch(/^brine\/\d/)
  })

  it('has one for changes and one for reads, which serve every file that the daily commands load', () => {
    const data = ['--data-dir', join(copy, 'data')]
    launchIn(copy, 'testbed', 'init', ...data)
    const change = launchIn(copy, 'roa', 'add', 'testbed', '192.0.2.0/24 => 64496', ...data)
    writeFileSync(join(copy, 'set'), 'A: 198.51.100.0/24 => 64497\nR: 192.0.2.0/24 => 64496\n')
    const set = launchIn(copy, 'roa', 'update', 'testbed', '--file', join(copy, 'set'), ...data)
    const read = launchIn(copy, 'roa', 'list', 'testbed', ...data)
    expect([change.status, change.uncached]).toEqual([0, []])
    expect([set.status, set.uncached]).toEqual([0, []])
    expect([read.status, read.uncached]).toEqual([0, []])
    expect([change, set, read].map(({ files }) => files[0])).toEqual(['quick/all.js', 'quick/all.js', 'quick/daily.js'])
  }, 30_000)

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['with one bit turned', (bytes) => Buffer.from(bytes.map((b, i) => (i === bytes.length >> 1 ? b ^ 1 : b)))],
    ['cut short', (bytes) => bytes.subarray(0, bytes.length >> 1)],
    ['empty', () => Buffer.alloc(0)],
  ])('is left aside %s, and the command runs', (_title, damage) => {
    const file = join(copy, LOOK, 'run.js.bin')
    const bytes = readFileSync(file)
    writeFileSync(file, damage(bytes))
    const { status, uncached } = launchIn(copy, '--version')
    writeFileSync(file, bytes)
    expect({ status, uncached }).toEqual({ status: 0, uncached: ['run.js'] })
  })

  it('is left aside when the source has changed, even to one of the same length', () => {
    const file = join(copy, 'dist/run.js')
    const source = readFileSync(file, 'utf8')
    writeFileSync(file, source.replace('//# sourceMappingURL', '//# sourceMappingurl'))
    const { uncached } = launchIn(copy, '--version')
    writeFileSync(file, source)
    expect(uncached).toEqual(['run.js'])
  })

  it('may be absent, and a run does not write it', () => {
    const aside = join(copy, 'aside')
    cpSync(join(copy, CACHE), aside, { recursive: true })
    rmSync(join(copy, 'dist/cache'), { recursive: true })
    const { status, stdout } = launchIn(copy, 'roa', '--help')
    const after = readdirSync(join(copy, 'dist'))
    cpSync(aside, join(copy, CACHE), { recursive: true })
    expect(status).toBe(0)
    expect(stdout).toContain('roa list')
    expect(after).not.toContain('cache')
  })
})

describe('the quick path', () => {
  const data = (): readonly string[] => ['--data-dir', join(copy, 'data')]

  it.each([
    ['a daily read', ['roa', 'list', 'testbed'], ['quick/daily.js']],
    ['a daily read that fails', ['roa', 'list', 'nobody'], ['quick/daily.js']],
    ['another command', ['keyroll', 'status', 'testbed'], ['quick/all.js']],
    ['a change', ['roa', 'remove', 'testbed', '198.51.100.0/24 => 64497'], ['quick/all.js']],
  ])('runs %s from one file', (_title, argv, files) => {
    expect(launchIn(copy, ...argv, ...data()).files).toEqual(files)
    expect(launchIn(copy, ...data(), ...argv).files).toEqual(files)
  })

  it.each([
    ['an unknown command', ['roa', 'lst'], 2, 'unknown command roa lst, did you mean roa list?'],
    ['an unknown flag', ['roa', 'list', 'testbed', '--jsn'], 2, 'unknown flag --jsn, did you mean --json?'],
    ['a missing argument', ['roa', 'list'], 2, 'missing argument: CA'],
    ['a refused value', ['roa', 'list', 'testbed', '--asn', 'x'], 2, '--asn: not an AS number'],
    ['flags that exclude each other', ['roa', 'list', 'testbed', '--csv', '--json'], 2, 'cannot be combined'],
    ['help', ['roa', 'list', '--help'], 0, 'USAGE'],
    ['a topic', ['roa'], 0, 'USAGE'],
  ])('leaves %s to oclif', (_title, argv, status, said) => {
    const ran = launchIn(copy, ...argv)
    expect(ran.files).toContain('run.js')
    expect(ran.status).toBe(status)
    expect(ran.stdout + ran.stderr).toContain(said)
  })

  it.each([
    ['does not parse', (text: string) => text.slice(1)],
    ['is cut short', (text: string) => text.slice(0, text.length >> 1)],
    ['fails when it is loaded', () => 'throw new Error("broken")'],
  ])('is passed over where its file %s', (_title, damage) => {
    const file = join(copy, 'dist/quick/daily.js')
    const source = readFileSync(file, 'utf8')
    const whole = launchIn(copy, 'roa', 'list', 'testbed', ...data())
    writeFileSync(file, damage(source))
    const { status, stdout, files } = launchIn(copy, 'roa', 'list', 'testbed', ...data())
    writeFileSync(file, source)
    expect({ status, stdout }).toEqual({ status: whole.status, stdout: whole.stdout })
    expect(files).toContain('run.js')
  })
})

describe('the threads that make keys and sign', () => {
  it.skipIf(process.platform !== 'linux').each<[string, readonly string[], NodeJS.ProcessEnv, number]>([
    ['are enough for the keys of all cores and two signatures', ['init'], {}, inFlightFor(availableParallelism()) + 2],
    [
      'are so whatever a name in the command looks like',
      ['init', '--actor', 'status'],
      {},
      inFlightFor(availableParallelism()) + 2,
    ],
    ['are as many as the user says', ['init'], { UV_THREADPOOL_SIZE: '3' }, 3],
  ])('%s', (title, argv, set, count) => {
    const threadsOf = (work: string): number => {
      const say = "console.error(require('node:fs').readdirSync('/proc/self/task').length)"
      const env = { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), ...set }
      const code = `process.on('exit', () => ${say}); ${work}`
      const { stderr } = spawnSync(process.execPath, ['-e', code], { encoding: 'utf8', env, timeout: 30_000 })
      return Number(stderr.trim().split('\n').at(-1))
    }
    const words = JSON.stringify([...argv, '--data-dir', join(copy, title)])
    const launch = `require(${JSON.stringify(join(copy, 'bin/launch.js'))}).launch(${JSON.stringify(copy)}, ${words})`
    const [idle, working] = [threadsOf(''), threadsOf(launch)]
    expect(working - idle).toBe(count)
  })
})

describe('oclif.manifest.json', () => {
  it('names exactly the files of src/commands', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8')) as { commands: object }
    const files = readdirSync(join(ROOT, 'src/commands'), { recursive: true, encoding: 'utf8' })
    const ids = files.filter((name) => name.endsWith('.ts')).map((name) => name.slice(0, -3).replaceAll('/', ':'))
    expect(Object.keys(manifest.commands).sort()).toEqual(ids.sort())
  })
})

describe('the command line', () => {
  it('takes global flags in front of the command', async () => {
    const dataDir = join(copy, 'nowhere')
    const front = await runBrine(['--data-dir', dataDir, '--json', 'ca', 'list'])
    const behind = await runBrine(['ca', 'list', '--json', '--data-dir', dataDir])
    expect(front.code).toBe(10)
    expect([front.code, front.stdout]).toEqual([behind.code, behind.stdout])
  })

  it('answers help', async () => {
    const help = await runBrine(['help', 'roa', 'add'])
    expect(help.code).toBe(0)
    expect(help.stdout).toBe((await runBrine(['roa', 'add', '--help'])).stdout)
  })
})

describe('a checkout', () => {
  it('is installed and built when nothing is there, and left alone the next time', () => {
    const root = mkdtempSync(join(tmpdir(), 'brine-setup-'))
    mkdirSync(join(root, 'src'))
    mkdirSync(join(root, 'bin'))
    cpSync(join(ROOT, 'bin/setup.js'), join(root, 'bin/setup.js'))
    writeFileSync(join(root, 'bin/package.json'), '{"type":"commonjs"}')
    for (const name of ['launch.js', 'quick.js']) writeFileSync(join(root, 'bin', name), '')
    const build = `require('node:fs').mkdirSync('dist', { recursive: true })
      require('node:fs').writeFileSync('oclif.manifest.json', '{}')
      require('node:fs').writeFileSync('dist/build.json', JSON.stringify({ node: process.version, startedAt: Date.now() }))`
    writeFileSync(join(root, 'bin/build.js'), build)
    writeFileSync(join(root, 'package.json'), '{"name":"x","version":"1.0.0"}')
    const lock = { name: 'x', version: '1.0.0', lockfileVersion: 3, packages: { '': { name: 'x', version: '1.0.0' } } }
    writeFileSync(join(root, 'package-lock.json'), JSON.stringify(lock))
    const setup = (): string =>
      spawnSync(process.execPath, ['bin/setup.js'], { cwd: root, encoding: 'utf8', env: process.env }).stderr
    const [first, second] = [setup(), setup()]
    writeFileSync(join(root, 'src/new.ts'), '')
    const third = setup()
    rmSync(root, { recursive: true })
    expect(first).toContain('installing')
    expect(first).toContain('building')
    expect(second).not.toContain('building')
    expect(third).toContain('building')
  })
})
