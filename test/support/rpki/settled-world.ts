/** A world whose aggregates are those that another one has come to, as if they had been committed: what changes from here on is a change. */
import type { TransactionContext } from '../../../src/core/app/session/context.js'
import { ca } from '../../../src/core/ca/aggregate.js'
import type { Reader } from '../../../src/core/eventsourcing/store.js'
import type { AggregateId } from '../../../src/core/eventsourcing/types.js'
import { Work } from '../../../src/core/eventsourcing/work.js'
import { PUBD_HANDLE, pubd } from '../../../src/core/pubd/aggregate.js'
import { ta } from '../../../src/core/ta/aggregate.js'
import type { World } from './small-world.js'

export function settled({ tx }: Pick<World, 'tx'>): TransactionContext {
  const work = new Work(readerOf(tx.work))
  return { work, ports: { ...tx.ports, objects: work } }
}

function readerOf(work: Work): Reader {
  const roster = (['ta', 'ca', 'pubd'] as const).flatMap((kind) =>
    work.handles(kind).map((handle) => ({ kind, handle })),
  )
  const stateOf = ({ kind, handle }: AggregateId): unknown => {
    if (kind === 'pubd') return work.state(pubd, PUBD_HANDLE)
    return kind === 'ta' ? work.state(ta, handle) : work.state(ca, handle)
  }
  return {
    ...work.reader,
    roster: () => roster,
    load: (id) => {
      if (!roster.some(({ kind, handle }) => kind === id.kind && handle === id.handle)) return undefined
      return { snapshot: { state: stateOf(id) }, events: [], version: 1, sequence: 1 } as never
    },
    object: (name) => work.object(name),
  }
}
