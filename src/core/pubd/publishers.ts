/** Publishers: who may publish, and below which base. */
import { type Handle, isHandle } from '../base/handle.js'
import { entry, withEntry, withoutEntry } from '../base/record.js'
import { isName, isText, isTime } from '../base/shape.js'
import { quoted } from '../base/text.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import { isReplayClock, keepClock, type ReplayClock } from '../protocols/replay-clock.js'
import { changeTime, type PubdPorts } from './ports.js'
import { type Published, publication, unknownPublisher } from './publications.js'
import { contentOf } from './staged.js'
import type { PubdState } from './state.js'
import { publisherBase } from './uri.js'

const event = eventsOn<PubdState>()

export const publisherEvents = {
  'publisher.added': event({ publisher: isName, base: isText, at: isTime }, (state, { publisher, base, at }) => {
    const added = { base, addedAt: at, updatedAt: at, objects: {} }
    return { ...state, publishers: withEntry(state.publishers, publisher, added) }
  }),
  /** `clock`: of a publisher elsewhere, which may be added again. */
  'publisher.removed': event({ publisher: isName, 'clock?': isReplayClock }, (state, { publisher, clock }) => {
    return keepClock({ ...state, publishers: withoutEntry(state.publishers, publisher) }, clock)
  }),
}

const command = commandsOn<PubdState, EventOf<typeof publisherEvents> | Published, PubdPorts>()

export const publisherCommands = {
  'publisher.add': command<{ readonly publisher: Handle; readonly base: string }>({
    check: ({ publishers, rsyncBase }, { publisher, base }) => {
      if (!isHandle(publisher)) return [{ code: 'handle-invalid', message: `invalid handle ${quoted(publisher, 200)}` }]
      if (entry(publishers, publisher) !== undefined)
        return [{ code: 'publisher-exists', message: `publisher ${publisher} already exists` }]
      const required = publisherBase(rsyncBase, publisher)
      if (base === required) return []
      const message = `publisher ${publisher} must have the base ${required}, not ${quoted(base, 200)}`
      return [{ code: 'publisher-base', message }]
    },
    decide: (state, { publisher, base }, ports) => [
      { type: 'publisher.added', publisher, base, at: changeTime(state, ports) },
    ],
    publishesOnly: false,
    summarize: ({ publisher, base }) => ({ publisher, base }),
  }),
  'publisher.remove': command<{ readonly publisher: Handle; readonly clock?: ReplayClock }>({
    check: ({ publishers }, { publisher }) =>
      entry(publishers, publisher) === undefined ? [unknownPublisher(publisher)] : [],
    decide: (state, { publisher, clock }, ports) => {
      const known = entry(state.publishers, publisher)
      const drop = known === undefined ? [] : Object.keys(contentOf(known))
      const removed = { type: 'publisher.removed', publisher, ...(clock === undefined ? {} : { clock }) } as const
      return [...publication(state, [{ publisher, put: [], drop }], ports), removed]
    },
    publishesOnly: false,
    summarize: ({ publisher, clock }) => ({ publisher, ...(clock === undefined ? {} : { clock: { ...clock } }) }),
  }),
}
