/** A data directory with very many CAs: registries under the CA `testbed`, below them one CA for each origin AS, with its ROAs. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createCa, placeAllUnder, placeUnder } from '../../src/core/app/authority/cas.js'
import { runCa, type TransactionContext } from '../../src/core/app/session/context.js'
import { openSession, type Session } from '../../src/core/app/session/session.js'
import { transact } from '../../src/core/app/transaction/transact.js'
import { type Handle, parseHandle } from '../../src/core/base/handle.js'
import { addSeconds, type Instant } from '../../src/core/base/time.js'
import { keyIdOf } from '../../src/core/crypto/digest.js'
import { parseResources, union } from '../../src/core/resources/resource-set.js'
import { parseRoaPayload } from '../../src/core/resources/roa-payload.js'
import type { ResourceSet, RoaPayload } from '../../src/core/resources/types.js'
import type { Origin } from './internet.js'
import { generateFrom, MadeKeys } from './made-keys.js'
import { brineAt } from './run.js'

/** Children of one registry: the five real ones have more, and a member hosts most of them elsewhere. */
const UNDER_EACH = 1000
/** CAs in one commit. */
const BATCH = Number(process.env['BENCH_BATCH'] ?? 250)
/** ROAs of an AS with more routes than this are aggregated: an AS needs one object, not one for each route. */
const AGGREGATE = Number(process.env['BENCH_AGGREGATE'] ?? 1)

export interface Filled {
  readonly data: string
  /** Time of the newest commit. */
  readonly now: Instant
  readonly cas: number
  readonly roas: number
  /** Milliseconds. */
  readonly wall: number
  readonly cpu: number
}

const START = '2026-03-01T00:00:00Z' as Instant
const CONFIG = `
roa_aggregate_threshold = ${AGGREGATE}
roa_deaggregate_threshold = 0
archive_threshold_days = 30
`
const HELD = 'rrdp_interval = "1d"\n'

const made = new MadeKeys()

/** Returns the number of one-time keys that a renewal of everything takes: each CA and each registry signs a manifest. */
export function poolFor(cas: number): number {
  return cas + Math.ceil(cas / UNDER_EACH) + 10
}

/** Fills the key pool with made keys, since 180 ms for each would be all that is measured. */
export function fillPool(data: string, count: number): void {
  for (let n = 0; n < count; n++) {
    const { privateKey, publicKey } = made.next()
    const id = keyIdOf(new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })))
    const bytes = privateKey.export({ type: 'pkcs8', format: 'der' })
    writeFileSync(join(data, 'keys', 'pool', id), bytes, { mode: 0o600 })
  }
}

/** Makes a directory and fills it. Nothing is published before the end: the next `tick` publishes all at once. */
export async function fill(folder: string, all: readonly Origin[], progress: (cas: number) => void): Promise<Filled> {
  const data = join(folder, `cas-${all.length}`)
  const uris = ['--rsync', 'rsync://rpki.example/repo/', '--rrdp', 'https://rpki.example/rrdp/']
  await brineAt(START, data, 'testbed', 'init', '--test', ...uris)
  const config = join(data, 'brine.toml')
  const before = readFileSync(config, 'utf8')
  writeFileSync(config, `${before}${CONFIG}${HELD}`)
  generateFrom(made)
  const started = { wall: performance.now(), cpu: process.cpuUsage() }
  let now = START
  for (let at = 0; at < all.length; at += BATCH) {
    now = addSeconds(now, BATCH)
    const batch = all.slice(at, at + BATCH)
    const registry = parseHandle(`registry-${Math.floor(at / UNDER_EACH)}`)
    const isNew = at % UNDER_EACH === 0
    const session = await sessionAt(data, now)
    await transact(session, async (tx) => {
      if (isNew) await addRegistry(tx, registry, all.slice(at, at + UNDER_EACH))
      await addOrigins(tx, registry, batch)
    })
    progress(at + batch.length)
  }
  const { user, system } = process.cpuUsage(started.cpu)
  writeFileSync(config, `${before}${CONFIG}`)
  return {
    ...{ data, now, cas: all.length, roas: all.reduce((sum, { prefixes }) => sum + prefixes.length, 0) },
    ...{ wall: performance.now() - started.wall, cpu: (user + system) / 1000 },
  }
}

function sessionAt(dataDir: string, now: Instant): Promise<Session> {
  const who = { actor: 'bench', osUser: 'bench', host: 'bench', command: 'bench' }
  return openSession({ dataDir, nowOverride: now, ...who })
}

async function addRegistry(tx: TransactionContext, registry: Handle, members: readonly Origin[]): Promise<void> {
  await createCa(tx, registry)
  await placeUnder(tx, registry, parseHandle('testbed'), members.map(resourcesOf).reduce(union))
}

async function addOrigins(tx: TransactionContext, registry: Handle, origins: readonly Origin[]): Promise<void> {
  const all = origins.map((origin) => ({ origin, handle: parseHandle(`as${origin.asn}`) }))
  for (const { handle } of all) await createCa(tx, handle)
  const places = all.map(({ origin, handle }) => ({ handle, resources: resourcesOf(origin) }))
  await placeAllUnder(tx, registry, places)
  for (const { origin, handle } of all) {
    const add = origin.prefixes.map((prefix) => ({ payload: payloadOf(`${prefix} => ${origin.asn}`), comment: null }))
    await runCa(tx, handle, { type: 'roas.update', add, remove: [] })
  }
}

function resourcesOf({ asn, prefixes }: Origin): ResourceSet {
  return parseResources([`AS${asn}`, ...prefixes].join(', '))
}

function payloadOf(text: string): RoaPayload {
  const parsed = parseRoaPayload(text)
  if (!('ok' in parsed)) throw new Error(`${text}: not a ROA`)
  return parsed.ok.payload
}
