/**
 * `pubserver probe`: asks every repository server whether it serves what is published, and writes the pool files of load balancers.
 * Invariants: all servers at once, each within its time; no write lock; nothing of history changes.
 */
import { resolve } from 'node:path'
import { AppError } from '../../base/errors.js'
import { didYouMean } from '../../base/nearest.js'
import type { Instant } from '../../base/time.js'
import type { PoolForm, RepositoryServer } from '../../config/repository/schema.js'
import { askRrdp } from '../../distribution/ask-rrdp.js'
import { askRsync } from '../../distribution/ask-rsync.js'
import type { Published } from '../../distribution/judge-rrdp.js'
import { poolOf, poolText, writePool } from '../../distribution/pool-file.js'
import {
  type ProbedPart,
  type ProbedServer,
  type ProbeRecord,
  readProbe,
  writeProbe,
} from '../../distribution/probe-record.js'
import { isGood, type ServedPart } from '../../distribution/served-part.js'
import { Work } from '../../eventsourcing/work.js'
import { readRrdpRecord } from '../../publication/writer-records.js'
import { pubdState } from '../session/context.js'
import type { Session } from '../session/session.js'
import { refuseDisabledServers } from './configured.js'

export interface ProbeOptions {
  /** Names; empty: all. */
  readonly servers: readonly string[]
  /** Every RRDP delta is fetched, not only the newest. */
  readonly isFull: boolean
  /** `brine/<version>`. */
  readonly userAgent: string
}

export interface ProbedPool {
  readonly file: string
  readonly form: PoolForm
  readonly members: readonly string[]
  readonly out: readonly string[]
  readonly changed: boolean
  /** Why no server was taken out, or why the file was not written; null without a reason. */
  readonly warning: string | null
}

export interface ProbeReport {
  readonly at: Instant
  readonly role: 'primary' | 'standby'
  readonly session: string
  /** The serial that is published. */
  readonly serial: number
  /** In the order of the configuration. */
  readonly servers: readonly ProbedServer[]
  readonly failed: number
  /** Empty if only some servers were probed, and on a stand-by. */
  readonly pools: readonly ProbedPool[]
}

/**
 * Probes the servers. What is wrong with one is in the report. Throws `config-section-invalid`, `servers-missing`, `server-unknown`,
 * `pubserver-missing` (usage).
 */
export async function probeServers(session: Session, options: ProbeOptions): Promise<ProbeReport> {
  const all = serversOf(session)
  const servers = selected(all, options.servers)
  const { role } = session.store.role()
  const published = (): Promise<Published> => readPublished(session)
  await published().then(refuseUnpublished)
  const parts = await Promise.all(servers.map((server) => ask(session, server, options, published)))
  const { state } = await published()
  const at = session.now()
  const before = readProbe(session.store.status)
  const { maxLag } = session.loaded.repository
  const probed = servers.map((server, n) => {
    const [rrdp, rsync] = (parts[n] ?? []).map((part) => judged(part, at, maxLag))
    return serverRow(server.name, rrdp ?? null, rsync ?? null, at, before)
  })
  const isWritten = role === 'primary' && servers.length === all.length
  const pools = isWritten ? session.loaded.repository.pools.map((pool) => writeOne(all, probed, pool, before)) : []
  if (role === 'primary') record(session, at, state.serial, probed, pools, before)
  const failed = probed.filter(({ ok }) => !ok).length
  return { at, role, session: state.sessionId, serial: state.serial, servers: probed, failed, pools }
}

function ask(
  session: Session,
  server: RepositoryServer,
  { isFull, userAgent }: ProbeOptions,
  published: () => Promise<Published>,
): Promise<readonly (ServedPart | null)[]> {
  const seconds = session.loaded.repository.probeTimeout
  const objectPath = (sha256: string): string => resolve(session.store.dir, 'objects', sha256.slice(0, 2), sha256)
  const state = async (): Promise<Published['state']> => (await published()).state
  return Promise.all([
    server.notification === undefined ? null : askRrdp({ server, seconds, userAgent, published, isFull }),
    server.rsync === undefined ? null : askRsync({ server, seconds, published: state, objectPath }),
  ])
}

