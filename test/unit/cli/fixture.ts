/**
 * A small program of its own with real commands on the base class, built once a test file as the program is. A command runs in a worker; one
 * with a shell, a signal or a terminal in a process of its own.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type BuildOptions, build } from 'esbuild'
import { Workers } from '../../support/processes/workers.js'

const ROOT = resolve(import.meta.dirname, '../../..')

const SHOW = `
import { BaseCommand } from '${ROOT}/src/core/cli/base-command.ts'
import { arg, flag } from '${ROOT}/src/core/cli/flags/flags.ts'
export default class Show extends BaseCommand {
  static summary = 'show things'
  static args = { ca: arg.handle({ required: true, description: 'the CA' }), rest: arg.text({ multiple: true }) }
  static flags = {
    tag: flag.text({ multiple: true }),
    size: flag.integer({ min: 1, max: 9 }),
    since: flag.moment(),
    level: flag.choice(['warning', 'critical'], { description: 'how bad' }),
  }
  async execute() {
    const { args, flags } = await this.parse(Show)
    const { dataDir, actor, reason, lockTimeoutSeconds, command, onNotice } = this.context(flags)
    onNotice('look out')
    return { ca: args.ca, rest: args.rest ?? [], tags: flags.tag ?? [], since: flags.since ?? null, dataDir, actor, reason, lockTimeoutSeconds, command }
  }
  view(report, theme) {
    return theme.table({ columns: ['CA', 'Tags'], rows: [[theme.bold(report.ca), report.tags.join('+')]] })
  }
}
`

const CHANGE = `
import { AppError } from '${ROOT}/src/core/base/errors.ts'
import { BaseCommand } from '${ROOT}/src/core/cli/base-command.ts'
import { EXIT_CODES } from '${ROOT}/src/core/cli/exit-codes.ts'
import { arg, confirmFlags, writeFlags } from '${ROOT}/src/core/cli/flags/flags.ts'
const SECRET = 'correct horse battery staple'
const wait = () => new Promise(() => { process.stderr.write('waiting\\n'); setInterval(() => undefined, 1000) })
export default class Change extends BaseCommand {
  static args = { how: arg.text({ required: true }) }
  static flags = { ...writeFlags, ...confirmFlags }
  async execute() {
    const { args, flags } = await this.parse(Change)
    await this[args.how](flags)
    return { how: args.how }
  }
  view(report) { return 'done: ' + report.how }
  faults(report) { return report.how === 'partly' ? ['acme: no key'] : [] }
  exitCode(report) { return report.how === 'partly' ? EXIT_CODES.partial : 0 }
  async ok() {}
  async partly() {}
  async commit() { this.watch.changed = 'yes' }
  async reject() {
    const e = new AppError('rejected', 'roa-not-held', '192.0.2.0/24 is not held', { hint: 'ask the parent', details: { prefix: '192.0.2.0/24' } })
    throw Object.assign(e, { secretKey: SECRET })
  }
  async remote() { throw new AppError('remote', 'peer-down', 'no answer', { retry: true, retryAfter: 60 }) }
  async bug() { throw Object.assign(new TypeError('x of undefined'), { secretKey: SECRET }) }
  async late() { this.watch.changed = 'yes'; throw new TypeError('after the commit') }
  async disk() { throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' }) }
  async ask(flags) { await this.confirm('acme loses 3 ROAs', flags) }
  async hang() { await wait() }
  async hangCommitted() { this.watch.changed = 'yes'; await wait() }
  async hangUnknown() { this.watch.changed = 'unknown'; await wait() }
}
`

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  /** Called with the process once it wrote `waiting`. */
  readonly whenWaiting?: (child: ChildProcess) => void
  /** Runs under a shell: \`"$@" > /dev/full\`. */
  readonly shell?: string
  /** Runs in a process of its own. */
  readonly isProcess?: boolean
}

export interface Fixture {
  readonly dir: string
  /** On a terminal of its own; `keys` are typed once it asks. Both streams come back as one text. */
  onTerminal(argv: readonly string[], keys: string): Promise<Pick<Outcome, 'code' | 'stdout'>>
  run(argv: readonly string[], options?: RunOptions): Promise<Outcome>
  remove(): void
}

const NODE: BuildOptions = { platform: 'node', logLevel: 'error' }

