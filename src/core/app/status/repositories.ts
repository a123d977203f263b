/** Use cases of `brine repo show` and `brine repo status`: where CAs publish, the last exchange and what is not confirmed. Pure reads. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import type { Instant } from '../../base/time.js'
import { dueTimes } from '../../ca/publishing.js'
import type { Repository } from '../../ca/state/contacts.js'
import {
  filesAt,
  isAt,
  type MigrationStage,
  migrationStage,
  PLACES,
  type Place,
  repositoryAt,
  syncedAt,
} from '../../ca/state/places.js'
import type { CaState } from '../../ca/state/state.js'
import { Work } from '../../eventsourcing/work.js'
import type { IdEnds } from '../../identity/id-ends.js'
import { publicationDelta } from '../../pubd/content.js'
import { repositoryRowOf } from '../exchange/client/due-repositories.js'
import { type ExchangeRow, type PeerContactRow, peerContactRow } from '../exchange/client/list-parents.js'
import { knownCa, pubdState, readCas } from '../session/context.js'
import type { Session } from '../session/session.js'
import type { StatusFinding } from './finding.js'
import { type Verdict, verdictOf } from './verdict.js'

/** A repository of a CA, as `repo status` lists it. */
export interface RepoStatusRow {
  readonly ca: Handle
  readonly transport: Repository['transport']
  /** rsync URI with trailing slash. */
  readonly base: string
  /** True: the one that it leaves by a migration. */
  readonly leaving: boolean
  /** Null for a repository in this data directory. */
  readonly serviceUri: string | null
  /** Null if it was never asked, and for a repository in this data directory. */
  readonly exchange: ExchangeRow | null
  /** Objects that it lacks or has to drop; null: some, but it is not known which it has. */
  readonly unconfirmed: number | null
  /** Ends of the ID certificates; null for a repository in this data directory. */
  readonly idUntil: IdEnds | null
  /** When it confirmed its content last; null: never, and for a repository in this data directory. */
  readonly confirmedAt: Instant | null
  /** Time at which the first manifest that it has goes stale; null if that is not known. */
  readonly staleAt: Instant | null
  /** When `tick` asks it next; null: at its next run, or never for a repository in this data directory. */
  readonly nextDue: Instant | null
}

export interface RepoStatusReport {
  readonly verdict: Verdict
  readonly concerns: readonly StatusFinding[]
  readonly repositories: readonly RepoStatusRow[]
  /** CAs that cannot be read. */
  readonly failed: readonly { readonly ca: Handle; readonly code: string; readonly message: string }[]
}

interface ShownRepository extends Omit<RepoStatusRow, 'serviceUri' | 'leaving'> {
  /** RRDP notification; null if the server has no RRDP. */
  readonly notify: string | null
  /** The server's name for the CA. */
  readonly publisher: Handle
  /** Null for a repository in this data directory. */
  readonly contact: PeerContactRow | null
  /** Objects that the CA wants published, and those that the repository has; null if the latter is not known. */
  readonly objects: { readonly wanted: number; readonly published: number | null }
}

export interface RepoShowReport extends ShownRepository {
  /** The repository that the CA leaves; null where no migration is open. */
  readonly leaving: LeavingReport | null
}

export interface LeavingReport extends ShownRepository {
  /** Time of the migration. */
  readonly since: Instant
  /** Time from which nothing is sent to it any more; null: it is in use. */
  readonly abandonedAt: Instant | null
  /** Step that the migration waits for. */
  readonly stage: MigrationStage
}

interface Found {
  readonly row: RepoStatusRow
  readonly published: number | null
}

type Reads = Pick<typeof import('./peers.js'), 'repositoryOf' | 'repositoryFindings'>

/**
 * Lists the repository of one CA, or of each that has one, by CA. On a stand-by, which asks no repository, there are no concerns. Throws
 * `ca-unknown`, `repo-none` (rejected) for a named CA.
 */
