/** What a program behind a web server gets, and how it tells a failure: one sentence to the client, the cause to the server's log. */
import type { AppError } from '../../base/errors.js'
import { quoted } from '../../base/text.js'
import { type Environment, type HttpResponse, plainResponse, retryAfter } from '../../protocols/cgi.js'
import type { Session } from '../transaction/session.js'

export interface CgiPorts {
  readonly env: Environment
  /** So many octets of standard input, or what there is. */
  readonly body: (length: number) => Promise<Uint8Array>
  readonly open: () => Promise<Session>
  /** A line of the server's error log. */
  readonly log: (line: string) => void
}

/** Seconds after which a request that nobody could answer now is worth another try. */
const LATER = 60

/** What the operator reads of a failure. */
export function logged({ kind, code, message, hint }: AppError): string {
  return `${kind} ${code}: ${quoted(message, 2000)}${hint === undefined ? '' : ` (${hint})`}`
}

/** The answer to a failure that says nothing of the request: one sentence by its kind. */
export function failure(error: AppError | undefined): HttpResponse {
  switch (error?.kind) {
    case 'locked':
      return plainResponse(503, 'The server is busy; ask again.', retryAfter(error.retryAfter ?? 5))
    case 'unavailable':
    case 'remote':
    case 'credentials':
      return plainResponse(503, 'No CA can serve now; ask again later.', retryAfter(error.retryAfter ?? LATER))
    case 'uncertain':
    case 'standby':
    case 'io':
    case 'corrupt':
      return plainResponse(503, 'The server cannot serve now; ask again later.', retryAfter(error.retryAfter ?? LATER))
    case 'rejected':
    case 'usage':
    case 'partial':
    case 'differs':
    case 'no-data-dir':
    case 'format':
    case 'pending':
    case 'internal':
    case 'interrupted':
    case undefined:
      return plainResponse(500, 'The server failed; its operator finds the cause in its log.')
  }
}
