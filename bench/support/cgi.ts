/** Requests as a web server sends them to `brine cgi`: to a process of their own, or to the worker on its socket. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { exchange, requestRecords } from '../../test/support/peers/fastcgi-client.js'
import { BRINE, NODE, peakOf } from './run.js'

export interface CgiRequest {
  /** Variables of CGI. */
  readonly env: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

export interface Served {
  /** Milliseconds from the request to the end of the answer. */
  readonly wait: number
  /** The body of the answer. */
  readonly body: Buffer
  /** Peak resident memory in MiB of the process that answered, where it ended with the answer. */
  readonly peak: number
}

function bodyOf(answer: Buffer): Buffer {
  if (!answer.toString('latin1', 0, 12).startsWith('Status: 200 ')) throw new Error(answer.toString())
  return answer.subarray(answer.indexOf('\r\n\r\n') + 4)
}

/** Sends a request to `brine cgi`. Throws the answer if its status is not 200. */
export function requestByProcess(data: string, { env, body }: CgiRequest): Promise<Served> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn(NODE, [BRINE, 'cgi', '--data-dir', data], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    const chunks: Buffer[] = []
    let peak = 0
    const watch = setInterval(() => {
      peak = Math.max(peak, peakOf(child.pid))
    }, 20)
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('close', () => {
      clearInterval(watch)
      try {
        resolve({ body: bodyOf(Buffer.concat(chunks)), wait: performance.now() - started, peak })
      } catch (error) {
        reject(error)
      }
    })
    child.stdin.end(body)
  })
}

/** Sends a request to the worker. Throws the answer if its status is not 200. */
export async function requestByWorker(data: string, { env, body }: CgiRequest): Promise<Served> {
  const started = performance.now()
  const { output } = await exchange(socketOf(data), requestRecords(env, body))
  return { body: bodyOf(Buffer.from(output, 'latin1')), wait: performance.now() - started, peak: 0 }
}

const socketOf = (data: string): string => `${data}.sock`

export interface Worker {
  readonly pid: number
  /** Resolves after its end. */
  readonly ended: Promise<unknown>
}

/** Starts `brine cgi --fastcgi`, which ends after `idle` without a request; resolves once it listens. */
export async function startWorker(data: string, idle: string): Promise<Worker> {
  const args = [BRINE, 'cgi', '--fastcgi', socketOf(data), '--idle', idle, '--data-dir', data]
  const worker = spawn(NODE, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const ended = new Promise((resolve) => worker.once('close', resolve))
  while (!existsSync(socketOf(data))) await new Promise((resolve) => setTimeout(resolve, 20))
  return { pid: worker.pid ?? 0, ended }
}

/** Starts the worker, runs `work` with its process id once it listens, and returns after its end. */
export async function withWorker<T>(data: string, work: (pid: number) => Promise<T>): Promise<T> {
  const { pid, ended } = await startWorker(data, '2s')
  const done = await work(pid)
  await ended
  return done
}

/** CPU time of the ended children of this process in milliseconds. */
export function childrenCpu(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[13]) + Number(fields[14])) * 10
}

/** CPU time of a running process in milliseconds. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}
