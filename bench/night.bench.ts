/**
 * Renewals of many devices in one night: 8 clients, one worker, one certificate each, the directory growing by one with each. It reports
 * the rate, the waits and the CPU time of every part of `BENCH_PART` renewals with the load of the machine, and at the end of all.
 * `BENCH_CERTIFICATES` sets how many certificates are recorded before, `BENCH_RENEWALS` how many of them are renewed, `BENCH_CLIENTS` by
 * how many clients at once.
 */
import { rmSync } from 'node:fs'
import { availableParallelism, loadavg } from 'node:os'
import { cpuOf, withWorker } from './support/cgi.js'
import { newFolder } from './support/folder.js'
import { byWorker, enrolmentDirectory, fill, type Renewal } from './support/renewals.js'
import { say } from './support/run.js'

const CERTIFICATES = Number(process.env['BENCH_CERTIFICATES'] ?? 10_000)
const RENEWALS = Math.min(CERTIFICATES, Number(process.env['BENCH_RENEWALS'] ?? 3000))
const CLIENTS = Number(process.env['BENCH_CLIENTS'] ?? 8)
const PART = Number(process.env['BENCH_PART'] ?? 500)

interface Part {
  /** Milliseconds that each renewal took, as its client saw it. */
  readonly waits: number[]
  /** Milliseconds. */
  readonly wall: number
  readonly cpu: number
}

function within(sorted: readonly number[], share: number): string {
  return ((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN) / 1000).toFixed(2)
}

function report(what: string, { waits, wall, cpu }: Part): void {
  const sorted = [...waits].sort((a, b) => a - b)
  const wait = `wait ${within(sorted, 0.5)} s, 99 of 100 within ${within(sorted, 0.99)} s, longest ${within(sorted, 1)} s`
  const [rate, each] = [((waits.length * 1000) / wall).toFixed(2), (cpu / waits.length).toFixed(0)]
  say(`${what}: ${rate} a second; ${wait}; CPU ${each} ms each; load ${loadavg()[0]?.toFixed(1)}`)
}

async function renewAll(data: string, renewals: readonly Renewal[], pid: number): Promise<Part> {
  const left = [...renewals]
  const all: number[] = []
  const start = { at: performance.now(), cpu: cpuOf(pid) }
  let part = { ...start, waits: [] as number[] }
  const finishPart = (): void => {
    const now = { at: performance.now(), cpu: cpuOf(pid) }
    all.push(...part.waits)
    const measured = { waits: part.waits, wall: now.at - part.at, cpu: now.cpu - part.cpu }
    if (part.waits.length > 0) report(`${CERTIFICATES + all.length} certificates`, measured)
    part = { ...now, waits: [] }
  }
  const client = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const took = await byWorker(data, next)
      part.waits.push(took)
      if (part.waits.length === PART) finishPart()
    }
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  finishPart()
  return { waits: all, wall: performance.now() - start.at, cpu: cpuOf(pid) - start.cpu }
}

const folder = newFolder()
try {
  const data = await enrolmentDirectory(folder)
  const renewals = (await fill(data, CERTIFICATES, RENEWALS)).slice(0, RENEWALS)
  say(
    `${CERTIFICATES} certificates, ${CLIENTS} clients, ${availableParallelism()} cores, Node ${process.versions.node}`,
  )
  const all = await withWorker(data, (pid) => renewAll(data, renewals, pid))
  report(`all ${all.waits.length}`, all)
  const seconds = (10_000 * all.wall) / all.waits.length / 1000
  say(`10,000 at this rate: ${(seconds / 3600).toFixed(1)} hours`)
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}
