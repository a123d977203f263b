/** The error of a full disk: reports the space that the whole change needs, not the size of the file that failed. */
import { AppError, rewrap } from '../../base/errors.js'

/**
 * Returns `io-no-space` with the bytes that `requiredSpace` computes, in its message and as `bytesNeeded`. Other errors, and an error whose
 * required space is known already or cannot be computed, are returned unchanged.
 */
export async function withRequiredSpace(
  error: unknown,
  requiredSpace: () => Promise<number | undefined>,
): Promise<unknown> {
  if (!(error instanceof AppError) || error.code !== 'io-no-space') return error
  const details = error.details as Readonly<Record<string, string | number>>
  // bytes do not help where inodes are missing
  if (details['bytesNeeded'] !== undefined || details['inodesFree'] === 0) return error
  const bytesNeeded = await requiredSpace().catch(() => undefined)
  if (bytesNeeded === undefined) return error
  const message = error.message.replace(/, \d+ bytes needed$/, '')
  return rewrap(error, {
    message: `${message}; this change needs ${bytesNeeded} bytes free`,
    details: { ...details, bytesNeeded },
  })
}
