/**
 * Renewals over CGI by several clients at once, in a data directory with many certificates: rate, longest wait, and CPU time of each.
 * `BENCH_CERTIFICATES` sets how many are recorded before, `BENCH_REQUESTS` how many are renewed.
 */
import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { childrenCpu, withWorker } from './support/cgi.js'
import { newFolder } from './support/folder.js'
import { byProcess, byWorker, enrolmentDirectory, fill, type Renew, type Renewal } from './support/renewals.js'
import { median, say } from './support/run.js'

const CERTIFICATES = Number(process.env['BENCH_CERTIFICATES'] ?? 10_000)
const REQUESTS = Number(process.env['BENCH_REQUESTS'] ?? 64)

async function clients(data: string, renewals: Renewal[], count: number, renew: Renew = byProcess): Promise<number> {
  const [waits, cpu, started]: [number[], number, number] = [[], childrenCpu(), performance.now()]
  const left = renewals.splice(0, REQUESTS)
  const client = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) waits.push(await renew(data, next))
  }
  await Promise.all(Array.from({ length: count }, client))
  const rate = (waits.length * 1000) / (performance.now() - started)
  const each = renew === byWorker ? '' : `; CPU ${((childrenCpu() - cpu) / waits.length).toFixed(0)} ms each`
  const [how, wait] = [renew === byWorker ? 'worker' : 'process', median(waits).toFixed(0)]
  const who = `${count} at a time on ${availableParallelism()} cores, by ${how}`
  say(`${who}: ${rate.toFixed(1)} a second; wait ${wait} ms, longest ${Math.max(...waits).toFixed(0)} ms${each}`)
  return waits.length
}

/** Reports the CPU time of each request, which ends with the worker. */
async function byOneWorker(data: string, renewals: Renewal[], count: number): Promise<void> {
  const cpu = childrenCpu()
  const done = await withWorker(data, () => clients(data, renewals, count, byWorker))
  say(`the worker: CPU ${((childrenCpu() - cpu) / done).toFixed(0)} ms each, its start included`)
}

const folder = newFolder()
try {
  const data = await enrolmentDirectory(folder)
  const started = performance.now()
  const renewals = [...(await fill(data, CERTIFICATES, 2 * REQUESTS))]
  say(`${CERTIFICATES} certificates recorded in ${((performance.now() - started) / 1000).toFixed(0)} s`)
  const kept = [...renewals]
  for (const count of [1, 8]) await clients(data, renewals, count)
  for (const count of [1, 8]) await byOneWorker(data, kept, count)
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}
