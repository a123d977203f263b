/** The facts of a report, read in one revision: CAs, resources, ends of validity, states of enrolment CAs, newest commands. A pure read without the lock. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { Table } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { heldResources } from '../../ca/children.js'
import type { RoaConfig } from '../../ca/state/configured.js'
import type { CaState } from '../../ca/state/state.js'
import { Work } from '../../eventsourcing/work.js'
import { idsOf } from '../../identity/id-keys.js'
import type { Child } from '../../issuing/children.js'
import type { PublicationPoint } from '../../issuing/point.js'
import { trustedPrefix } from '../../resources/prefix.js'
import { ALL_RESOURCES, intersection, NO_RESOURCES, prefixSet } from '../../resources/resource-set.js'
import type { ResourceSet } from '../../resources/types.js'
import { kindOf } from '../../rpki/object-kinds.js'
import type { CommandRow } from '../proof/history.js'
import { listHistory } from '../proof/history.js'
import { caState, taState } from '../session/context.js'
import type { Session } from '../session/session.js'
import type { StatusReport } from '../status/report.js'
import { status } from '../status/status.js'
import { type HaLane, haLanes } from './ha-history.js'

export interface ReportCa {
  /** `ca/acme`, `ta/ta`. */
  readonly id: string
  readonly handle: string
  readonly isTa: boolean
  /** Ids of parents in this data directory, and handles of those elsewhere. */
  readonly parents: readonly string[]
  readonly parentsElsewhere: readonly string[]
  readonly childrenElsewhere: number
  readonly held: ResourceSet
  /** Held addresses that a configured ROA covers. */
  readonly covered: ResourceSet
  readonly roas: number
  readonly aspas: number
  readonly objects: number
}

/** Kinds of things that expire, in the order of the time line. */
export const EXPIRY_KINDS = [
  'manifest and CRL',
  'ROA or other object',
  'CA certificate',
  'ID certificate',
  'other certificate',
] as const

export interface Expiry {
  readonly kind: (typeof EXPIRY_KINDS)[number]
  readonly owner: string
  readonly at: Instant
}

export interface ReportRoa {
  readonly ca: string
  readonly text: string
  readonly since: Instant
  readonly comment: string | null
}

export interface ReportData {
  readonly version: string
  readonly status: StatusReport
  readonly cas: readonly ReportCa[]
  readonly expiries: readonly Expiry[]
  /** The ROAs configured last, newest first. */
  readonly roas: readonly ReportRoa[]
  readonly ha: readonly HaLane[]
  readonly commands: readonly CommandRow[]
  readonly total: number
  /** Why the history is not shown; null if it is. */
  readonly historyProblem: string | null
}

const COMMANDS = 50
const ROAS = 25

/** Reads everything. What cannot be read is a finding of the status, and the rest is shown. */
export async function readReport(session: Session, version: string): Promise<ReportData> {
  const found = await status(session)
  const read = await session.store.read(async (reader) => {
    const work = new Work(reader)
    const states = work.handles('ca').flatMap((handle) => readable(() => [caState(work, handle)]))
    const active = states.filter((state) => state.status === 'active')
    const anchors = work.handles('ta').flatMap((handle) => readable(() => [taState(work, handle)]))
    return {
      cas: [
        ...anchors
          .filter(({ key }) => key !== null)
          .map(({ handle, children, point }) => anchorOf(handle, children, point)),
        ...active.map(caOf),
      ],
      expiries: [
        ...anchors.flatMap(({ handle, point, certificate }) => [
          ...pointExpiries(`ta/${handle}`, point),
          ...(certificate === null
            ? []
            : [{ kind: 'CA certificate' as const, owner: `ta/${handle}`, at: certificate.notAfter }]),
        ]),
        ...active.flatMap(caExpiries),
      ],
      roas: newestRoas(active),
      ha: haLanes(reader, session.now()),
    }
  })
  const others = found.certificates.map(({ use, owner, notAfter }) => ({
    kind: 'other certificate' as const,
    owner: owner === '' ? 'HTTPS server' : `${owner} (${use})`,
    at: notAfter,
  }))
  const expiries = [...read.expiries, ...others].sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0))
  return { version, status: found, ...read, expiries, ...(await history(session)) }
}