/** Bundles the commands and the base class in two passes, as bin/build.js does: only ES modules can be split. */
async function bundle(dir: string): Promise<void> {
  const [dist, entryPoints]: [string, Record<string, string>] = [
    join(dir, 'dist'),
    { run: `${ROOT}/src/core/cli/run.ts`, help: `${ROOT}/src/core/cli/help.ts` },
  ]
  for (const [name, text] of Object.entries({ show: SHOW, 'thing/change': CHANGE })) {
    const source = join(dir, `${name.replace('/', '-')}.ts`)
    writeFileSync(source, text)
    entryPoints[`commands/${name}`] = source
  }
  await build({
    ...NODE,
    ...{ entryPoints, outdir: dist, chunkNames: 'chunks/[name]-[hash]', bundle: true, splitting: true, format: 'esm' },
    ...{ external: ['typescript', 'ts-node'], define: { 'import.meta.url': '__importMetaUrl' } },
  })
  writeFileSync(join(dist, 'package.json'), '{"type":"commonjs"}\n')
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'))
  await build({
    ...NODE,
    ...{ entryPoints: files.map((name) => join(dist, name)), outdir: dist, outbase: dist, allowOverwrite: true },
    ...{ format: 'cjs', supported: { 'dynamic-import': false } },
    banner: { js: 'const __importMetaUrl = require("node:url").pathToFileURL(__filename).href;' },
  })
  mkdirSync(join(dir, 'bin'))
  for (const name of ['run.js', 'launch.js', 'package.json'])
    copyFileSync(join(ROOT, 'bin', name), join(dir, 'bin', name))
}

/** Builds the program. */
export async function buildFixture(): Promise<Fixture> {
  const dir = mkdtempSync(join(tmpdir(), 'brine-cli-'))
  symlinkSync(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
  const oclif = { bin: 'brine', topicSeparator: ' ', commands: { strategy: 'pattern', target: './dist/commands' } }
  const about = { name: 'brine-fixture', version: '0.0.0', files: ['dist'], oclif }
  writeFileSync(join(dir, 'package.json'), JSON.stringify(about))
  await bundle(dir)
  const workers = new Workers(dir)
  return {
    dir,
    run: (argv, options = {}) => {
      const { shell, whenWaiting, isProcess = shell !== undefined || whenWaiting !== undefined } = options
      return isProcess ? runProcess(dir, argv, options) : runInWorker(workers, dir, argv, options)
    },
    onTerminal: (argv, keys) => runOnTerminal(dir, argv, keys),
    remove: () => rmSync(dir, { recursive: true }),
  }
}

async function runInWorker(
  workers: Workers,
  dir: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Outcome> {
  const job = { args, env: environment(dir, options), input: options.input ?? '', cwd: dir, umask: process.umask() }
  const { code, stdout, stderr } = await workers.run(job)
  return { code, stdout, stderr }
}

const mainOf = (dir: string): string => join(dir, 'bin', 'run.js')

const environment = (dir: string, { env }: RunOptions): Readonly<Record<string, string>> => ({
  ...{ PATH: process.env['PATH'] ?? '', HOME: dir },
  ...env,
})

function runOnTerminal(dir: string, argv: readonly string[], keys: string): ReturnType<Fixture['onTerminal']> {
  const words = [process.execPath, mainOf(dir), ...argv].join(' ')
  const { PATH } = process.env
  const env = { PATH, HOME: dir, TERM: 'xterm' }
  const child = spawn('script', ['-qefc', words, '/dev/null'], { env, stdio: 'pipe' })
  let stdout = ''
  let typed = false
  child.stdout.on('data', (part) => {
    stdout += part
    if (!typed && stdout.includes('[y/N]')) typed = child.stdin.write(keys)
  })
  return new Promise((done) => {
    child.on('close', (code) => done({ code, stdout: stdout.replaceAll('\r', '') }))
  })
}

function runProcess(dir: string, argv: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const words = [process.execPath, mainOf(dir), ...argv]
  const [file, args] =
    options.shell === undefined ? [words[0] ?? '', words.slice(1)] : ['/bin/sh', ['-c', options.shell, 'sh', ...words]]
  const child = spawn(file, args, { env: environment(dir, options), stdio: 'pipe' })
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (part) => {
    stdout += part
  })
  child.stderr.on('data', (part) => {
    stderr += part
    if (stderr.includes('waiting')) options.whenWaiting?.(child)
  })
  return new Promise((done) => {
    child.on('close', (code) => done({ code, stdout, stderr }))
  })
}
