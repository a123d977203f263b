/** Measures whole processes: wall time, peak memory, and medians over interleaved rounds, since the speed of machines drifts. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The runtime to measure: `BENCH_NODE`, or the one that runs the benchmark. */
export const NODE = process.env['BENCH_NODE'] ?? process.execPath
export const BRINE = join(process.cwd(), 'bin', 'run.js')

export interface Measured {
  /** Milliseconds. */
  readonly wall: number
  /** Peak resident memory, MiB; 0 where /proc is missing. */
  readonly peak: number
  readonly output: string
}

/** Runs a process to its end, at the time `now` in a test data directory. Throws if it ends with another code than these. */
export function run(
  args: readonly string[],
  codes: readonly number[] = [0],
  now?: string,
  program = NODE,
): Promise<Measured> {
  const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env
  const env = now === undefined ? rest : { ...rest, BRINE_NOW: now }
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    const chunks: Buffer[] = []
    let peak = 0
    const watch = setInterval(() => {
      peak = Math.max(peak, peakOf(child.pid))
    }, 20)
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('close', (code) => {
      clearInterval(watch)
      const output = Buffer.concat(chunks).toString()
      if (code !== null && codes.includes(code)) resolve({ wall: performance.now() - started, peak, output })
      else reject(new Error(`${args.join(' ')} ended with ${code}: ${output}`))
    })
  })
}

export function brine(dataDir: string, ...args: readonly string[]): Promise<Measured> {
  return run([BRINE, '--data-dir', dataDir, ...args])
}

/** Runs it at a given time in a directory made with `--test`. */
export function brineAt(now: string, dataDir: string, ...args: readonly string[]): Promise<Measured> {
  return run([BRINE, '--data-dir', dataDir, ...args], [0], now)
}

/** Peak resident memory of a running process, MiB; 0 where /proc is missing. */
export function peakOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

/** Returns `12.3 ms (11.9 to 14.0, 5 runs)`. */
export function spread(values: readonly number[]): string {
  return `${median(values).toFixed(1)} ms (${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)}, ${values.length} runs)`
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
