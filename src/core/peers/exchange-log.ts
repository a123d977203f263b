/**
 * Optional log of the messages that are exchanged with peers: each one as a file, sent or received, in a folder outside of history.
 * Invariants: what is logged was on the wire, so that it contains no key and no password; the oldest files make place for new ones; a log that
 * cannot be written stops no exchange.
 */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { encodeHandle, type Handle, isHandle } from '../base/handle.js'
import type { Instant } from '../base/time.js'
import type { PeerName } from './last-exchange.js'

export interface LoggedMessage extends PeerName {
  readonly at: Instant
  readonly direction: 'sent' | 'received'
  /** Content of the file: CMS for a signed message, text for an error that a peer sent in its place. */
  readonly bytes: Uint8Array
  /** Ending of the file; `cms` by default. */
  readonly form?: 'cms' | 'xml' | 'txt'
}

export interface ExchangeLog {
  /** Writes a message and returns its path; undefined if it was not written, of which `warn` is given the reason. Never throws. */
  write(message: LoggedMessage): string | undefined
}

export interface ExchangeLogOptions {
  /** `exchange_log_dir`; undefined: nothing is logged. */
  readonly dir: string | undefined
  /** `exchange_log_max_mb`. */
  readonly maxMb: number
  readonly warn?: (text: string) => void
}

const MB = 1_000_000
/** Time, counter of the machine, kind, CA, peer, direction, length and ending. */
const NAME = /^\d{8}T\d{6}Z-[0-9a-f]{16}-[a-z]+-[a-z0-9_-]+-(?:sent|received)-(\d{1,10})\.(?:cms|xml|txt)$/

/** Opens the log; without a folder one that writes nothing. */
export function openExchangeLog({ dir, maxMb, warn }: ExchangeLogOptions): ExchangeLog {
  if (dir === undefined) return { write: () => undefined }
  return {
    write(message) {
      const { length } = message.bytes
      if (length > maxMb * MB) {
        warn?.(`${dir}: a message of ${length} bytes is not logged: it is larger than exchange_log_max_mb`)
        return undefined
      }
      try {
        fs.mkdirSync(dir, { recursive: true, mode: 0o700 })
        makePlace(dir, maxMb * MB - length)
        const path = join(dir, fileName(message))
        fs.writeFileSync(path, message.bytes, { mode: 0o600, flag: 'wx' })
        return path
      } catch (error) {
        warn?.(`${dir}: a message is not logged: ${error instanceof Error ? error.message : String(error)}`)
        return undefined
      }
    },
  }
}

/** Returns a name that sorts by time, within one second too and across the processes of a machine. */
function fileName({ at, kind, ca, peer, direction, bytes, form = 'cms' }: LoggedMessage): string {
  const time = at.replaceAll(/[-:]/g, '')
  const counter = process.hrtime.bigint().toString(16).padStart(16, '0').slice(-16)
  const names = [ca ?? 'pubserver', peer].map((handle) => shortName(handle))
  return `${time}-${counter}-${kind}-${names.join('-')}-${direction}-${bytes.length}.${form}`
}

function shortName(handle: string): string {
  return isHandle(handle) ? encodeHandle(handle as Handle).slice(0, 60) : '_'
}

/** Removes the oldest messages until `free` bytes or fewer remain. Their lengths are in their names, so that no file is opened. */
function makePlace(dir: string, free: number): void {
  const logged = fs
    .readdirSync(dir)
    .flatMap((name) => {
      const [, length] = NAME.exec(name) ?? []
      return length === undefined ? [] : [{ name, length: Number(length) }]
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
  let total = logged.reduce((sum, { length }) => sum + length, 0)
  for (const { name, length } of logged) {
    if (total <= free) return
    fs.rmSync(join(dir, name), { force: true })
    total -= length
  }
}
