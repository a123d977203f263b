/** Use cases of `brine ta`: create the embedded trust anchor, show it, print its TAL. */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { Work } from '../../eventsourcing/work.js'
import { publisherBase, skippedUris } from '../../pubd/uri.js'
import { taLocator } from '../../ta/locator.js'
import type { TaPlace } from '../../ta/state.js'
import { type Outcome, outcomeOf } from '../changes/outcome.js'
import {
  caState,
  pubdState,
  runPubd,
  runTa,
  TA_HANDLE,
  type TransactionContext,
  taState,
  theTa,
} from '../session/context.js'
import type { Session } from '../session/session.js'
import { transact } from '../transaction/transact.js'

export interface TaReport extends Outcome {
  readonly handle: Handle
  readonly uris: readonly string[]
  readonly ski: string | null
  /** URIs that validators skip by default; absent without one. */
  readonly warnings?: readonly string[]
}

export interface TalReport {
  readonly handle: Handle
  readonly uris: readonly string[]
  readonly tal: string
  /** The file that it was written to. */
  readonly out: string | null
}

export interface TaShowReport {
  readonly handle: Handle
  readonly ski: string
  readonly uris: readonly string[]
  readonly notAfter: string | null
  readonly children: readonly Handle[]
  readonly manifestNumber: number
  readonly thisUpdate: string | null
  readonly nextUpdate: string | null
}

/** Creates the trust anchor `ta` with key, certificate and first manifest. `uris` all name its certificate, https first. */
export async function initTa(
  session: Session,
  uris: readonly string[],
  options: { readonly dryRun?: boolean } = {},
): Promise<TaReport> {
  const warnings = skippedUris(uris)
  const done = await transact(session, async (tx) => createTa(tx, uris), options)
  for (const warning of warnings) session.options.onNotice?.(warning)
  return {
    handle: TA_HANDLE,
    ...done.result,
    ...outcomeOf(done, 'ta', TA_HANDLE, null, options.dryRun),
    ...(warnings.length === 0 ? {} : { warnings }),
  }
}

/** Creates the trust anchor and its publisher. Throws `pubserver-not-initialised`, `ta-duplicate`, `ca-duplicate` (rejected). */
export async function createTa(tx: TransactionContext, uris: readonly string[]) {
  const server = pubdState(tx.work)
  if (server.serial === 0) {
    throw new AppError(
      'rejected',
      'pubserver-not-initialised',
      'a trust anchor needs a publication server, and this data directory has none yet',
      {
        hint: 'brine pubserver init --rsync rsync://… --rrdp https://…',
      },
    )
  }
  if (tx.work.exists('ca', TA_HANDLE) && caState(tx.work, TA_HANDLE).status === 'active')
    throw new AppError('rejected', 'ca-duplicate', `a CA has the handle ${TA_HANDLE}, which the trust anchor needs`)
  const base = publisherBase(server.rsyncBase, TA_HANDLE)
  const place: TaPlace = { uris, base, notify: `${server.rrdpBase}notification.xml` }
  await runTa(tx, TA_HANDLE, { type: 'ta.init', place })
  await runPubd(tx, { type: 'publisher.add', publisher: TA_HANDLE, base })
  return { uris, ski: taState(tx.work, TA_HANDLE).key?.ski ?? null }
}

/** Returns the trust anchor locator (RFC 8630). */
export async function showTal(session: Session): Promise<Omit<TalReport, 'out'>> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = taState(work, theTa(work))
    return { handle: state.handle, uris: state.place?.uris ?? [], tal: taLocator(state) }
  })
}

export async function showTa(session: Session): Promise<TaShowReport> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = taState(work, theTa(work))
    return {
      handle: state.handle,
      ski: state.key?.ski ?? '',
      uris: state.place?.uris ?? [],
      notAfter: state.certificate?.notAfter ?? null,
      children: Object.keys(state.children).sort() as Handle[],
      manifestNumber: state.point.number,
      thisUpdate: state.point.thisUpdate,
      nextUpdate: state.point.nextUpdate,
    }
  })
}
