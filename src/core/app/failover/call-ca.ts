/**
 * One question to one CA, whatever kind it is.
 * Invariant: it is over soon after its time, whatever the CA does, and what went wrong has its class.
 */
import type { OpenRequestNotice } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import { BackendFault, type CaBackend } from '../../ha/backend.js'
import type { Answer } from '../../ha/breaker.js'
import type { Session } from '../transaction/session.js'

/** Milliseconds beyond its time in which a backend may still say itself what has become of the question. */
const LAST_WORD = 500

export interface CaResponse<T> {
  readonly outcome: 'ok' | 'pending'
  readonly message: string
  readonly value: T
}

export type Reply<T> = Answer & { readonly value?: T }

/** Asks, for `seconds` at most. `silence`: what it means when even the backend does not come back. Never throws for a CA that is down. */
export async function callCa<T>(
  open: () => Promise<CaBackend>,
  seconds: number,
  silence: 'ca-fault' | 'unknown',
  question: (backend: CaBackend, signal: AbortSignal) => Promise<CaResponse<T>>,
): Promise<Reply<T>> {
  const started = performance.now()
  const abort = new AbortController()
  const timers: NodeJS.Timeout[] = []
  const late = new Promise<never>((_, reject) => {
    const fault = new BackendFault(silence, 'ca-timeout', `no answer within ${seconds} s`)
    timers.push(setTimeout(() => abort.abort(fault), seconds * 1000))
    timers.push(setTimeout(() => reject(fault), seconds * 1000 + LAST_WORD))
  })
  try {
    const asking = open().then((backend) => question(backend, abort.signal))
    asking.catch(() => undefined)
    const { outcome, message, value } = await Promise.race([asking, late])
    return { outcome, message, value, latencyMs: Math.round(performance.now() - started) }
  } catch (error) {
    if (error instanceof BackendFault) return { outcome: error.outcome, message: error.message, latencyMs: null }
    // a backend that cannot be opened: its files, its kind
    if (error instanceof AppError) return { outcome: 'config-fault', message: error.message, latencyMs: null }
    throw error
  } finally {
    for (const timer of timers) clearTimeout(timer)
  }
}

/** `ask`, with `question` standing open meanwhile for who interrupts it. */
export async function asking<R>(session: Session, question: OpenRequestNotice, ask: () => Promise<R>): Promise<R> {
  const { watch } = session.options
  if (watch === undefined) return ask()
  watch.question = question
  try {
    return await ask()
  } finally {
    watch.question = undefined
  }
}
