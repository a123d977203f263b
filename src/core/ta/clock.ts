/** The clock of the trust anchor is reset: its point and its own certificate get the present (as `ca/clock.ts` does for a CA). */
import { isTime, listOf } from '../base/shape.js'
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
import { issueTaCertificate } from './certificate.js'
import type { lifecycleEvents } from './lifecycle.js'
import { type PublishingEvent, reconciled } from './publishing.js'
import { TA_CLASS, type TaState } from './state.js'

const event = eventsOn<TaState>()

export const clockEvents = {
  'clock.reset': event({ at: isTime, points: listOf(isPointReset) }, (state, { at, points }) => {
    return { ...state, point: points.reduce((point, reset) => pointBefore(point, reset, at), state.point) }
  }),
}

/** Facts that a clock reset needs beyond the state. */
export interface TaClockReset {
  /** Names of published certificates that begin in the future. */
  readonly objects: readonly string[]
  /** Revocations of the last state before the clock was ahead. */
  readonly revoked: readonly Revocation[]
  /** True if the trust anchor's own certificate begins in the future. */
  readonly certificate: boolean
  /** Lower bound of the next number; 0 where it only continues. */
  readonly atLeast: number
}

type Events = EventOf<typeof clockEvents> | EventOf<typeof lifecycleEvents> | PublishingEvent

const command = commandsOn<TaState, Events, IssuingPorts>()

export const clockCommands = {
  'clock.reset': command<TaClockReset>({
    check: () => [],
    decide: async (state, { objects, revoked, certificate, atLeast }, ports) => {
      const at = ports.clock.now()
      const { key, point } = state
      const points: readonly PointReset[] =
        key !== null && isFuturePoint(point, at)
          ? [{ class: TA_CLASS, ski: key.ski, revoked: revocationsAt(point, revoked, at) }]
          : []
      const events: Events[] = [{ type: 'clock.reset', at, points }]
      if (certificate)
        events.push({ type: 'ta.certificate.issued', certificate: await issueTaCertificate(state, ports) })
      if (atLeast > 0) events.push({ type: 'numbers.raised', atLeast })
      return reconciled(events, ports, { force: points.length > 0 || atLeast > 0, anew: new Set(objects) })
    },
    publishesOnly: false,
    summarize: ({ objects, certificate, atLeast }) => ({ objects: objects.length, certificate, atLeast }),
  }),
}
