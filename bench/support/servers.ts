/** The three servers that are compared: Brine with a process for each request, Brine with the worker, and Krill, with the same messages. */
import type { MessageService } from '../../src/core/protocols/message-request.js'
import { MESSAGE_TYPES } from '../../src/core/protocols/message-request.js'
import type { Krill } from '../../test/support/peers/krill.js'
import { type CgiRequest, childrenCpu, cpuOf, requestByProcess, requestByWorker, startWorker } from './cgi.js'
import { pidOf, requestToKrill } from './krill-peer.js'
import { Cost, compare, type Message, machine, type Way } from './load.js'
import { median, peakOf, run, say } from './run.js'

const ROUNDS = 5

export interface Comparison {
  readonly service: MessageService
  readonly data: string
  /** Undefined where it is not installed: Brine alone is measured. */
  readonly krill: Krill | undefined
  readonly clients: number
  /** Number of children or publishers, which are spread over the rounds. */
  readonly peers: number
  /** Returns what a peer sends; `way` is 0, 1 or 2, since two ways share a data directory. */
  readonly messages: (peer: number, way: number) => Promise<readonly Message[]>
  readonly check: Way['check']
}

/** Takes the rounds in turns and reports. */
export async function compareServers(comparison: Comparison): Promise<void> {
  const { peers, messages, clients, krill } = comparison
  const worker = await startWorker(comparison.data, '1h')
  try {
    const costs = waysOf(comparison, worker.pid).map((way) => new Cost(way))
    const bare: Bare[] = []
    const rounds = Math.min(ROUNDS, peers)
    for (let round = 0; round < rounds; round++) {
      for (const [way, cost] of costs.entries()) {
        const all: Message[] = []
        for (let peer = round; peer < peers; peer += rounds) all.push(...(await messages(peer, way)))
        await cost.send(all, clients)
      }
      bare.push(await bareProcesses(clients))
    }
    if (krill === undefined) say('no krill: Brine alone is measured')
    compare(costs)
    reportBare(costs[0], bare)
    for (const { way, rate } of costs) say(`${way.name}: 500 messages in ${(500 / rate).toFixed(1)} s at this rate`)
    say(`at the end: ${machine()}`)
  } finally {
    process.kill(worker.pid, 'SIGTERM')
    await worker.ended
  }
}

function waysOf({ service, data, krill, check }: Comparison, worker: number): readonly Way[] {
  const type = MESSAGE_TYPES[service]
  const asCgi = ({ path, bytes }: Message): CgiRequest => ({
    body: bytes,
    env: {
      ...{ PATH: process.env['PATH'] ?? '', REQUEST_METHOD: 'POST', PATH_INFO: path },
      ...{ CONTENT_TYPE: type, CONTENT_LENGTH: String(bytes.length) },
    },
  })
  const ways: Way[] = [
    {
      ...{ name: 'Brine, by process', check, cpu: childrenCpu },
      send: (message) => requestByProcess(data, asCgi(message)),
    },
    {
      ...{ name: 'Brine, by worker', check, cpu: () => cpuOf(worker), peak: () => peakOf(worker) },
      send: (message) => requestByWorker(data, asCgi(message)),
    },
  ]
  if (krill === undefined) return ways
  const pid = pidOf(krill)
  const send: Way['send'] = ({ path, bytes }) => requestToKrill(krill, path, type, bytes)
  return [...ways, { name: 'Krill', check, cpu: () => cpuOf(pid), peak: () => peakOf(pid), send }]
}

/** CPU time and wall time of a process that does nothing, milliseconds. */
interface Bare {
  readonly cpu: number
  readonly wall: number
}

async function bareProcesses(clients: number): Promise<Bare> {
  const [cpu, started, count] = [childrenCpu(), performance.now(), 3 * clients]
  const left = Array.from({ length: count }, (_, n) => n)
  const client = async (): Promise<void> => {
    while (left.pop() !== undefined) await run(['-e', '0'])
  }
  await Promise.all(Array.from({ length: clients }, client))
  return { cpu: (childrenCpu() - cpu) / count, wall: (performance.now() - started) / count }
}

function reportBare(byProcess: Cost | undefined, bare: readonly Bare[]): void {
  if (byProcess === undefined) return
  const [cpu, wall] = [median(bare.map((one) => one.cpu)), median(bare.map((one) => one.wall))]
  const times = [byProcess.each / cpu, 1000 / byProcess.rate / wall].map((ratio) => ratio.toFixed(1))
  say(`node -e 0: CPU ${cpu.toFixed(0)} ms; Brine by process takes ${times[0]} x that, ${times[1]} x its time`)
}
