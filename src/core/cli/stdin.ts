/** Standard input, read only where the user wrote `-`. */
import { AppError } from '../base/errors.js'

const LIMIT = 64 * 1024 * 1024

/** All of standard input. Throws `stdin-too-long` (usage) beyond 64 MiB. */
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

/** All of standard input as UTF-8 text. Throws `stdin-not-utf8` (usage). */
export async function readStdinText(): Promise<string> {
  const bytes = await readStdin()
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new AppError('usage', 'stdin-not-utf8', 'standard input is not UTF-8 text', { cause })
  }
}

/** The first `length` octets of standard input; fewer where it ends before. What comes after them is not waited for. */
export async function readStdinStart(length: number): Promise<Uint8Array> {
  const parts: Buffer[] = []
  let left = length
  if (left > 0)
    for await (const part of process.stdin) {
      const bytes = Buffer.from(part).subarray(0, left)
      parts.push(bytes)
      left -= bytes.length
      if (left === 0) break
    }
  return new Uint8Array(Buffer.concat(parts))
}
