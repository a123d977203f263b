/** How bad it is, for monitoring: each word includes what is worse. */
import type { HaStatusReport } from './status.js'

/** `degraded`: a CA is not healthy; `open`: a circuit is open; `down`: a group has nobody to serve it. */
export function isAsBad({ groups }: Pick<HaStatusReport, 'groups'>, word: string | undefined): boolean {
  if (word === undefined) return false
  const isDown = groups.some((group) => group.verdict === 'down')
  const isOpen = groups.some((group) =>
    group.members.some(({ state }) => state === 'circuit-open' || state === 'recovering'),
  )
  const isDegraded = groups.some((group) => group.members.some(({ state }) => state !== 'healthy'))
  return isDown || (word !== 'down' && isOpen) || (word === 'degraded' && isDegraded)
}
