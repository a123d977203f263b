/** Severity threshold for monitoring: each level also matches more severe ones. */
import type { HaStatusReport } from './status.js'

/**
 * Returns true if the state reaches `threshold`: `degraded`: a CA is not healthy; `open`: a circuit is open; `down`: no CA of a group can
 * serve. False without a threshold.
 */
export function reaches({ groups }: Pick<HaStatusReport, 'groups'>, threshold: string | undefined): boolean {
  if (threshold === undefined) return false
  const isDown = groups.some((group) => group.verdict === 'down')
  const isOpen = groups.some((group) =>
    group.members.some(({ state }) => state === 'circuit-open' || state === 'recovering'),
  )
  const isDegraded = groups.some((group) =>
    group.members.some(({ state, why }) => state !== 'healthy' || why?.startsWith('configuration')),
  )
  return isDown || (threshold !== 'down' && isOpen) || (threshold === 'degraded' && isDegraded)
}
