/**
 * One message to a peer and its answer: signed with a time that no earlier message to this host is later than, sent alone, logged, and kept
 * as the last exchange. Invariant: every outcome is recorded, that of an answer that `open` refuses too.
 */
import { AppError } from '../base/errors.js'
import type { Instant } from '../base/time.js'
import type { ExchangeLog } from './exchange-log.js'
import { hostKeyOf, withHost } from './host.js'
import { type PeerReply, type PeerRequest, post } from './http.js'
import { type EndedExchange, type PeerName, recordExchange } from './last-exchange.js'
import type { PeerAnswer } from './types.js'

export interface OutgoingMessage<T> extends Omit<PeerRequest, 'body' | 'onAnswer'> {
  readonly dataDir: string
  readonly to: PeerName
  /** Signs the message for a signing time. */
  readonly seal: (at: Instant) => Promise<Uint8Array>
  /** Verifies and reads the answer. Whatever it throws is the outcome of the exchange. */
  readonly open: (cms: Uint8Array, facts: { readonly peerTime: Instant | null }) => Promise<T>
  readonly now: () => Instant
  readonly log: ExchangeLog
  readonly warn?: (text: string) => void
  /** Seconds to wait for the turn at the host; by default as `withHost`. */
  readonly turnSeconds?: number
  /** Sends it; `post` by default. */
  readonly send?: Send
}

/** The transport of messages: HTTP, or that of a test. Calls `onAnswer` as `post` does. */
export type Send = (request: PeerRequest) => Promise<Pick<PeerReply, 'body' | 'peerTime'>>

/** Sends a message and returns what `open` makes of its answer. Throws as `withHost` and `post`, and what `seal` and `open` throw. */
export async function sendMessage<T>(message: OutgoingMessage<T>): Promise<T> {
  const { dataDir, to, uri, now, warn } = message
  const agent: { name?: string } = {}
  const record = (ended: Pick<EndedExchange, 'outcome' | 'code' | 'message'>): void => {
    const of = agent.name === undefined ? {} : { agent: agent.name }
    recordExchange(dataDir, { ...to, uri: withoutQuery(uri), at: now(), ...ended, ...of }, warn)
  }
  try {
    const value = await exchangeOf(message, (name) => {
      agent.name = name
    })
    record({ outcome: 'success' })
    return value
  } catch (error) {
    record({ outcome: 'failure', ...faultOf(error) })
    throw error
  }
}

function exchangeOf<T>(message: OutgoingMessage<T>, onAgent: (name: string) => void): Promise<T> {
  const { dataDir, to, seal, open, now, log, warn, send = post, turnSeconds, ...request } = message
  const logged = (direction: 'sent' | 'received', bytes: Uint8Array, form: 'cms' | 'txt'): void =>
    void log.write({ ...to, at: now(), direction, bytes, form })
  return withHost(
    dataDir,
    hostKeyOf(message.uri),
    async (clock) => {
      const body = await seal(await clock.use(now()))
      logged('sent', body, 'cms')
      const onAnswer = ({ status, headers, body: answer }: PeerAnswer): void => {
        if (typeof headers.server === 'string') onAgent(headers.server)
        logged('received', answer, status === 200 ? 'cms' : 'txt')
      }
      const reply = await send({ ...request, body, onAnswer })
      return open(reply.body, reply)
    },
    { ...(warn === undefined ? {} : { warn }), ...(turnSeconds === undefined ? {} : { timeoutSeconds: turnSeconds }) },
  )
}

function faultOf(error: unknown): { readonly code?: string; readonly message: string } {
  if (error instanceof AppError) return { code: error.code, message: error.message }
  return { message: error instanceof Error ? error.message : String(error) }
}

function withoutQuery(uri: string): string {
  return uri.replace(/[?#].*$/s, '')
}
