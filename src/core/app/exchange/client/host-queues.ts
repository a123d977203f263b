/**
 * Queues of exchanges, one for each host: hosts are asked in parallel, the peers at one host one after the other.
 * Invariant: once a host is down nothing more is sent to it, so that a host that is down costs one time-out.
 */

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
}

/** Codes of a host that would let the next message wait for the same time-out. */
const DOWN: ReadonlySet<string> = new Set(['peer-timeout', 'peer-unreachable', 'peer-host-busy'])

export class HostQueues {
  readonly #queues = new Map<string, QueuedExchange[]>()
  readonly #down = new Map<string, string>()
  readonly #running = new Set<Promise<void>>()
  readonly #errors: unknown[] = []

  /** Adds an exchange with a peer at a host, behind those that wait for it. */
  add(host: string, exchange: QueuedExchange): void {
    const queue = this.#queues.get(host)
    if (queue !== undefined) {
      queue.push(exchange)
      return
    }
    this.#queues.set(host, [exchange])
    const running = this.#work(host).then(() => void this.#running.delete(running))
    this.#running.add(running)
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

  async #work(host: string): Promise<void> {
    const queue = this.#queues.get(host) ?? []
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await this.#one(host, next)
    } catch (error) {
      // the other hosts are served first
      this.#errors.push(error)
    } finally {
      this.#queues.delete(host)
    }
  }

  async #one(host: string, { run, onFault }: QueuedExchange): Promise<void> {
    const down = this.#down.get(host)
    if (down !== undefined) {
      onFault({ code: 'peer-host-down', message: `not asked, as its host is down: ${down}` })
      return
    }
    const fault = await run()
    if (fault === undefined) return
    onFault(fault)
    if (DOWN.has(fault.code)) this.#down.set(host, fault.message)
  }
}
