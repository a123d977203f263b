/**
 * Queues of exchanges, one for each host: hosts are asked in parallel, the peers at one host one after the other. Of two CAs at one host the
 * second sends while the answer to the first is taken over.
 * Invariants: one message at a time to a host; once it is down nothing more is sent to it, so that a host that is down costs one time-out. A peer
 * that connects and does not answer is not asked again, and the others at its host are: it costs one time-out, behind the peers that answered last time.
 */
import { AppError } from '../../../base/errors.js'
import type { LastExchange } from '../../../peers/last-exchange.js'
import type { Message } from './deliver.js'

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
  /** True if the peer did not answer last time: the others at its host have their turn first. */
  readonly isLast?: boolean
}

/** Exchanges with one host at once: while one message is under way, another answer is taken over. */
const WIDTH = 2

interface Queue {
  readonly waiting: QueuedExchange[]
  readonly running: Set<QueuedExchange>
}

/** Code of a message that was not sent, as its host is down. */
const HOST_DOWN = 'peer-host-down'
/** Code of a message that was not sent, as the peer did not answer an earlier one of this run. */
const SILENT = 'peer-silent'
/** Code of a peer that was reached and did not answer in time. */
const TIMEOUT = 'peer-timeout'

/** Code of a message that was not sent, as another process was exchanging messages with the host. */
const BUSY = 'peer-host-busy'

/**
 * Codes of a message that did not reach the host, whichever peer it was for. A TLS certificate that is refused is not among them: each peer has its
 * own roots and permissions.
 */
const DOWN: ReadonlySet<string> = new Set(['peer-unreachable', 'peer-tls', BUSY])

/** Peers of a host that do not answer in time, after which it counts as down: a program behind it may be, and each costs minutes. */
export const MOST_TIMEOUTS = 3

/** Returns true for the code of a message that was not sent. */
export const isUnsent = (code: string): boolean => code === HOST_DOWN || code === SILENT

/** Returns true if a peer did not answer in time when it was last asked. */
export const wasSilent = (exchange: Pick<LastExchange, 'outcome' | 'code'> | undefined): boolean =>
  exchange?.outcome === 'failure' && exchange.code === TIMEOUT

export class HostQueues {
  readonly #queues = new Map<string, Queue>()
  /** By host, why nothing more is sent to it: `down: …` or `busy: …`. */
  readonly #down = new Map<string, string>()
  readonly #running = new Set<Promise<void>>()
  readonly #errors: unknown[] = []
  readonly #turns = new Map<string, Promise<unknown>>()
  /** By host, the errors of the peers that did not answer. */
  readonly #silent = new Map<string, Map<string, string>>()

  /** Adds an exchange with a peer at a host, behind those that wait for it, and before those that are last. */
  add(host: string, exchange: QueuedExchange): void {
    const queue = this.#queues.get(host) ?? { waiting: [], running: new Set() }
    this.#queues.set(host, queue)
    const at = exchange.isLast === true ? -1 : queue.waiting.findIndex(({ isLast }) => isLast === true)
    queue.waiting.splice(at === -1 ? queue.waiting.length : at, 0, exchange)
    this.#begin(host, queue)
  }

  /**
   * Sends a message to a peer once no other message is under way to the host. Throws `peer-host-down` (remote) if the host is down by then,
   * `peer-silent` (remote) if the peer did not answer an earlier message, and what `deliver` throws.
   */
  send<T>(host: string, { kind, ca, peer }: Addressee, deliver: () => Promise<T>): Promise<T> {
    const name = `${kind} ${ca} ${peer}`
    const sent = (this.#turns.get(host) ?? Promise.resolve()).then(async () => {
      const unsent = this.#unsent(host, name)
      if (unsent !== undefined)
        throw new AppError('remote', unsent.code, unsent.message, { retry: true, retryAfter: 60 })
      try {
        return await deliver()
      } catch (error) {
        if (error instanceof AppError) this.#learn(host, name, error)
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
    const fault = this.#unsent(host) ?? (await run())
    if (fault !== undefined) onFault(fault)
  }

  /** Returns why nothing is sent to a peer, or to any peer of the host; undefined if it may be. */
  #unsent(host: string, name?: string): Fault | undefined {
    const down = this.#down.get(host)
    if (down !== undefined) return { code: HOST_DOWN, message: `not asked, as its host is ${down}` }
    const silent = name === undefined ? undefined : this.#silent.get(host)?.get(name)
    return silent === undefined ? undefined : { code: SILENT, message: `not asked again: ${silent}` }
  }

  #learn(host: string, name: string, { code, message }: Fault): void {
    if (DOWN.has(code)) this.#down.set(host, `${code === BUSY ? 'busy' : 'down'}: ${message}`)
    if (code !== TIMEOUT) return
    const silent = this.#silent.get(host) ?? new Map<string, string>()
    this.#silent.set(host, silent.set(name, message))
    if (silent.size >= MOST_TIMEOUTS)
      this.#down.set(host, `down: ${silent.size} of its peers did not answer, the last: ${message}`)
  }
}

type Addressee = Pick<Message<unknown>, 'kind' | 'ca' | 'peer'>

function mayRun({ changes }: QueuedExchange, { running }: Queue): boolean {
  if (running.size === 0) return true
  if (running.size >= WIDTH || changes === undefined) return false
  return [...running].every((other) => other.changes !== undefined && other.changes !== changes)
}