async function readPublished({ store, repoDir }: Session): Promise<Published> {
  const state = await store.read(async (reader) => pubdState(new Work(reader)))
  return { state, record: readRrdpRecord(resolve(repoDir, '.state')) }
}

function judged(part: ServedPart | null, at: Instant, maxLag: number): ProbedPart | null {
  return part === null ? null : { ...part, good: isGood(part, at, maxLag) }
}

function serverRow(
  name: string,
  rrdp: ProbedPart | null,
  rsync: ProbedPart | null,
  at: Instant,
  before: ProbeRecord | undefined,
): ProbedServer {
  const ok = [rrdp, rsync].every((part) => part?.good !== false)
  const last = before?.servers.find((one) => one.name === name)
  return {
    name,
    ok,
    rrdp,
    rsync,
    failingSince: ok ? null : (last?.failingSince ?? at),
    lastOk: ok ? at : (last?.lastOk ?? null),
  }
}

/** Writes one pool file. A file that cannot be written is a warning: the servers are reported anyway. */
function writeOne(
  all: readonly RepositoryServer[],
  probed: readonly ProbedServer[],
  config: Session['loaded']['repository']['pools'][number],
  before: ProbeRecord | undefined,
): ProbedPool {
  const { file, form, parts } = config
  const uris = { rrdp: 'notification', rsync: 'rsync' } as const
  const servers = all.filter((server) => parts.some((part) => server[uris[part]] !== undefined))
  const good = (name: string): boolean => {
    const row = probed.find((one) => one.name === name)
    return row !== undefined && parts.every((part) => row[part]?.good !== false)
  }
  const names = servers.map(({ name }) => name)
  const { members, out, isKept } = poolOf(names, good, before?.pools[file] ?? [])
  const kept = isKept ? `no server is in order: the pool stays ${members.join(', ')}` : null
  try {
    const changed = writePool(file, poolText(config, servers, members))
    return { file, form, members, out, changed, warning: kept }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { file, form, members, out, changed: false, warning: `not written: ${error.message}` }
  }
}

/** Records the probe. Servers that were not asked keep their last result. */
function record(
  session: Session,
  at: Instant,
  serial: number,
  probed: readonly ProbedServer[],
  pools: readonly ProbedPool[],
  before: ProbeRecord | undefined,
): void {
  const servers = session.loaded.repository.servers.flatMap(
    ({ name }) => [...probed, ...(before?.servers ?? [])].find((one) => one.name === name) ?? [],
  )
  const members =
    pools.length === 0 ? before?.pools : Object.fromEntries(pools.map((pool) => [pool.file, pool.members]))
  try {
    writeProbe(session.store.status, { at, serial, servers, pools: members ?? {} })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    session.options.onNotice?.(`cannot write status/servers: ${error.message}`)
  }
}

function serversOf(session: Session): readonly RepositoryServer[] {
  refuseDisabledServers(session)
  const { servers } = session.loaded.repository
  if (servers.length > 0) return servers
  throw new AppError('usage', 'servers-missing', 'no repository server is configured', {
    hint: `add a [[repository.server]] to ${session.configPath}: man brine.toml`,
  })
}

function selected(all: readonly RepositoryServer[], names: readonly string[]): readonly RepositoryServer[] {
  const known = all.map(({ name }) => name)
  const unknown = names.find((name) => !known.includes(name))
  if (unknown !== undefined)
    throw new AppError(
      'usage',
      'server-unknown',
      `no repository server ${JSON.stringify(unknown)}${didYouMean(unknown, known)}`,
      {
        hint: `configured are ${known.join(', ')}`,
      },
    )
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name))
}

function refuseUnpublished({ state }: Published): void {
  if (state.serial > 0) return
  throw new AppError('usage', 'pubserver-missing', 'there is no publication server in this data directory', {
    hint: 'brine pubserver init',
  })
}
