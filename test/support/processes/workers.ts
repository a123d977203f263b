/**
 * Processes that run one command after the other (command-worker.ts), each at most one at a time: commands that a test runs at once are in
 * different processes. The program is built once in a run, by the global set-up.
 */
import { type ChildProcess, type ForkOptions, fork } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Job, JobEnd } from './command-worker.js'

const HERE = dirname(fileURLToPath(import.meta.url))
const ROOT = join(HERE, '../../..')
const VARIABLE = 'BRINE_TEST_WORKER'

/** Builds the program of the workers into `folder`. */
export async function buildWorker(folder: string): Promise<void> {
  const { build } = await import('esbuild')
  const outfile = join(folder, 'command-worker.cjs')
  await build({
    entryPoints: [join(HERE, 'command-worker.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    // of the one file that reads another beside it
    define: { 'import.meta.url': JSON.stringify(pathToFileURL(join(HERE, '../rpki/fixed-keys.ts')).href) },
    logLevel: 'error',
  })
  process.env[VARIABLE] = outfile
}

export interface WorkerEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

type Held = Pick<ChildProcess, 'ref' | 'unref'>

/** Lets this process end while a worker is idle, or not. */
function hold(worker: ChildProcess, isHeld: boolean): void {
  for (const one of [worker, worker.channel, worker.stdout, worker.stderr] as readonly (Held | null)[])
    isHeld ? one?.ref() : one?.unref()
}

/** Workers for the program below a root. */
export class Workers {
  readonly #root: string
  readonly #idle: ChildProcess[] = []
  #started = 0

  constructor(root = ROOT) {
    this.#root = root
  }

  /** Runs a job in an idle worker, or in a new one. A worker that dies of the command gives its own exit code, signal and standard error. */
  run(job: Job): Promise<WorkerEnd> {
    const worker = this.#idle.pop() ?? this.#start()
    hold(worker, true)
    let said = ''
    let end: JobEnd | undefined
    return new Promise((resolve, reject) => {
      const heard = (part: Buffer): void => {
        said += part.toString()
      }
      const closed = (code: number | null, signal: NodeJS.Signals | null): void =>
        resolve(end === undefined ? { code, signal, stdout: '', stderr: said } : { ...end, signal: null })
      const answered = (message: unknown): void => {
        end = message as JobEnd
        if (end.isLast) return
        worker.stderr?.off('data', heard)
        worker.off('message', answered).off('close', closed).off('error', reject)
        hold(worker, false)
        this.#idle.push(worker)
        resolve({ ...end, signal: null })
      }
      worker.stderr?.on('data', heard)
      worker.on('message', answered).on('close', closed).on('error', reject)
      worker.send(job)
    })
  }

  #start(): ChildProcess {
    const program = process.env[VARIABLE]
    if (program === undefined) throw new Error(`${VARIABLE} is not set: the global set-up did not run`)
    const env = { PATH: process.env['PATH'], TZ: 'UTC', UV_THREADPOOL_SIZE: String(availableParallelism() + 6) }
    const options: ForkOptions = { env, execArgv: [], stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }
    const worker = fork(program, [this.#root, String(this.#started)], options)
    this.#started += 1
    worker.stdout?.resume()
    return worker
  }
}