export async function repoStatus(session: Session, ca: Handle | undefined): Promise<RepoStatusReport> {
  const peers = await import('./peers.js')
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const { cas, failed } = ca === undefined ? readCas(work) : { cas: [withRepository(work, ca)], failed: [] }
    const sorted = [...cas].sort((a, b) => (a.handle < b.handle ? -1 : 1))
    const repositories = sorted.flatMap((state) =>
      PLACES.flatMap((place) => findRepository(session, work, state, place, peers)?.row ?? []),
    )
    const isPrimary = session.store.role().role === 'primary'
    const concerns = isPrimary ? repositories.flatMap((row) => peers.repositoryFindings(row, session.now())) : []
    return {
      ...{ verdict: verdictOf(concerns), concerns, repositories },
      failed: failed.map(({ ca: handle, error }) => ({ ca: handle, code: error.code, message: error.message })),
    }
  })
}

/** Shows the repository of a CA, and the one that it leaves. Throws `ca-unknown`, `repo-none` (rejected). */
export async function showRepository(session: Session, ca: Handle): Promise<RepoShowReport> {
  const peers = await import('./peers.js')
  const [{ idEnds }, { readIdCertificate }] = await Promise.all([
    import('../../identity/id-ends.js'),
    import('../../protocols/cms/id-certificate.js'),
  ])
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = withRepository(work, ca)
    const at = (place: Place): ShownRepository => {
      const repository = repositoryAt(state, place)
      const found = findRepository(session, work, state, place, peers) ?? unread(state, place)
      if (repository === null) throw noRepository(ca)
      const { serviceUri: _, leaving: __, ...row } = found.row
      const isRemote = repository.transport === 'rfc8181'
      // also for a repository that is no longer contacted
      const idUntil = isRemote ? idEnds(state, repository.contact) : null
      const readId = (der: Uint8Array) => readIdCertificate(der)
      return {
        ...{ ...row, notify: repository.notify ?? null, publisher: isRemote ? repository.publisher : ca },
        ...{ idUntil, contact: isRemote ? peerContactRow(idUntil, repository.contact, readId) : null },
        objects: { wanted: filesAt(state, place).length, published: found.published },
      }
    }
    const { leaving } = state
    const stage = migrationStage(state)
    if (leaving === undefined || stage === undefined) return { ...at('current'), leaving: null }
    const { since, abandonedAt = null } = leaving
    return { ...at('current'), leaving: { ...at('leaving'), since, abandonedAt, stage } }
  })
}

/** Returns the row of a repository that is not asked any more. */
function unread(state: CaState, place: Place): Found {
  const repository = repositoryAt(state, place)
  return {
    row: {
      ...{ ca: state.handle, transport: repository?.transport ?? 'local', base: repository?.base ?? '' },
      ...{ leaving: place === 'leaving', serviceUri: null, exchange: null, unconfirmed: null, idUntil: null },
      ...{ confirmedAt: syncedAt(state, place)?.at ?? null, staleAt: null, nextDue: null },
    },
    published: null,
  }
}

function withRepository(work: Work, ca: Handle): CaState {
  const state = knownCa(work, ca)
  if (state.repository === null) throw noRepository(ca)
  return state
}

const noRepository = (ca: Handle): AppError =>
  new AppError('rejected', 'repo-none', `${ca} has no repository yet`, {
    hint: `brine repo configure ${ca} --local`,
  })

/** Returns undefined if the CA has no repository at this place, or has abandoned it. */
function findRepository(
  session: Session,
  work: Work,
  state: CaState,
  place: Place,
  { repositoryOf }: Reads,
): Found | undefined {
  if (repositoryAt(state, place)?.transport === 'local') return localRepository(session, work, state, place)
  const remote = repositoryRowOf(session, state, place)
  if (remote === undefined) return undefined
  return { row: { transport: 'rfc8181', ...repositoryOf(remote) }, published: remote.confirmed?.objects.size ?? null }
}

function localRepository(session: Session, work: Work, state: CaState, place: Place): Found {
  const { handle: ca } = state
  const server = pubdState(work)
  const { put, drop } = publicationDelta(server, ca, filesAt(state, place))
  const due = dueTimes(state, session.timing, (key) => isAt(place, key))
  return {
    row: {
      ...{ ca, transport: 'local', base: repositoryAt(state, place)?.base ?? '', leaving: place === 'leaving' },
      ...{ serviceUri: null, exchange: null, unconfirmed: put.length + drop.length },
      ...{ confirmedAt: null, staleAt: due?.staleAt ?? null, nextDue: null, idUntil: null },
    },
    published: Object.keys(entry(server.publishers, ca)?.objects ?? {}).length,
  }
}
