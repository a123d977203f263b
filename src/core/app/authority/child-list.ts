/** Reports of `brine child list` and `show`: the children of a CA or of the trust anchor. */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { Work } from '../../eventsourcing/work.js'
import type { IdEnds, IdLink } from '../../identity/id-ends.js'
import type { WithIds } from '../../identity/id-keys.js'
import type { Child } from '../../issuing/children.js'
import { lastHeardAt } from '../../peers/heard.js'
import { toResourceText } from '../../resources/resource-set.js'
import type { ResourceText } from '../../resources/types.js'
import type { Session } from '../session/session.js'
import { knownChild, parentState } from './children.js'

export interface ChildListReport {
  readonly ca: Handle
  readonly children: readonly ChildRow[]
}

export interface ChildShowReport extends ChildRow {
  readonly ca: Handle
}

export interface ChildRow {
  readonly child: Handle
  readonly transport: string
  readonly resources: ResourceText
  /** Since when nothing is certified for it; null: it is not suspended. */
  readonly suspended: Instant | null
  /** When its last message came; null: none did, or that is not known any more. */
  readonly heardAt: Instant | null
  /** Ends of the ID certificates; null for a child in this data directory. */
  readonly idUntil: IdEnds | null
  readonly certificates: readonly {
    readonly ski: string
    readonly resources: ResourceText
    readonly notAfter: string
  }[]
}

/** Returns the children of a CA or of the trust anchor, sorted by name. */
export async function listChildren(session: Session, parent: Handle): Promise<ChildListReport> {
  const { idEnds } = await import('../../identity/id-ends.js')
  return session.store.read(async (reader) => {
    const state = parentState({ work: new Work(reader) }, parent)
    const read = { session, state, idEnds }
    const names = Object.keys(state.children).sort() as Handle[]
    return { ca: parent, children: names.map((name) => childRow(read, parent, name, entry(state.children, name))) }
  })
}

/** Returns one child. Throws `child-unknown`. */
export async function showChild(session: Session, parent: Handle, child: Handle): Promise<ChildShowReport> {
  const { idEnds } = await import('../../identity/id-ends.js')
  return session.store.read(async (reader) => {
    const tx = { work: new Work(reader) }
    const known = knownChild(tx, parent, child)
    return { ca: parent, ...childRow({ session, state: parentState(tx, parent), idEnds }, parent, child, known) }
  })
}

interface Revision {
  readonly session: Session
  /** State of the parent. */
  readonly state: WithIds
  readonly idEnds: (state: WithIds, link: IdLink) => IdEnds | null
}

function childRow({ session, state, idEnds }: Revision, ca: Handle, name: Handle, child: Child | undefined): ChildRow {
  return {
    child: name,
    transport: child?.transport ?? 'local',
    resources: child?.resources ?? toResourceText({ asn: [], ipv4: [], ipv6: [] }),
    suspended: child?.suspended ?? null,
    heardAt: lastHeardAt(session.options.dataDir, { ca, child: name }),
    idUntil: idEnds(state, child ?? {}),
    certificates: Object.values(child?.issued ?? {}).map(({ ski, resources, notAfter }) => ({
      ski,
      resources,
      notAfter,
    })),
  }
}
