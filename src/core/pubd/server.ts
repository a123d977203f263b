/** The publication server itself: its base URIs and its RRDP session. */
import { toHex } from '../base/bytes.js'
import type { Random } from '../base/ports.js'
import { isText, isTime } from '../base/shape.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { clocksOf } from '../protocols/replay-clock.js'
import { changeTime, newPart, type PubdPorts } from './ports.js'
import { EMPTY_PUBD, type PubdState } from './state.js'
import { baseViolations } from './uri.js'

const event = eventsOn<PubdState>()

export const serverEvents = {
  'pubserver.initialised': event(
    { rsyncBase: isText, rrdpBase: isText, sessionId: isText, at: isTime, part: isText },
    (state, { rsyncBase, rrdpBase, sessionId, at, part }) => {
      return { ...state, rsyncBase, rrdpBase, sessionId, serial: 1, updatedAt: at, part, deltas: [] }
    },
  ),
  'session.reset': event({ sessionId: isText, at: isTime, part: isText }, (state, { sessionId, at, part }) => {
    return { ...state, sessionId, serial: 1, updatedAt: at, part, deltas: [] }
  }),
  /** As before `pubserver.init`, except that the ID keys and the replay clocks stay. */
  'pubserver.cleared': event({ at: isTime }, (state) => {
    const { ids } = state
    return { ...EMPTY_PUBD, ...(ids === undefined ? {} : { ids }), ...clocksOf(state) }
  }),
}

interface Bases {
  readonly rsyncBase: string
  readonly rrdpBase: string
}

const command = commandsOn<PubdState, EventOf<typeof serverEvents>, PubdPorts>()

export const serverCommands = {
  'pubserver.init': command<Bases>({
    check: (state, { rsyncBase, rrdpBase }) => {
      if (state.serial === 0) return baseViolations(rsyncBase, rrdpBase)
      if (state.rsyncBase === rsyncBase && state.rrdpBase === rrdpBase) return []
      const message = `the publication server is already set up with ${state.rsyncBase} and ${state.rrdpBase}`
      return [{ code: 'pubserver-exists', message }]
    },
    decide: (state, { rsyncBase, rrdpBase }, ports) =>
      state.serial > 0 ? [] : [{ type: 'pubserver.initialised', rsyncBase, rrdpBase, ...newSession(state, ports) }],
    publishesOnly: false,
    summarize: ({ rsyncBase, rrdpBase }) => ({ rsyncBase, rrdpBase }),
  }),
  'session.reset': command({
    check: () => [],
    decide: (state, _, ports) => [{ type: 'session.reset', ...newSession(state, ports) }],
    publishesOnly: false,
    summarize: () => ({}),
  }),
  'pubserver.clear': command({
    check: ({ publishers }) => {
      const names = Object.keys(publishers).sort()
      if (names.length === 0) return []
      const shown = names.length > 5 ? `${names.slice(0, 5).join(' ')} and ${names.length - 5} more` : names.join(' ')
      const message = `the publication server has publishers: ${shown}; brine pubserver publisher remove and brine ca remove them`
      return [{ code: 'pubserver-in-use', message }]
    },
    decide: (state, _, ports) => [{ type: 'pubserver.cleared', at: changeTime(state, ports) }],
    publishesOnly: false,
    summarize: () => ({}),
  }),
}

function newSession(state: PubdState, ports: PubdPorts) {
  return { sessionId: newSessionId(ports.random), at: changeTime(state, ports), part: newPart(ports.random) }
}

/** Returns a version 4 UUID (RFC 9562 section 5.4), which RFC 8182 section 3.3.1 requires. */
function newSessionId(random: Random): string {
  const bytes = Uint8Array.from(random.bytes(16))
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = toHex(bytes)
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
