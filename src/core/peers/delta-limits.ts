/**
 * Length of a message that a repository server accepts, learned when it refused a longer one: `status/limits/`, one file for each server.
 * Invariant: no part of history; a file that is missing or damaged costs that the length is learned again.
 */
import { AppError } from '../base/errors.js'
import type { Json } from '../base/json.js'
import { isObject } from '../base/shape.js'
import { addSeconds, type Instant, parseInstant } from '../base/time.js'
import { sha256Hex } from '../crypto/digest.js'
import { layoutOf } from '../store/disk/paths.js'
import { statusFiles } from '../store/disk/status-files.js'

const FOLDER = 'limits'

/** After this time a longer message is tried again: the server may accept it by then. */
const KEPT_SECONDS = 30 * 86_400

/** Returns the octets that a server is known to accept; undefined if it never refused a message, or long ago. */
export function readDeltaLimit(dataDir: string, host: string, now: Instant): number | undefined {
  const value = readQuietly(dataDir, host)
  if (!isObject(value) || value['host'] !== host) return undefined
  const { limit, at: text } = value
  const at = typeof text === 'string' ? parseInstant(text) : undefined
  if (typeof limit !== 'number' || !Number.isSafeInteger(limit) || limit < 1 || at === undefined) return undefined
  return at <= now && now <= addSeconds(at, KEPT_SECONDS) ? limit : undefined
}

/** Records the octets that a server accepts. A file that cannot be written is reported to `warn`. */
export function recordDeltaLimit(
  dataDir: string,
  { host, limit, at }: { readonly host: string; readonly limit: number; readonly at: Instant },
  warn?: (text: string) => void,
): void {
  try {
    statusFiles(layoutOf(dataDir)).write(nameOf(host), { host, limit, at })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    warn?.(`cannot write which messages ${host} accepts: ${error.message}`)
  }
}

function readQuietly(dataDir: string, host: string): Json | undefined {
  try {
    return statusFiles(layoutOf(dataDir)).read(nameOf(host))
  } catch (error) {
    if (error instanceof AppError) return undefined
    throw error
  }
}

/** Returns a file name of a host and port. */
function nameOf(host: string): string {
  const digest = sha256Hex(Buffer.from(host.toLowerCase()))
  return `${FOLDER}/${digest.slice(0, 40)}`
}
