/** Reads standard input, which commands do only if the user wrote `-`. */
import { AppError } from '../base/errors.js'

const LIMIT = 64 * 1024 * 1024

/** Reads all of standard input. Throws `stdin-too-long` (usage) beyond 64 MiB. */
export async function readStdin(): Promise<Uint8Array> {
  const parts: Buffer[] = []
  let length = 0
  for await (const part of process.stdin) {
    const bytes = Buffer.from(part)
    length += bytes.length
    if (length > LIMIT) throw new AppError('usage', 'stdin-too-long', 'standard input is longer than 64 MiB')
    parts.push(bytes)
  }
  return new Uint8Array(Buffer.concat(parts))
}

/** Reads all of standard input as UTF-8 text. Throws `stdin-not-utf8` (usage). */
export async function readStdinText(): Promise<string> {
  const bytes = await readStdin()
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new AppError('usage', 'stdin-not-utf8', 'standard input is not UTF-8 text', { cause })
  }
}

/** Longest pause of a web server between two parts of a body, in seconds. */
const PAUSE_SECONDS = 30

/**
 * Reads the first `length` octets of standard input, fewer if it ends earlier. Does not wait for more. Returns `late`, and reads no further, if
 * nothing comes for `pause` seconds.
 */
export async function readStdinStart(length: number, pause = PAUSE_SECONDS): Promise<Uint8Array | 'late'> {
  const parts: Buffer[] = []
  let remaining = length
  if (remaining > 0) {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      process.stdin.destroy()
    }, pause * 1000)
    try {
      for await (const part of process.stdin) {
        timer.refresh()
        const bytes = Buffer.from(part).subarray(0, remaining)
        parts.push(bytes)
        remaining -= bytes.length
        if (remaining === 0) break
      }
    } catch (error) {
      if (!isLate) throw error
    } finally {
      clearTimeout(timer)
    }
    if (isLate) return 'late'
  }
  return new Uint8Array(Buffer.concat(parts))
}
