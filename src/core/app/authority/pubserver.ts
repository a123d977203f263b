/** Use cases of `brine pubserver`: set up the publication server of this data directory, show it, rebuild its published tree, reset its session. */
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { Work } from '../../eventsourcing/work.js'
import { PUBD_HANDLE } from '../../pubd/aggregate.js'
import { snapshotLength } from '../../pubd/content.js'
import type { PubdState } from '../../pubd/state.js'
import { skippedUris } from '../../pubd/uri.js'
import { servedSerials, type WriteReport } from '../../publication/writer.js'
import { type Outcome, outcomeOf } from '../changes/outcome.js'
import { pubdState, runPubd } from '../session/context.js'
import { openContext } from '../session/open-context.js'
import { refuseServedAhead } from '../session/served-ahead.js'
import type { Session } from '../session/session.js'
import { countingSigner } from '../session/signing.js'
import { publicationTarget, publishTree, trustAnchors } from '../transaction/publish-tree.js'
import { renumberAll } from '../transaction/renumber-all.js'
import { transact } from '../transaction/transact.js'

export interface PubserverReport extends Outcome {
  readonly rsyncBase: string
  readonly rrdpBase: string
  readonly sessionId: string
  /** URIs that validators skip by default; absent without one. */
  readonly warnings?: readonly string[]
}

export interface PubserverShowReport {
  readonly rsyncBase: string
  readonly rrdpBase: string
  readonly notification: string
  readonly sessionId: string
  readonly rrdpSerial: number
  readonly updatedAt: Instant | null
  readonly publishers: readonly {
    readonly handle: Handle
    readonly base: string
    readonly objects: number
    readonly bytes: number
    readonly updatedAt: Instant
  }[]
  readonly served: ReturnType<typeof servedSerials>
}

export interface PubserverStatsReport {
  readonly publishers: number
  readonly objects: number
  readonly bytes: number
  readonly deltas: number
  /** Octets of the RRDP snapshot. */
  readonly snapshotBytes: number
  readonly rrdpSerial: number
}

/** Sets up the publication server. A repetition is a no-op; other URIs are rejected. */
export async function initPubserver(
  session: Session,
  rsyncBase: string,
  rrdpBase: string,
  options: { readonly dryRun?: boolean } = {},
): Promise<PubserverReport> {
  const warnings = skippedUris([rsyncBase, rrdpBase])
  const done = await transact(
    session,
    async (tx) => {
      await runPubd(tx, { type: 'pubserver.init', rsyncBase, rrdpBase })
      return pubdState(tx.work)
    },
    options,
  )
  if (done.changed) for (const warning of warnings) session.options.onNotice?.(warning)
  return {
    ...pubserverReport(done.result, outcomeOf(done, 'pubd', PUBD_HANDLE, null, options.dryRun)),
    ...(warnings.length === 0 ? {} : { warnings }),
  }
}

/** Begins a new RRDP session: relying parties start again from the RRDP snapshot. */
export async function resetSession(
  session: Session,
  options: { readonly dryRun?: boolean } = {},
): Promise<PubserverReport> {
  const done = await transact(
    session,
    async (tx) => {
      await runPubd(tx, { type: 'session.reset' })
      return pubdState(tx.work)
    },
    options,
  )
  return pubserverReport(done.result, outcomeOf(done, 'pubd', PUBD_HANDLE, null, options.dryRun))
}

/**
 * Takes the publication server away, so that it can be set up with other URIs. The published tree stays as it is, empty, until then: relying
 * parties that come late still see what was withdrawn. Throws `pubserver-in-use` (rejected) while there are publishers.
 */
export async function clearPubserver(
  session: Session,
  options: { readonly dryRun?: boolean } = {},
): Promise<PubserverReport> {
  const done = await transact(
    session,
    async (tx) => {
      const before = pubdState(tx.work)
      await runPubd(tx, { type: 'pubserver.clear' })
      return before
    },
    options,
  )
  return pubserverReport(done.result, outcomeOf(done, 'pubd', PUBD_HANDLE, null, options.dryRun))
}

function pubserverReport(state: PubdState, outcome: Outcome): PubserverReport {
  return { rsyncBase: state.rsyncBase, rrdpBase: state.rrdpBase, sessionId: state.sessionId, ...outcome }
}

export async function showPubserver(session: Session): Promise<PubserverShowReport> {
  return session.store.read(async (reader) => {
    const state = pubdState(new Work(reader))
    return {
      rsyncBase: state.rsyncBase,
      rrdpBase: state.rrdpBase,
      notification: state.rrdpBase === '' ? '' : `${state.rrdpBase}notification.xml`,
      sessionId: state.sessionId,
      rrdpSerial: state.serial,
      updatedAt: state.updatedAt === '' ? null : state.updatedAt,
      publishers: publisherRows(state),
      served: servedSerials(session.repoDir),
    }
  })
}

function publisherRows(state: PubdState): PubserverShowReport['publishers'] {
  return Object.entries(state.publishers)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([handle, p]) => {
      const objects = Object.values(p.objects)
      return {
        handle: handle as Handle,
        base: p.base,
        objects: objects.length,
        bytes: sum(objects.map((o) => o.size)),
        updatedAt: p.updatedAt,
      }
    })
}

export async function pubserverStats(session: Session): Promise<PubserverStatsReport> {
  return session.store.read(async (reader) => {
    const state = pubdState(new Work(reader))
    const rows = publisherRows(state)
    return {
      publishers: rows.length,
      objects: sum(rows.map((r) => r.objects)),
      bytes: sum(rows.map((r) => r.bytes)),
      deltas: state.deltas.length,
      snapshotBytes: snapshotLength(state),
      rrdpSerial: state.serial,
    }
  })
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}

export interface PubserverWriteReport {
  readonly into: string
  readonly serial: number
  readonly files: number
  readonly bytes: number
  readonly report: WriteReport | null
}

/** Rebuilds the published tree from the state, with the same names and bytes, and ignores what `repo/` holds. */
export async function rebuildTree(session: Session): Promise<PubserverWriteReport> {
  await renumberAll(session)
  return session.store.write(async (writer) => {
    await refuseServedAhead(session, new Work(writer))
    const tx = openContext(session, writer, { signer: countingSigner(session), isDryRun: true })
    const tree = publishTree(session, tx, tx.ports.clock.now(), { isCommitted: false, rebuild: true })
    const report = tree?.report ?? null
    const files = report === null ? 0 : report.rsync.files + report.rrdp.files + report.ta.files
    const bytes = report === null ? 0 : report.rsync.bytes + report.rrdp.bytes
    return { into: session.repoDir, serial: report?.serial ?? 0, files, bytes, report }
  })
}

/** Writes the published objects into `into` as a validator cache that `rpki-client -n -d DIR` reads. Needs no lock. */
export async function writeCacheInto(session: Session, into: string): Promise<PubserverWriteReport> {
  const { writeValidatorCache } = await import('../../publication/validator-cache.js')
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = pubdState(work)
    const { objectPath } = publicationTarget(session, { work }, state)
    const { files, bytes } = writeValidatorCache({ into, state, objectPath, ta: trustAnchors({ work }) })
    return { into, serial: state.serial, files, bytes, report: null }
  })
}
