/** Use cases of `brine ca list` and `brine ca show`: CAs as they are reported, without a change. */
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { heldResources } from '../../ca/children.js'
import { dueTimes } from '../../ca/publishing.js'
import type { Repository } from '../../ca/state/contacts.js'
import { type MigrationStage, migrationStage } from '../../ca/state/places.js'
import { type CaState, repositoryOf } from '../../ca/state/state.js'
import { Work } from '../../eventsourcing/work.js'
import type { Timing } from '../../issuing/timing.js'
import { toResourceText } from '../../resources/resource-set.js'
import type { ResourceText } from '../../resources/types.js'
import { knownCa, readCas } from '../session/context.js'
import type { Session } from '../session/session.js'
import { suspendedAt } from '../session/suspended-by.js'

export interface CaShowReport {
  readonly handle: Handle
  readonly resources: ResourceText
  readonly parents: readonly {
    readonly name: Handle
    readonly transport: string
    readonly aggregate?: string
    readonly serviceUri?: string
    /** Since when this parent has suspended the CA; left out if it has not, or is elsewhere. */
    readonly suspended?: Instant
  }[]
  readonly children: readonly {
    readonly name: Handle
    readonly resources: ResourceText
    readonly certificates: number
  }[]
  readonly repository: RepositoryRow | null
  /** The repository that it leaves; null where no migration is open. */
  readonly leaving: LeavingRow | null
  readonly roas: number
  readonly aspas: number
  readonly routers: number
  readonly classes: readonly {
    readonly name: string
    readonly parent: Handle
    readonly aggregated: boolean
    readonly keys: readonly CaKeyRow[]
  }[]
}

export interface CaKeyRow {
  readonly state: string
  readonly ski: string
  readonly manifestNumber: number
  readonly thisUpdate: Instant | null
  readonly nextUpdate: Instant | null
  readonly notAfter: Instant | null
  readonly objects: number
  /** Base of the repository in which it publishes; null before the CA has one. */
  readonly repository: string | null
}

export interface CaListReport {
  readonly cas: readonly {
    readonly handle: Handle
    readonly parents: readonly Handle[]
    readonly children: readonly Handle[]
    readonly resources: ResourceText
    readonly roas: number
    readonly aspas: number
    readonly routers: number
    readonly nextUpdate: Instant | null
  }[]
  /** CAs whose state is damaged. */
  readonly failed: readonly { readonly ca: Handle; readonly code: string; readonly message: string }[]
}

/** A repository as commands report it. */
export interface RepositoryRow {
  readonly transport: string
  readonly base: string
  readonly notify?: string
  /** Of a repository elsewhere: the URI that takes the messages, and the server's name for the CA. */
  readonly serviceUri?: string
  readonly publisher?: Handle
}

export function repositoryRow(repository: Repository | null): RepositoryRow | null {
  if (repository === null || repository.transport === 'local') return repository
  const { contact, ...row } = repository
  return { ...row, serviceUri: contact.serviceUri }
}

/** The repository that a CA leaves by a migration. */
export interface LeavingRow extends RepositoryRow {
  /** Time of the migration. */
  readonly since: Instant
  /** Time from which nothing is sent to it any more; null: it is in use. */
  readonly abandonedAt: Instant | null
  /** Step that the migration waits for. */
  readonly stage: MigrationStage
}

export function leavingRow(state: CaState): LeavingRow | null {
  const stage = migrationStage(state)
  const row = repositoryRow(state.leaving?.repository ?? null)
  if (state.leaving === undefined || stage === undefined || row === null) return null
  const { since, abandonedAt = null } = state.leaving
  return { ...row, since, abandonedAt, stage }
}

/** Returns every CA, sorted by handle, and the damage of those that cannot be read. */
export async function listCas(session: Session): Promise<CaListReport> {
  return session.store.read(async (reader) => {
    const { cas, failed } = readCas(new Work(reader))
    return {
      cas: cas.map((state) => caRow(state, session.timing)),
      failed: failed.map(({ ca, error }) => ({ ca, code: error.code, message: error.message })),
    }
  })
}

function caRow(state: CaState, timing: Timing): CaListReport['cas'][number] {
  return {
    handle: state.handle,
    parents: Object.keys(state.parents).sort() as Handle[],
    children: Object.keys(state.children).sort() as Handle[],
    resources: toResourceText(heldResources(state)),
    roas: Object.keys(state.roas).length,
    aspas: Object.keys(state.aspas ?? {}).length,
    routers: Object.keys(state.routers ?? {}).length,
    nextUpdate: dueTimes(state, timing)?.staleAt ?? null,
  }
}

/** Returns a CA with its resource classes and keys. Throws `ca-unknown`. */
export async function showCa(session: Session, handle: Handle): Promise<CaShowReport> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    return caDetails(work, knownCa(work, handle))
  })
}

function caDetails(work: Work, state: CaState): CaShowReport {
  const suspendedBy = (parent: string): { readonly suspended?: Instant } => {
    const since = suspendedAt({ work }, state, parent as Handle)
    return since === undefined ? {} : { suspended: since }
  }
  return {
    handle: state.handle,
    resources: toResourceText(heldResources(state)),
    parents: Object.entries(state.parents).map(([name, p]) => ({
      name: name as Handle,
      transport: p.transport,
      ...(p.transport === 'local'
        ? { aggregate: `${p.aggregate.kind}/${p.aggregate.handle}` }
        : { serviceUri: p.contact.serviceUri }),
      ...suspendedBy(name),
    })),
    children: Object.entries(state.children).map(([name, c]) => ({
      name: name as Handle,
      resources: c.resources,
      certificates: Object.keys(c.issued).length,
    })),
    repository: repositoryRow(state.repository),
    leaving: leavingRow(state),
    roas: Object.keys(state.roas).length,
    aspas: Object.keys(state.aspas ?? {}).length,
    routers: Object.keys(state.routers ?? {}).length,
    classes: Object.values(state.classes).map((c) => ({
      name: c.name,
      parent: c.parent,
      aggregated: c.aggregated,
      keys: c.keys.map((k) => ({
        state: k.state,
        ski: k.ski,
        manifestNumber: k.point.number,
        thisUpdate: k.point.thisUpdate,
        nextUpdate: k.point.nextUpdate,
        notAfter: k.certificate?.notAfter ?? null,
        objects: Object.keys(k.point.objects).length,
        repository: repositoryOf(state, k)?.base ?? null,
      })),
    })),
  }
}
