/** `brine cgi --fastcgi`: answers the requests of a web server on a socket, each as `brine cgi` does. */
import { AppError } from '../../base/errors.js'
import { serveFastCgi } from '../../serving/fastcgi-server.js'
import { keepSnapshots } from '../../store/commit/snapshot-cache.js'
import type { Session } from '../session/session.js'
import { answerCgi, largestBody } from './cgi.js'

export interface WorkerOptions {
  /** A path to create, or `systemd` for the socket that systemd passes. */
  readonly socket: string
  readonly atOnce: number
  /** Seconds. */
  readonly idle: number
  /** Opens a session of its own for each request: the configuration may have changed, and other commands may have committed. */
  readonly open: () => Promise<Session>
  readonly log: (line: string) => void
}

export interface WorkerReport {
  /** Number of requests that were answered. */
  readonly served: number
}

/** The first descriptor that systemd passes (sd_listen_fds(3)). */
const SYSTEMD_SOCKET = 3

/** Bytes of snapshots that are kept between requests: about 40,000 certificates. */
const KEPT_BYTES = 32 * 1024 * 1024

/** Serves until there are no more requests. Throws `cgi-no-socket` (usage), `io` if the socket cannot be used. */
export async function serveRequests({ socket, atOnce, idle, open, log }: WorkerOptions): Promise<WorkerReport> {
  keepSnapshots(KEPT_BYTES)
  const served = await serveFastCgi({
    ...{ socket: socket === 'systemd' ? passedSocket() : socket, atOnce, idle, log, largestBody },
    answer: async ({ env, body }) => {
      const lines: string[] = []
      const output = await answerCgi({
        env,
        body: async (length) => body.subarray(0, length),
        open,
        log: (line) => lines.push(line),
      })
      return { output, errors: lines.map((line) => `brine cgi: ${line}\n`).join('') }
    },
  })
  return { served }
}

function passedSocket(): number {
  if (process.env['LISTEN_FDS'] === '1' && process.env['LISTEN_PID'] === String(process.pid)) return SYSTEMD_SOCKET
  throw new AppError('usage', 'cgi-no-socket', 'systemd passes no socket to this process', {
    hint: 'start it with brine-est.socket, or name a path: brine cgi --fastcgi /run/brine-est.sock',
  })
}
