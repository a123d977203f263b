/** Values of an exchange with a peer over HTTP. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Instant } from '../base/time.js'

/** Seconds; fractions are possible. */
export interface Timeouts {
  /** Until the connection is there: name, TCP and TLS. */
  readonly connect: number
  /** From the end of the request to the first octet of the response. */
  readonly headers: number
  /** The whole exchange, with a redirect. */
  readonly whole: number
}

/** Trust in the TLS certificate of a peer. */
export interface PeerTls {
  /** PEM of further roots; a certificate that is not self-signed is trusted too. */
  readonly ca?: string
  /** Accepts any certificate. A permission that history records. */
  readonly insecure?: boolean
}

/** Phase of an exchange: until the connection is secured, until the request is sent, until the response begins, until it ends. */
export type Phase = 'connect' | 'send' | 'headers' | 'body'

export interface PeerAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Shortened for a status other than 200; empty if the parts were taken. */
  readonly body: Buffer
  readonly length: number
  /** Time of the peer, from its Date header. */
  readonly at: Instant | null
}
