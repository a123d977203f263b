/**
 * Publishers and children elsewhere for `status`: how long each has been silent, what it publishes here, and when that goes stale. A pure read;
 * imported only where there are ID keys.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { addSeconds, type Duration, formatDuration, type Instant, secondsBetween } from '../../base/time.js'
import type { Config } from '../../config/schema.js'
import type { Work } from '../../eventsourcing/work.js'
import { type IdEnds, idEnds } from '../../identity/id-ends.js'
import { lastHeardAt } from '../../peers/heard.js'
import { type ListedPublisher, manifestsStaleAt, publisherRows } from '../exchange/server/publishers.js'
import { pubdState, readCas } from '../session/context.js'
import type { Session } from '../session/session.js'
import type { StatusFinding } from './finding.js'

/** A publisher elsewhere. */
export interface StatusPublisher {
  readonly publisher: Handle
  readonly addedAt: Instant
  /** Null if it never sent a message. */
  readonly lastMessage: Instant | null
  readonly objects: number
  readonly bytes: number
  /** Time at which the first of its manifests goes stale; null without a manifest that can be read. */
  readonly staleAt: Instant | null
  readonly idUntil: IdEnds | null
}

/** A child elsewhere. */
export interface StatusChild {
  readonly ca: Handle
  readonly child: Handle
  /** Its last message; null if none is known. */
  readonly heardAt: Instant | null
  /** Since when it is suspended; null if it is not. */
  readonly suspended: Instant | null
  readonly idUntil: IdEnds | null
}

export interface ServedPeers {
  readonly publishers: readonly StatusPublisher[]
  readonly children: readonly StatusChild[]
}

const HOUR = 3600
const MEGABYTE = 1_000_000
/** A CA renews its manifest hours before the end: that nothing has come by then is a fault of the publisher. */
const SOON_SECONDS = 2 * HOUR

/** Reads the publishers and children elsewhere, sorted by name. What cannot be read is a finding of its own. */
export async function servedPeers(session: Session, work: Work): Promise<ServedPeers> {
  const publishers: StatusPublisher[] = []
  for (const row of elsewhere(session, work)) publishers.push(await publisherOf(work, row))
  const { dataDir } = session.options
  const children = readCas(work).cas.flatMap((state) =>
    Object.entries(state.children).flatMap(([name, link]): readonly StatusChild[] => {
      const [ca, child, { suspended = null }] = [state.handle, name as Handle, link]
      if (link.transport === 'local') return []
      return [{ ca, child, heardAt: lastHeardAt(dataDir, { ca, child }), suspended, idUntil: idEnds(state, link) }]
    }),
  )
  return { publishers, children }
}

function elsewhere(session: Session, work: Work): readonly ListedPublisher[] {
  try {
    return publisherRows(session, pubdState(work)).filter(({ row }) => row.transport === 'rfc8181')
  } catch (error) {
    if (error instanceof AppError && (error.kind === 'corrupt' || error.kind === 'format')) return []
    throw error
  }
}

async function publisherOf(work: Work, { known, row }: ListedPublisher): Promise<StatusPublisher> {
  const { publisher, lastMessage, objects, bytes } = row
  const staleAt = await manifestsStaleAt(work, known)
  const idUntil = idEnds(pubdState(work), known.remote ?? {})
  return { publisher, addedAt: known.addedAt, lastMessage, objects, bytes, staleAt, idUntil }
}

type Limits = Pick<Config, 'publisherSilentAfterHours' | 'publisherWarnMb'>

/** Returns the findings of a publisher: stale or nearly, silent for long, and larger than expected. Pure. */
export function publisherFindings(
  { publisher, addedAt, lastMessage, bytes, staleAt }: StatusPublisher,
  { publisherSilentAfterHours, publisherWarnMb }: Limits,
  now: Instant,
): readonly StatusFinding[] {
  const finding = (code: string, message: string): StatusFinding => ({
    ...{ level: 'warning', code, message: `publisher ${publisher} ${message}` },
    hint: `brine pubserver publisher show ${publisher}`,
  })
  const since = lastMessage ?? addedAt
  const isSilent = addSeconds(since, publisherSilentAfterHours * HOUR) <= now
  return [
    ...(staleAt === null || staleAt > addSeconds(now, SOON_SECONDS)
      ? []
      : [finding('publisher-stale', stale(staleAt, now))]),
    ...(isSilent ? [finding('publisher-silent', silent(lastMessage, addedAt))] : []),
    ...(bytes > publisherWarnMb * MEGABYTE
      ? [
          finding(
            'publisher-large',
            `has ${Math.floor(bytes / MEGABYTE)} MB here, more than publisher_warn_mb = ${publisherWarnMb}`,
          ),
        ]
      : []),
  ]
}

function stale(staleAt: Instant, now: Instant): string {
  if (staleAt <= now) return `has a manifest that is stale since ${staleAt}: relying parties refuse what it lists`
  const left = formatDuration(secondsBetween(now, staleAt) as Duration)
  return `has a manifest that goes stale at ${staleAt}, in ${left}, and has not renewed it`
}

function silent(lastMessage: Instant | null, addedAt: Instant): string {
  return lastMessage === null
    ? `has sent no message since it was added at ${addedAt}`
    : `has sent no message since ${lastMessage}`
}
