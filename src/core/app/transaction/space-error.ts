/** What a full disk is told: what the whole change needs, not what the one file did that happened to fail. */
import { AppError, rewrap } from '../../base/errors.js'

/** An error of a full disk with the bytes that `room` says; as it is where that cannot be reckoned, and any other error. */
export async function withRequiredSpace(error: unknown, room: () => Promise<number | undefined>): Promise<unknown> {
  if (!(error instanceof AppError) || error.code !== 'io-no-space') return error
  const details = error.details as Readonly<Record<string, string | number>>
  if (details['bytesNeeded'] !== undefined) return error
  const bytesNeeded = await room().catch(() => undefined)
  if (bytesNeeded === undefined) return error
  const message = error.message.replace(/, \d+ bytes needed$/, '')
  return rewrap(error, {
    message: `${message}; this change needs ${bytesNeeded} bytes free`,
    details: { ...details, bytesNeeded },
  })
}
