/**
 * Queues of exchanges, one for each host: hosts are asked in parallel, the peers at one host one after the other. Of two CAs at one host the
 * second sends while the answer to the first is taken over.
 * Invariants: one message at a time to a host; once it is down nothing more is sent to it, so that a host that is down costs one time-out.
 */
import { AppError } from '../../../base/errors.js'

/** Failure of an exchange. */
export interface Fault {
  readonly code: string
  readonly message: string
}

/** One exchange with a peer. */
export interface QueuedExchange {
  /** Exchanges and returns what failed; undefined if nothing did. */
  readonly run: () => Promise<Fault | undefined>
  readonly onFault: (fault: Fault) => void
  /** Name of the CA that it changes. It runs beside one exchange that changes something else; without it, alone. */
  readonly changes?: string
}

/** Exchanges with one host at once: while one message is under way, another answer is taken over. */
const WIDTH = 2

interface Queue {
  readonly waiting: QueuedExchange[]
  readonly running: Set<QueuedExchange>
}

/** Code of a message that was not sent, as its host is down. */
export const HOST_DOWN = 'peer-host-down'

/** Codes of a host that would let the next message wait for the same time-out. */
const DOWN: ReadonlySet<string> = new Set(['peer-timeout', 'peer-unreachable', 'peer-host-busy'])

export class HostQueues {
  readonly #queues = new Map<string, Queue>()
  readonly #down = new Map<string, string>()
  readonly #running = new Set<Promise<void>>()
  readonly #errors: unknown[] = []
  readonly #turns = new Map<string, Promise<unknown>>()

  /** Adds an exchange with a peer at a host, behind those that wait for it. */
  add(host: string, exchange: QueuedExchange): void {
    const queue = this.#queues.get(host) ?? { waiting: [], running: new Set() }
    this.#queues.set(host, queue)
    queue.waiting.push(exchange)
    this.#begin(host, queue)
  }

  /**
   * Sends a message of an exchange once no other message is under way to the host. Throws `peer-host-down` (remote) if the host is down by then, and
   * what `deliver` throws.
   */
  send<T>(host: string, deliver: () => Promise<T>): Promise<T> {
    const sent = (this.#turns.get(host) ?? Promise.resolve()).then(async () => {
      const down = this.#down.get(host)
      if (down !== undefined) throw new AppError('remote', HOST_DOWN, downText(down), { retry: true, retryAfter: 60 })
      try {
        return await deliver()
      } catch (error) {
        if (error instanceof AppError) this.#markDown(host, error)
        throw error
      }
    })
    this.#turns.set(
      host,
      sent.catch(() => undefined),
    )
    return sent
  }

  /** True if an exchange waits or runs. */
  get isBusy(): boolean {
    return this.#running.size > 0
  }

  /** Waits for every exchange, also those that were added meanwhile. Throws the first error that an exchange threw. */
  async drained(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running)
    if (this.#errors.length > 0) throw this.#errors[0]
  }

  #begin(host: string, queue: Queue): void {
    for (let next = queue.waiting[0]; next !== undefined && mayRun(next, queue); next = queue.waiting[0]) {
      queue.waiting.shift()
      queue.running.add(next)
      const running = this.#work(host, queue, next).then(() => void this.#running.delete(running))
      this.#running.add(running)
    }
  }

  async #work(host: string, queue: Queue, exchange: QueuedExchange): Promise<void> {
    try {
      await this.#one(host, exchange)
    } catch (error) {
      // the other hosts are served first
      this.#errors.push(error)
      queue.waiting.length = 0
    }
    queue.running.delete(exchange)
    this.#begin(host, queue)
  }

  async #one(host: string, { run, onFault }: QueuedExchange): Promise<void> {
    const down = this.#down.get(host)
    if (down !== undefined) {
      onFault({ code: HOST_DOWN, message: downText(down) })
      return
    }
    const fault = await run()
    if (fault === undefined) return
    onFault(fault)
    this.#markDown(host, fault)
  }

  #markDown(host: string, { code, message }: Fault): void {
    if (DOWN.has(code) && !this.#down.has(host)) this.#down.set(host, message)
  }
}

const downText = (why: string): string => `not asked, as its host is down: ${why}`

function mayRun({ changes }: QueuedExchange, { running }: Queue): boolean {
  if (running.size === 0) return true
  if (running.size >= WIDTH || changes === undefined) return false
  return [...running].every((other) => other.changes !== undefined && other.changes !== changes)
}
