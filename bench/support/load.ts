/** Messages sent to a server by several clients at once, and what that costs: rate, waits, CPU time, memory. */
import { availableParallelism, loadavg } from 'node:os'
import type { Served } from './cgi.js'
import { median, say } from './run.js'

export interface Message {
  /** What is asked: `list`, `issue`, `delta`. */
  readonly kind: string
  /** Path at both servers. */
  readonly path: string
  readonly bytes: Uint8Array
}

/** One way to a server. */
export interface Way {
  readonly name: string
  readonly send: (message: Message) => Promise<Served>
  /** CPU time of the server so far, milliseconds. */
  readonly cpu: () => number
  /** Peak memory of the server, MiB; undefined for processes that report it with their answer. */
  readonly peak?: () => number
  /** Throws if the answer is not the one that was asked for. */
  readonly check: (message: Message, answer: Buffer) => void
}

/** What one way has cost. Rounds of several ways alternate, and each adds to its own. */
export class Cost {
  readonly way: Way
  readonly waits = new Map<string, number[]>()
  wall = 0
  cpu = 0
  peak = 0

  constructor(way: Way) {
    this.way = way
  }

  /** Sends the messages, `clients` at once; the answers are checked after the time is taken. */
  async send(messages: readonly Message[], clients: number): Promise<void> {
    const left = [...messages].reverse()
    const answers: (readonly [Message, Served])[] = []
    const client = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop())
        answers.push([next, await this.way.send(next)] as const)
    }
    const [cpu, started] = [this.way.cpu(), performance.now()]
    await Promise.all(Array.from({ length: clients }, client))
    this.wall += performance.now() - started
    this.cpu += this.way.cpu() - cpu
    for (const [message, { wait, body, peak }] of answers) {
      this.way.check(message, body)
      this.waits.set(message.kind, [...(this.waits.get(message.kind) ?? []), wait])
      this.peak = Math.max(this.peak, peak)
    }
    this.peak = Math.max(this.peak, this.way.peak?.() ?? 0)
  }

  get count(): number {
    return [...this.waits.values()].reduce((sum, { length }) => sum + length, 0)
  }

  /** Messages a second. */
  get rate(): number {
    return (this.count * 1000) / this.wall
  }

  /** CPU time of the server for each message, milliseconds. */
  get each(): number {
    return this.cpu / this.count
  }

  report(): void {
    const kinds = [...this.waits].map(([kind, waits]) => {
      const within = [...waits].sort((a, b) => a - b)[Math.floor(waits.length * 0.99)] ?? 0
      const times = [median(waits), within, Math.max(...waits)].map((ms) => ms.toFixed(0))
      return `${waits.length} ${kind}: median ${times[0]}, 99 of 100 within ${times[1]}, longest ${times[2]} ms`
    })
    const cost = `CPU ${this.each.toFixed(1)} ms each, peak ${this.peak.toFixed(0)} MiB`
    say(`${this.way.name.padEnd(22)} ${this.rate.toFixed(1)} a second, ${cost}; ${kinds.join('; ')}`)
  }
}

/** Reports every cost, and each as a multiple of the last one. */
export function compare(costs: readonly Cost[]): void {
  for (const cost of costs) cost.report()
  const last = costs.at(-1)
  if (last === undefined) return
  for (const cost of costs.slice(0, -1)) {
    const [rate, each] = [cost.rate / last.rate, cost.each / last.each].map((times) => times.toFixed(2))
    say(`${cost.way.name}: ${rate} x the rate of ${last.way.name}, ${each} x its CPU time`)
  }
}

export function machine(): string {
  const load = loadavg()[0]?.toFixed(1)
  return `${availableParallelism()} cores, load ${load}, Node ${process.versions.node}`
}
