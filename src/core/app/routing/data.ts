/** Announcements and VRPs of others for one command: read from the files that its flags or the configuration name, with their age. */
import { AppError } from '../../base/errors.js'
import { formatDuration, type Instant, secondsBetween } from '../../base/time.js'
import type { IgnoredRoute } from '../../config/routing/schema.js'
import type { ResourceSet, RoaPayload } from '../../resources/types.js'
import type { Announcements } from '../../routing/announcements.js'
import type { DumpCounts } from '../../routing/dump-reader.js'
import { readAnnouncements } from '../../routing-files/announcement-files.js'
import type { DataFile } from '../../routing-files/file-bytes.js'
import { readVrps } from '../../routing-files/vrp-files.js'

const HOUR = 3600

export interface RoutingSources {
  /** Files of announcements. */
  readonly bgp: readonly string[]
  /** JSON of a validator. */
  readonly vrps: string | undefined
  /** A route that fewer peers of the collector see is left out. */
  readonly minPeers: number
  /** Seconds after which data is too old to judge by. */
  readonly maxAge: number
  /** Takes data of any age. */
  readonly staleAllowed: boolean
  /** Announcements that people have judged. */
  readonly ignored: readonly IgnoredRoute[]
}

/** Sources of a report: files, their times, and the numbers of their lines. */
export interface RoutingDataReport extends Omit<DumpCounts, 'examples'> {
  readonly files: readonly DataFile[]
  /** Time of the oldest of the files. */
  readonly time: Instant
  readonly minPeers: number
  /** Null if only our own ROAs decide. */
  readonly vrps: (DataFile & { readonly count: number; readonly expired: number; readonly unreadable: number }) | null
}

export interface RoutingData {
  readonly tables: readonly Announcements[]
  /** VRPs of the validator that touch the scope, ours among them. */
  readonly vrps: readonly RoaPayload[]
  readonly report: RoutingDataReport
  /** The first lines that could not be read. */
  readonly examples: DumpCounts['examples']
}

/** Reads what lies in `scope`, and with `overlapping` what shares addresses with it. Throws `bgp-stale` and `vrps-stale` (usage), and what the readers of files throw. */
export async function loadRoutingData(
  sources: RoutingSources,
  scope: Pick<ResourceSet, 'ipv4' | 'ipv6'>,
  now: Instant,
  { overlapping = false }: { readonly overlapping?: boolean } = {},
): Promise<RoutingData> {
  const { bgp, minPeers } = sources
  const { ipv4, ipv6, counts, files } = await readAnnouncements(bgp, { scope, minPeers, overlapping })
  for (const file of files) refuseAge('bgp-stale', file, sources, now)
  const vrps = sources.vrps === undefined ? undefined : await readVrps(sources.vrps, scope, now)
  if (vrps !== undefined) refuseAge('vrps-stale', vrps, sources, now)
  const { examples, ...numbers } = counts
  const times = files.map(({ time }) => time).toSorted()
  return {
    tables: [ipv4, ipv6],
    vrps: vrps?.vrps ?? [],
    report: { files, time: times[0] ?? now, minPeers, ...numbers, vrps: vrps === undefined ? null : reportOf(vrps) },
    examples,
  }
}

function reportOf({ path, time, count, expired, unreadable }: Awaited<ReturnType<typeof readVrps>>) {
  return { path, time, count, expired, unreadable }
}

/** Refuses data that is older than allowed, or of the future: then one of two clocks is wrong, and its age is not known. */
function refuseAge(code: string, { path, time }: DataFile, sources: RoutingSources, now: Instant): void {
  if (sources.staleAllowed) return
  const age = secondsBetween(time, now)
  const what = `${path} is of ${time}`
  const hint = 'fetch it again, or take it as it is: --stale-bgp'
  const details = { path, time }
  if (age > sources.maxAge)
    throw new AppError('usage', code, `${what}, ${formatDuration(age)} ago: too old to judge by`, { hint, details })
  if (age < -HOUR) throw new AppError('usage', code, `${what}, which is in the future`, { hint, details })
}
