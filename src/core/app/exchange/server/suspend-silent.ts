/**
 * Suspension of children elsewhere that sent no message for too long, for `tick`. Invariant: only silence counts during which this directory could
 * be reached: after a pause of `tick`, and where nothing is known of the past, the time begins anew.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { isObject } from '../../../base/shape.js'
import { addSeconds, type Instant, later, parseInstant, secondsBetween } from '../../../base/time.js'
import { Work } from '../../../eventsourcing/work.js'
import { readHeard, recordSilence } from '../../../peers/heard.js'
import { handlesOfRun, type Indexing } from '../../republishing/due-plan.js'
import { readCas, runCa } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { transact } from '../../transaction/transact.js'

const WATCH = 'children-watched'
/** A longer pause of `tick` means that this directory may not have been reachable. */
const PAUSE_SECONDS = 6 * 3600

export interface SuspendedReport {
  readonly done: readonly { readonly ca: Handle; readonly child: Handle }[]
  readonly failed: readonly { readonly ca: Handle; readonly code: string; readonly message: string }[]
}

/** Suspends the children of every CA that were silent for `hours`; a CA that fails does not stop the others. Throws `io`. */
export async function suspendSilent(session: Session, hours: number, index?: Indexing): Promise<SuspendedReport> {
  const now = session.now()
  const since = watchedSince(session, now)
  const silent = await silentChildren(session, addSeconds(now, -hours * 3600), since, index)
  const done: { ca: Handle; child: Handle }[] = []
  const failed: { ca: Handle; code: string; message: string }[] = []
  for (const { ca, child, also } of byParent(silent)) {
    const command = { type: 'child.suspend', child, ...(also.length === 0 ? {} : { also }) } as const
    const all = [child, ...also]
    try {
      await transact(session, async (tx) => void (await runCa(tx, ca, command)))
      done.push(...all.map((name) => ({ ca, child: name })))
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      failed.push(...all.map((name) => ({ ca, code: error.code, message: `child ${name}: ${error.message}` })))
    }
  }
  return { done, failed }
}

/** Returns the children of each CA: they are suspended in one command, with one manifest. */
function byParent(silent: readonly { readonly ca: Handle; readonly child: Handle }[]) {
  const parents = new Map<Handle, { readonly ca: Handle; readonly child: Handle; readonly also: Handle[] }>()
  for (const { ca, child } of silent) {
    const known = parents.get(ca)
    if (known === undefined) parents.set(ca, { ca, child, also: [] })
    else known.also.push(child)
  }
  return parents.values()
}

/** Returns since when `tick` has run without a long pause, and records this run. */
function watchedSince({ store }: Session, now: Instant): Instant {
  const value = store.status.read(WATCH)
  const time = (member: string): Instant | undefined => {
    const text = isObject(value) ? value[member] : undefined
    return typeof text === 'string' ? parseInstant(text) : undefined
  }
  const [since, last] = [time('since'), time('last')]
  const isUnbroken =
    since !== undefined &&
    last !== undefined &&
    since <= last &&
    last <= now &&
    secondsBetween(last, now) <= PAUSE_SECONDS
  const from = isUnbroken ? since : now
  store.status.write(WATCH, { since: from, last: now })
  return from
}

function silentChildren(
  session: Session,
  before: Instant,
  watched: Instant,
  index: Indexing | undefined,
): Promise<readonly { readonly ca: Handle; readonly child: Handle }[]> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    return readCas(work, handlesOfRun(session, reader, work, index)).cas.flatMap(({ handle: ca, children }) =>
      Object.entries(children).flatMap(([name, { transport, suspended, issued }]) => {
        const child = name as Handle
        if (transport !== 'rfc6492' || suspended !== undefined || Object.keys(issued).length === 0) return []
        const heard = readHeard(session.options.dataDir, { ca, child })
        // a lost file must not suspend a child that only lists
        if (heard === undefined) recordSilence(session.options.dataDir, { ca, child }, session.now())
        return heard !== undefined && later(heard.at, watched) <= before ? [{ ca, child }] : []
      }),
    )
  })
}
