/**
 * `recover` over a long history compared with reading and hashing the same files: replay of every event, since no snapshot is valid, and
 * the common case of valid snapshots and one damaged event. `BENCH_EVENTS` sets the length.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { openSession } from '../src/core/app/session/session.js'
import { parseHandle } from '../src/core/base/handle.js'
import type { Json } from '../src/core/base/json.js'
import type { CaEvent } from '../src/core/ca/aggregate.js'
import { sha256Hex } from '../src/core/crypto/digest.js'
import { newFolder } from './support/folder.js'
import { brine, type Measured, median, say } from './support/run.js'

const EVENTS = Number(process.env['BENCH_EVENTS'] ?? 4000)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3)
const ACME = { kind: 'ca' as const, handle: parseHandle('acme') }
/** Events of a command: ROAs are added and removed, so that history is long and the publication remains valid. */
const EVENTS_PER_COMMAND = 2
const ROAS_PER_EVENT = 6

function eventsOf(n: number, at: ReturnType<Awaited<ReturnType<typeof openSession>>['now']>): readonly CaEvent[] {
  const roas = Array.from({ length: ROAS_PER_EVENT }, (_, i) => ({
    asn: 64496 + (n % 16),
    prefix: `10.${n % 256}.${i}.0/24`,
    maxLength: 24,
    comment: `order ${n}`,
    since: at,
  }))
  return [
    { type: 'roas.updated', added: roas, removed: [] },
    { type: 'roas.updated', added: [], removed: roas.map((roa) => `${roa.prefix}-24 => ${roa.asn}`) },
  ]
}

/** Writes commits like the program, without fsync, since they need not survive a power failure. */
async function grow(dataDir: string): Promise<void> {
  const session = await openSession({ dataDir, actor: 'bench', osUser: 'bench', host: 'bench', command: 'bench' })
  const synced = fs.fsyncSync
  fs.fsyncSync = () => undefined
  syncBuiltinESMExports()
  try {
    await session.store.write(async (writer) => {
      const loaded = writer.load(ACME)
      let [version, sequence] = [loaded?.version ?? 0, loaded?.sequence ?? 0]
      const state = await stateOf(session)
      while (version < EVENTS) {
        const at = session.now()
        const meta = { at, actor: 'bench', osUser: 'bench', host: 'bench', configDigest: session.configDigest }
        const effect = { result: 'accepted' as const, events: eventsOf(sequence, at), state }
        const command = { type: 'roas.update', args: {} }
        writer.commit({ meta, objects: new Map(), aggregates: [{ id: ACME, version, sequence, command, effect }] })
        version += EVENTS_PER_COMMAND
        sequence += 1
        if (sequence % 1000 === 0) dropOldSnapshots(session.store.layout.folder(ACME))
      }
    })
  } finally {
    fs.fsyncSync = synced
    syncBuiltinESMExports()
  }
}

async function stateOf(session: Awaited<ReturnType<typeof openSession>>): Promise<Json> {
  const { caState } = await import('../src/core/app/session/context.js')
  const { Work } = await import('../src/core/eventsourcing/work.js')
  return session.store.read(async (reader) => caState(new Work(reader), ACME.handle) as unknown as Json)
}

/** Removes snapshots that no load starts from, as the program does after a day. */
function dropOldSnapshots(folder: string): void {
  const numbers = fs.readdirSync(folder).flatMap((name) => /^snapshot-(\d+)\.json$/.exec(name)?.[1] ?? [])
  const old = numbers
    .map(Number)
    .sort((a, b) => a - b)
    .slice(0, -2)
  for (const n of old) fs.rmSync(join(folder, `snapshot-${n}.json`))
}

function flip(path: string): void {
  const bytes = fs.readFileSync(path)
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
  fs.writeFileSync(path, bytes)
}

function filesBelow(dir: string): readonly string[] {
  return fs
    .readdirSync(dir, { recursive: true, withFileTypes: true })
    .flatMap((entry) => (entry.isFile() ? [join(entry.parentPath, entry.name)] : []))
}

/** Reads and hashes every byte once: the minimum for any proof. */
function readAll(dirs: readonly string[]): void {
  const paths = dirs.flatMap(filesBelow)
  const started = performance.now()
  let size = 0
  for (const path of paths) {
    const bytes = fs.readFileSync(path)
    sha256Hex(bytes)
    size += bytes.length
  }
  const wall = performance.now() - started
  row('read + SHA-256, the limit', wall, 0, `, ${paths.length} files, ${(size / 1e6).toFixed(0)} MB`)
}

function row(name: string, wall: number, peak: number, more = ''): void {
  const memory = peak === 0 ? '' : `, peak ${peak.toFixed(0)} MiB`
  say(
    `${name.padEnd(38)} ${(wall / 1000).toFixed(2)} s, ${Math.round(EVENTS / (wall / 1000))} events/s${memory}${more}`,
  )
}

function rowOf(name: string, runs: readonly Measured[]): void {
  const peak = Math.max(...runs.map((r) => r.peak))
  row(name, median(runs.map((r) => r.wall)), peak)
}

const folder = newFolder()
const data = join(folder, 'data')
const acme = join(data, 'cas', 'acme')
try {
  await brine(data, 'testbed', 'init')
  await brine(data, 'ca', 'add', 'acme', '--under', 'testbed', '--resources', '10.0.0.0/8')
  const started = performance.now()
  await grow(data)
  dropOldSnapshots(acme)
  say(`${EVENTS} events made in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  readAll([acme, join(data, 'commits')])
  rowOf('audit verify --full', [await brine(data, 'audit', 'verify', '--full')])
  rowOf('recover --dry-run, nothing to do', [await brine(data, 'recover', '--dry-run')])
  const caches = fs.readdirSync(acme).filter((name) => /^(snapshot|info)/.test(name))
  const kept = caches.map((name) => [join(acme, name), fs.readFileSync(join(acme, name))] as const)
  const replayed: Measured[] = []
  for (let round = 0; round < ROUNDS; round++) {
    for (const [path] of kept) if (/-\d+\.json$/.test(path)) flip(path)
    const done = await brine(data, 'recover', '--json')
    if (!/"snapshot": ?null/.test(done.output)) throw new Error(`not replayed from the first event: ${done.output}`)
    replayed.push(done)
    await brine(data, 'audit', 'verify')
    for (const [path, bytes] of kept) fs.writeFileSync(path, bytes)
  }
  rowOf('recover, no snapshot: replay of all', replayed)
  const flipped: Measured[] = []
  for (let round = 0; round < ROUNDS; round++) {
    flip(join(acme, `event-${(EVENTS >> 1) + round}.json`))
    flipped.push(await brine(data, 'recover'))
  }
  rowOf('recover, snapshot sound, a byte flipped', flipped)
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}
