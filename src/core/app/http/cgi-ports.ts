/** The ports of `brine cgi`, and its error responses: one sentence to the client, the cause to the log of the web server. */
import { AppError } from '../../base/errors.js'
import { quoted } from '../../base/text.js'
import { type Environment, type HttpResponse, plainResponse, retryAfter } from '../../protocols/cgi.js'
import type { Session } from '../session/session.js'

export interface CgiPorts {
  readonly env: Environment
  /** Reads `length` octets of standard input, or fewer if it ends earlier; `late` if nothing comes for half a minute. */
  readonly body: (length: number) => Promise<Uint8Array | 'late'>
  readonly open: () => Promise<Session>
  /** Writes a line to the error log of the web server. */
  readonly log: (line: string) => void
}

/** Default of Retry-After, in seconds. */
const LATER = 60

/** Returns the log line of a failure. */
export function logged({ kind, code, message, hint }: AppError): string {
  return `${kind} ${code}: ${quoted(message, 2000)}${hint === undefined ? '' : ` (${hint})`}`
}

/** Logs an error that a request did not cause. `what` was being done. */
export function logFault(log: CgiPorts['log'], what: string, error: unknown): void {
  const fault = error instanceof AppError ? error : undefined
  log(`${what}: ${fault === undefined ? 'a bug' : logged(fault)}`)
  if (fault === undefined && error instanceof Error) log(quoted(error.stack ?? error.message, 4000))
}

/** Returns true for a clock that the server may not go by: no request is at fault for it. */
export function isClockFault({ code }: AppError): boolean {
  return code === 'clock-behind' || code === 'clock-jumped'
}

/** Returns the response to a failure that the request did not cause: one sentence by the kind of error. */
export function failure(error: AppError | undefined): HttpResponse {
  if (error?.code === 'config-section-invalid')
    return plainResponse(503, 'This label cannot be served now; try again later.', retryAfter(LATER))
  if (error !== undefined && isClockFault(error))
    return plainResponse(503, 'The server cannot serve now; try again later.', retryAfter(LATER))
  switch (error?.kind) {
    case 'locked':
      return plainResponse(503, 'The server is busy; try again.', retryAfter(error.retryAfter ?? 5))
    case 'unavailable':
    case 'remote':
    case 'credentials':
      return plainResponse(503, 'No CA can serve now; try again later.', retryAfter(error.retryAfter ?? LATER))
    case 'uncertain':
    case 'standby':
    case 'io':
    case 'corrupt':
      return plainResponse(503, 'The server cannot serve now; try again later.', retryAfter(error.retryAfter ?? LATER))
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
      return plainResponse(500, 'The server failed; the cause is in its log.')
  }
}
