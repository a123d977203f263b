/**
 * The clock of a CA is reset: what was recorded or published at a time that is still to come gets the present.
 * Invariant: manifest and CRL numbers go on rising, and every object that was issued in the future is revoked and issued again.
 */
import { mapEntries } from '../base/record.js'
import { isTime, listOf } from '../base/shape.js'
import { earlier, type Instant } from '../base/time.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import {
  isFuturePoint,
  isPointReset,
  type PointReset,
  pointBefore,
  type Revocation,
  revocationsAt,
} from '../issuing/point.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { type PublishingEvent, reconciled } from './publishing.js'
import { type CaState, type ResourceClass, withKey } from './state/state.js'

const event = eventsOn<CaState>()

export const clockEvents = {
  'clock.reset': event({ at: isTime, points: listOf(isPointReset) }, (state, { at, points }) => {
    const next = points.reduce(
      (reached, reset) =>
        withKey(reached, reset.class, reset.ski, (key) => ({ ...key, point: pointBefore(key.point, reset, at) })),
      state,
    )
    const { retired, aspas, routers } = next
    return {
      ...next,
      classes: mapEntries(next.classes, (own) => rollBefore(own, at)),
      roas: mapEntries(next.roas, (roa) => ({ ...roa, since: earlier(roa.since, at) })),
      ...(aspas === undefined
        ? {}
        : { aspas: mapEntries(aspas, (aspa) => ({ ...aspa, since: earlier(aspa.since, at) })) }),
      ...(routers === undefined
        ? {}
        : { routers: mapEntries(routers, (router) => ({ ...router, since: earlier(router.since, at) })) }),
      ...(retired === undefined ? {} : { retired: mapEntries(retired, (since) => earlier(since, at)) }),
    }
  }),
}

/** Returns a class whose key roll is staged from `at` on where it was staged later, so that the wait of RFC 6489 is of real time. */
function rollBefore(own: ResourceClass, at: Instant): ResourceClass {
  const { roll } = own
  if (roll === undefined) return own
  const { startedAt, stagedAt, publishedAt, parentPublishedAt } = roll
  const times = { startedAt: earlier(startedAt, at), stagedAt: stagedAt === null ? null : earlier(stagedAt, at) }
  const published = publishedAt ? { publishedAt: earlier(publishedAt, at) } : {}
  const above = parentPublishedAt ? { parentPublishedAt: earlier(parentPublishedAt, at) } : {}
  return { ...own, roll: { ...roll, ...times, ...published, ...above } }
}

/** Facts that a clock reset needs beyond the state. */
export interface CaClockReset {
  /** Published objects whose certificates begin in the future, as `class/name`. */
  readonly objects: readonly string[]
  /** Revocations of the last state before the clock was ahead, by key. */
  readonly revoked: Readonly<Record<string, readonly Revocation[]>>
  /** Lower bound of the next numbers; 0 where they only continue. */
  readonly atLeast: number
}

type Events = EventOf<typeof clockEvents> | PublishingEvent

const command = commandsOn<CaState, Events, IssuingPorts>()

export const clockCommands = {
  'clock.reset': command<CaClockReset>({
    check: () => [],
    decide: (state, { objects, revoked, atLeast }, ports) => {
      const at = ports.clock.now()
      const points = resetsAt(state, revoked, at)
      const raised: readonly PublishingEvent[] = atLeast > 0 ? [{ type: 'numbers.raised', atLeast }] : []
      return reconciled<Events>([{ type: 'clock.reset', at, points }, ...raised], ports, {
        force: points.length + raised.length > 0,
        anew: new Set(objects),
      })
    },
    publishesOnly: false,
    summarize: ({ objects, atLeast }) => ({ objects: objects.length, atLeast }),
  }),
}

function resetsAt(state: CaState, revoked: CaClockReset['revoked'], at: Instant): readonly PointReset[] {
  return Object.values(state.classes).flatMap(({ name, keys }) =>
    keys.flatMap(({ ski, point }): readonly PointReset[] =>
      isFuturePoint(point, at) ? [{ class: name, ski, revoked: revocationsAt(point, revoked[ski] ?? [], at) }] : [],
    ),
  )
}
