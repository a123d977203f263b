/**
 * One request to one CA of any kind.
 * Invariant: it ends soon after its timeout even if the CA does not respond, and every failure has its class.
 */
import type { OpenRequestNotice } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import { BackendFault, type CaBackend } from '../../ha/backend.js'
import type { AttemptResult } from '../../ha/breaker.js'
import type { Outcome } from '../../ha/state.js'
import type { Session } from '../session/session.js'

/** Milliseconds after the timeout in which a backend can still report the outcome of the request itself. */
const TIMEOUT_GRACE = 500

export interface CaResponse<T> {
  /** Another outcome than these two comes with a value only if that has to be recorded. */
  readonly outcome: Outcome
  readonly message: string
  readonly value: T
}

export type Reply<T> = AttemptResult & { readonly value?: T }

/**
 * Sends one request to a CA and waits for `seconds` at most. `onTimeout` is the outcome if even the backend does not return in time. Never
 * throws for a CA that is down.
 */
export async function callCa<T>(
  open: () => Promise<CaBackend>,
  seconds: number,
  onTimeout: 'ca-fault' | 'unknown',
  request: (backend: CaBackend, signal: AbortSignal) => Promise<CaResponse<T>>,
): Promise<Reply<T>> {
  const started = performance.now()
  const abort = new AbortController()
  const timers: NodeJS.Timeout[] = []
  const late = new Promise<never>((_, reject) => {
    const fault = new BackendFault(onTimeout, 'ca-timeout', `no response within ${seconds} s`)
    timers.push(setTimeout(() => abort.abort(fault), seconds * 1000))
    timers.push(setTimeout(() => reject(fault), seconds * 1000 + TIMEOUT_GRACE))
  })
  try {
    const response = open().then((backend) => request(backend, abort.signal))
    response.catch(() => undefined)
    const { outcome, message, value } = await Promise.race([response, late])
    return { outcome, message, value, latencyMs: Math.round(performance.now() - started) }
  } catch (error) {
    if (error instanceof BackendFault) {
      const { outcome, message, needsOperator } = error
      return { outcome, message, latencyMs: null, needsOperator }
    }
    // the backend cannot be opened: its files or its kind
    if (error instanceof AppError) return { outcome: 'config-fault', message: error.message, latencyMs: null }
    throw error
  } finally {
    for (const timer of timers) clearTimeout(timer)
  }
}

/** Runs `work` with `notice` set as the open request, for an interrupt to report. */
export async function withOpenRequest<R>(
  session: Session,
  notice: OpenRequestNotice,
  work: () => Promise<R>,
): Promise<R> {
  const { watch } = session.options
  if (watch === undefined) return work()
  watch.openRequest = notice
  try {
    return await work()
  } finally {
    watch.openRequest = undefined
  }
}
