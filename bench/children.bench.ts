/**
 * Children that ask their parent: each sends a list, some of them a request for a certificate, 8 at once. The parent is Brine with a process
 * for each request, Brine with the worker, and Krill (where it is installed); rounds of the three alternate, and with them processes that
 * do nothing. `BENCH_CHILDREN` sets their number, `BENCH_ISSUES` how many of them ask for a certificate, `BENCH_CLIENTS` how many at once.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { MESSAGE_TYPES } from '../src/core/protocols/message-request.js'
import { type CgiRequest, childrenCpu, cpuOf, requestByProcess, requestByWorker, startWorker } from './support/cgi.js'
import {
  brineParent,
  checkAnswer,
  issueOf,
  krillParent,
  listOf,
  MOST_ISSUES,
  PARENT,
  sender,
} from './support/children.js'
import { newFolder } from './support/folder.js'
import { pidOf, requestToKrill, startKrill } from './support/krill-peer.js'
import { Cost, compare, type Message, machine, type Way } from './support/load.js'
import { median, peakOf, run, say } from './support/run.js'

const CHILDREN = Number(process.env['BENCH_CHILDREN'] ?? 500)
const ISSUES = Math.min(MOST_ISSUES, CHILDREN, Number(process.env['BENCH_ISSUES'] ?? 39))
const CLIENTS = Number(process.env['BENCH_CLIENTS'] ?? 8)
const ROUNDS = Math.min(5, CHILDREN)
const PATH = `/rfc6492/${PARENT}`
const TYPE = MESSAGE_TYPES.rfc6492

const asCgi = ({ bytes }: Message): CgiRequest => ({
  body: bytes,
  env: {
    ...{ PATH: process.env['PATH'] ?? '', REQUEST_METHOD: 'POST', PATH_INFO: PATH },
    ...{ CONTENT_TYPE: TYPE, CONTENT_LENGTH: String(bytes.length) },
  },
})

/** CPU time and wall time of processes that do nothing, as many at once as there are clients. */
async function bareProcesses(count: number): Promise<{ readonly cpu: number; readonly wall: number }> {
  const [cpu, started] = [childrenCpu(), performance.now()]
  const left = Array.from({ length: count }, (_, n) => n)
  const client = async (): Promise<void> => {
    while (left.pop() !== undefined) await run(['-e', '0'])
  }
  await Promise.all(Array.from({ length: CLIENTS }, client))
  return { cpu: (childrenCpu() - cpu) / count, wall: (performance.now() - started) / count }
}

const folder = newFolder()
const krill = await startKrill(join(folder, 'krill'))
let stopWorker = (): void => undefined
try {
  say(`${CHILDREN} children, ${ISSUES} of them ask for a certificate, ${CLIENTS} at once; ${machine()}`)
  const party = await sender()
  let started = performance.now()
  const elapsed = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`
  const data = await brineParent(folder, party, CHILDREN)
  say(`children added to Brine, a commit each: ${elapsed()}`)
  started = performance.now()
  if (krill === undefined) say('no krill: Brine alone is measured')
  else {
    await krillParent(krill, party, CHILDREN)
    say(`children added to Krill, a krillc each: ${elapsed()}`)
  }
  const worker = await startWorker(data, '1h')
  stopWorker = () => void process.kill(worker.pid, 'SIGTERM')
  const ways: Way[] = [
    {
      ...{ name: 'Brine, by process', check: checkAnswer, cpu: childrenCpu },
      send: (message) => requestByProcess(data, asCgi(message)),
    },
    {
      ...{ name: 'Brine, by worker', check: checkAnswer, cpu: () => cpuOf(worker.pid) },
      peak: () => peakOf(worker.pid),
      send: (message) => requestByWorker(data, asCgi(message)),
    },
  ]
  if (krill !== undefined) {
    const pid = pidOf(krill)
    ways.push({
      ...{ name: 'Krill', check: checkAnswer, cpu: () => cpuOf(pid), peak: () => peakOf(pid) },
      send: ({ bytes }) => requestToKrill(krill, PATH, TYPE, bytes),
    })
  }
  const costs = ways.map((way) => new Cost(way))
  const bare: { readonly cpu: number; readonly wall: number }[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const children = Array.from({ length: CHILDREN }, (_, n) => n).filter((n) => n % ROUNDS === round)
    for (const [index, cost] of costs.entries()) {
      const messages: Message[] = []
      for (const child of children) {
        messages.push(await listOf(party, child))
        // the second way asks for another certificate than the first, which has issued the same one in the same directory
        if (child < ISSUES) messages.push(await issueOf(party, child, index === 1 ? 25 : 24))
      }
      await cost.send(messages, CLIENTS)
    }
    bare.push(await bareProcesses(3 * CLIENTS))
  }
  compare(costs)
  const [process1] = costs
  const nothing = median(bare.map(({ cpu }) => cpu))
  const wall = median(bare.map((one) => one.wall))
  const times = [(process1?.each ?? 0) / nothing, 1000 / (process1?.rate ?? 0) / wall].map((ratio) => ratio.toFixed(2))
  say(`node -e 0: CPU ${nothing.toFixed(0)} ms; Brine by process takes ${times[0]} x that, ${times[1]} x its time`)
  for (const { way, rate } of costs) say(`${way.name}: 500 children in ${(500 / rate).toFixed(1)} s at this rate`)
  say(`at the end: ${machine()}`)
} finally {
  stopWorker()
  await krill?.stop()
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}