type HistoryPart = Pick<ReportData, 'commands' | 'total' | 'historyProblem'>

async function history(session: Session): Promise<HistoryPart> {
  try {
    return { ...(await listHistory(session, { rows: COMMANDS })), historyProblem: null }
  } catch (error) {
    if (error instanceof AppError) return { commands: [], total: 0, historyProblem: error.message }
    throw error
  }
}

function readable<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read()
  } catch (error) {
    if (error instanceof AppError) return []
    throw error
  }
}

function anchorOf(handle: Handle, children: Table<Child>, { objects }: PublicationPoint): ReportCa {
  return {
    ...{ id: `ta/${handle}`, handle, isTa: true, parents: [], parentsElsewhere: [], roas: 0, aspas: 0 },
    ...{ held: ALL_RESOURCES, covered: NO_RESOURCES, objects: Object.keys(objects).length },
    childrenElsewhere: elsewhereOf(children),
  }
}

function caOf(state: CaState): ReportCa {
  const held = heldResources(state)
  const parents = Object.entries(state.parents)
  const roas = Object.values(state.roas)
  const keys = Object.values(state.classes).flatMap((one) => one.keys)
  return {
    ...{ id: `ca/${state.handle}`, handle: state.handle, isTa: false, roas: roas.length, held },
    aspas: Object.keys(state.aspas ?? {}).length,
    parents: parents.flatMap(([, parent]) =>
      parent.transport === 'local' ? [`${parent.aggregate.kind}/${parent.aggregate.handle}`] : [],
    ),
    parentsElsewhere: parents.flatMap(([name, parent]) => (parent.transport === 'local' ? [] : [name])),
    childrenElsewhere: elsewhereOf(state.children),
    covered: intersection(prefixSet(roas.map(({ prefix }) => trustedPrefix(prefix))), held),
    objects: keys.reduce((sum, { point }) => sum + Object.keys(point.objects).length, 0),
  }
}

function elsewhereOf(children: Table<Child>): number {
  return Object.values(children).filter(({ transport }) => transport !== 'local').length
}

function caExpiries(state: CaState): readonly Expiry[] {
  const owner = `ca/${state.handle}`
  const keys = Object.values(state.classes).flatMap((one) => one.keys)
  const ends = keys.flatMap(({ certificate }) => certificate?.notAfter ?? [])
  return [
    ...keys.flatMap(({ point }) => pointExpiries(owner, point)),
    ...ends.map((at): Expiry => ({ kind: 'CA certificate', owner, at })),
    ...idsOf(state).flatMap(({ notAfter }): readonly Expiry[] => [{ kind: 'ID certificate', owner, at: notAfter }]),
  ]
}

function pointExpiries(owner: string, { nextUpdate, objects }: PublicationPoint): readonly Expiry[] {
  const manifest: readonly Expiry[] = nextUpdate === null ? [] : [{ kind: 'manifest and CRL', owner, at: nextUpdate }]
  const products = Object.entries(objects).filter(([name]) => kindOf(name) !== 'cer')
  return [
    ...manifest,
    ...products.map(([, { notAfter }]): Expiry => ({ kind: 'ROA or other object', owner, at: notAfter })),
  ]
}

function newestRoas(states: readonly CaState[]): readonly ReportRoa[] {
  const rows: ReportRoa[] = []
  for (const { handle, roas } of states) {
    const own = Object.entries(roas).map(([text, roa]) => rowOf(handle, text, roa))
    rows.push(...own)
    if (rows.length > 10_000) rows.splice(0, rows.length, ...newest(rows))
  }
  return newest(rows)
}

function newest(rows: readonly ReportRoa[]): readonly ReportRoa[] {
  return rows.toSorted((a, b) => (a.since < b.since ? 1 : a.since > b.since ? -1 : 0)).slice(0, ROAS)
}

function rowOf(ca: string, text: string, { since, comment }: RoaConfig): ReportRoa {
  return { ca, text, since, comment }
}
