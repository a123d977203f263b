/**
 * Runs the installed rsync(1), which copies to repository servers and lists what they serve.
 * Invariant: a run ends by its deadline, also if the other side hangs; it asks for no password.
 */
import { spawn } from 'node:child_process'
import { AppError } from '../base/errors.js'

export interface RsyncRun {
  /** Arguments, options before `--`. */
  readonly args: readonly string[]
  /** Seconds until the program is ended. */
  readonly seconds: number
  /** Standard input; empty by default. */
  readonly input?: string
  /** The server, for messages. */
  readonly where: string
  /** Descriptor of a lock that is held as long as the program runs. */
  readonly lock?: number
}

/** Exit codes of a run in which the server answered and refused, or lacks a file: other codes are faults of the connection. */
const REFUSALS = new Set([1, 2, 4, 5, 23, 24])
const LONGEST_OUTPUT = 512 * 1024 * 1024

/** Runs rsync and returns its standard output. Throws `rsync-failed`, `rsync-timeout`, `rsync-missing` (remote). */
export function rsync({ args, seconds, input = '', where, lock }: RsyncRun): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { RSYNC_RSH: 'ssh -o BatchMode=yes -o ConnectTimeout=15', ...process.env, LC_ALL: 'C', TZ: 'UTC' }
    // a group of its own: rsync starts another process, and ssh
    const child = spawn('rsync', args, { env, stdio: ['pipe', 'pipe', 'pipe', lock ?? 'ignore'], detached: true })
    const output: Buffer[] = []
    let length = 0
    let errors = ''
    let isLate = false
    const stop = (): void => {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      } catch {
        // it has ended
      }
    }
    process.once('exit', stop)
    const timer = setTimeout(() => {
      isLate = true
      stop()
    }, seconds * 1000)
    child.stdout?.on('data', (part: Buffer) => {
      output.push(part)
      length += part.length
      if (length > LONGEST_OUTPUT) stop()
    })
    child.stderr?.on('data', (part: Buffer) => {
      if (errors.length < 20_000) errors += part.toString()
    })
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
    child.on('error', (cause) => {
      clearTimeout(timer)
      reject(notStarted(cause))
    })
    child.on('close', (code, signal) => {
      clearTimeout(timer)
      process.removeListener('exit', stop)
      if (code === 0) resolve(Buffer.concat(output).toString())
      else if (isLate) reject(failed(where, 'rsync-timeout', `did not finish in ${seconds} s`, null))
      else reject(failed(where, 'rsync-failed', reasonOf(errors) ?? `rsync ended with ${signal ?? code}`, code))
    })
  })
}

function notStarted(cause: Error): AppError {
  const isAbsent = 'code' in cause && cause.code === 'ENOENT'
  return new AppError('remote', 'rsync-missing', isAbsent ? 'rsync(1) is not installed' : cause.message, {
    hint: 'install rsync',
    cause,
  })
}

function failed(where: string, code: string, why: string, exit: number | null): AppError {
  return new AppError('remote', code, `${where}: ${why}`, {
    retry: exit === null || !REFUSALS.has(exit),
    details: { where, exit },
  })
}

/** Returns the first complaint; the last line only says where in its source rsync ended. */
function reasonOf(errors: string): string | undefined {
  const lines = errors.split('\n').map((line) => line.trim())
  const said = lines.filter(
    (line) => line !== '' && !/^rsync error:|^rsync: (?:connection unexpectedly|\[\w+\] )?$/.test(line),
  )
  const [first] = said.filter((line) => !line.startsWith('rsync: connection unexpectedly closed'))
  return (first ?? said[0] ?? lines.find((line) => line.startsWith('rsync error:')))?.slice(0, 300)
}
