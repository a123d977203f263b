/** Bodies of responses, read part by part up to a limit. Invariant: a body that ends early is never taken for a complete one. */
import type { IncomingMessage } from 'node:http'

/** Thrown by `readBody` for a body above the limit. */
export class BodyTooLarge extends Error {
  constructor(limit: number) {
    super(`the response is larger than ${limit} bytes`)
  }
}

/**
 * Reads a response and gives each part of its body to `take`; returns the length in bytes. Throws BodyTooLarge above `limit`, at once where
 * Content-Length says so, and the error of the connection, or a plain Error, for a body that ends early.
 */
export async function readBody(
  incoming: IncomingMessage,
  limit: number,
  take: (part: Buffer) => void,
): Promise<number> {
  if (Number(incoming.headers['content-length'] ?? 0) > limit) throw new BodyTooLarge(limit)
  let size = 0
  for await (const part of incoming) {
    const bytes = Buffer.from(part)
    size += bytes.length
    if (size > limit) throw new BodyTooLarge(limit)
    take(bytes)
  }
  // a connection that ends early without an error
  if (!incoming.complete) throw new Error('the response is incomplete')
  return size
}
