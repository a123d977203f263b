/**
 * Runs commands of the built program one after the other in this process, for tests that need no process of their own (see workers.ts). Each
 * command has its own arguments, environment, standard streams, folder and umask, and newly evaluated modules: only their compiled code is
 * kept. RSA keys are the fixed ones as long as they last. A command ends as soon as it asks for the end of its process. What it leaves behind (a timer, a socket, an open file) could reach the
 * next command, so that this process then ends itself.
 */
import { readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { layoutOf } from '../../../src/core/store/disk/paths.js'
import { makeFixedKeysOnce, skipFixedKeys } from '../rpki/fixed-keys.js'

export interface Job {
  readonly args: readonly string[]
  /** The whole environment. */
  readonly env: Readonly<Record<string, string>>
  readonly input: string
  readonly cwd: string
  readonly umask: number
}

export interface JobEnd {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  /** This process ends now, since the command left something behind. */
  readonly isLast: boolean
}

type Launch = (root: string, argv: readonly string[], observe: undefined, compiled: Map<string, unknown>) => unknown
type Listener = (...args: readonly unknown[]) => void

const [, , root = '', number = '0'] = process.argv
skipFixedKeys(7 * Number(number))
const bin = join(root, 'bin', 'run.js')
const { launch } = createRequire(bin)('./launch.js') as { readonly launch: Launch }
const compiled = new Map<string, unknown>()

/** Files that are open, without the one that lists them. */
function openFiles(): number {
  return readdirSync('/proc/self/fd').length - 1
}

function setEnvironment(env: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(process.env)) if (!(name in env)) delete process.env[name]
  for (const [name, value] of Object.entries(env)) if (process.env[name] !== value) process.env[name] = value
}

function dataDirOf(args: readonly string[], env: Job['env']): string {
  const flag = '--data-dir'
  const given = args.find((arg, n) => args[n - 1] === flag || arg.startsWith(`${flag}=`))
  return given?.replace(`${flag}=`, '') ?? env['BRINE_DATA_DIR'] ?? ''
}

/** The keys of a data directory, with those of its pool; none where they cannot be listed. */
function keysIn(dataDir: string): readonly string[] {
  const { keys, pool } = layoutOf(dataDir)
  return [keys, pool].flatMap((folder) => {
    try {
      return readdirSync(folder)
    } catch {
      return []
    }
  })
}

/** Collects what is written to a stream until `end`, which returns it. */
function collect(stream: NodeJS.WriteStream): { readonly end: () => string } {
  const { write } = stream
  const parts: Buffer[] = []
  const keep = (chunk: string | Uint8Array, ...rest: readonly unknown[]): boolean => {
    const [encoding] = rest
    parts.push(Buffer.from(chunk as string, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'))
    const done = rest.find((one) => typeof one === 'function') as (() => void) | undefined
    if (done !== undefined) process.nextTick(done)
    return true
  }
  Object.assign(stream, { write: keep })
  return {
    end: () => {
      Object.assign(stream, { write })
      return Buffer.concat(parts).toString()
    },
  }
}

/** Remembers the listeners of this process and its global variables; the result calls the new `exit` listeners and removes all new ones. */
function guardGlobals(): (code: number) => void {
  const targets: readonly NodeJS.EventEmitter[] = [process, process.stdout, process.stderr]
  const known = targets.map((one) => new Map(one.eventNames().map((name) => [name, new Set(one.rawListeners(name))])))
  const globals = new Set(Reflect.ownKeys(globalThis))
  return (code) => {
    for (const [n, one] of targets.entries())
      for (const name of one.eventNames())
        for (const listener of one.rawListeners(name)) {
          if (known[n]?.get(name)?.has(listener) === true) continue
          if (one === process && name === 'exit') (listener as Listener).call(process, code)
          one.removeListener(name, listener as Listener)
        }
    for (const name of Reflect.ownKeys(globalThis)) if (!globals.has(name)) Reflect.deleteProperty(globalThis, name)
  }
}

const { exit } = process

/** Runs the command until it ends or asks for the end of its process; returns its exit code. */
function ended(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = (code?: number | string | null): void => resolve(Number(code ?? process.exitCode ?? 0))
    Object.assign(process, { exit: asked })
    Promise.resolve(launch(root, args, undefined, compiled)).then(() => asked(), reject)
  })
}

async function run({ args, env, input, cwd, umask }: Job): Promise<JobEnd> {
  const restore = guardGlobals()
  const [before, resources] = [openFiles(), process.getActiveResourcesInfo().length]
  setEnvironment(env)
  process.chdir(cwd)
  process.umask(umask)
  process.exitCode = undefined
  makeFixedKeysOnce(keysIn(dataDirOf(args, env)))
  process.argv = [process.execPath, bin, ...args]
  const stdin = Readable.from(input === '' ? [] : [Buffer.from(input)], { objectMode: false })
  Object.defineProperty(process, 'stdin', { value: stdin, configurable: true })
  const streams = [collect(process.stdout), collect(process.stderr)]
  const code = await ended(args)
  restore(code)
  const [stdout = '', stderr = ''] = streams.map((one) => one.end())
  Object.assign(process, { exit })
  process.exitCode = undefined
  process.chdir('/')
  const isClean = (): boolean => openFiles() <= before && process.getActiveResourcesInfo().length <= resources
  // the last events of a child process and of a file need another turn of the event loop
  for (let turn = 0; turn < 3 && !isClean(); turn++) await new Promise((resolve) => setImmediate(resolve))
  return { code, stdout, stderr, isLast: !isClean() }
}

process.on('message', (job: Job) => {
  run(job).then(
    (end) => process.send?.(end, () => void (end.isLast && exit(0))),
    (error: unknown) => {
      process.stderr.write(String(error))
      exit(70)
    },
  )
})
process.on('disconnect', () => exit(0))
