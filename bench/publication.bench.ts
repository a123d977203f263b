/**
 * One more object in a repository of 20,000 compared with one of 20: time and bytes of rsync tree and RRDP, and the time of the disk for
 * the bytes alone. Replay of an event that changes every publisher, by their number.
 */
import fs from 'node:fs'
import { dirname, join } from 'node:path'
import { parseHandle } from '../src/core/base/handle.js'
import { addSeconds, type Instant } from '../src/core/base/time.js'
import { sha256Hex } from '../src/core/crypto/digest.js'
import type { Sha256 } from '../src/core/crypto/ports.js'
import { createSoftSigner } from '../src/core/crypto/soft-signer.js'
import { PUBD_HANDLE, type PubdCommand, pubd } from '../src/core/pubd/aggregate.js'
import type { ObjectPut } from '../src/core/pubd/content.js'
import { DEFAULT_RETENTION } from '../src/core/pubd/ports.js'
import type { PubdState } from '../src/core/pubd/state.js'
import { publisherBase } from '../src/core/pubd/uri.js'
import { type WriteReport, writeTree } from '../src/core/publication/writer.js'
import { fixedKeys } from '../test/support/rpki/fixed-keys.js'
import { createMemoryKeyStore } from '../test/support/store/memory-key-store.js'
import { newFolder } from './support/folder.js'
import { median, say } from './support/run.js'

const signer = createSoftSigner({ keyStore: createMemoryKeyStore(), source: fixedKeys() })

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 7)
const SIZES = (process.env['BENCH_OBJECTS'] ?? '20,20000').split(',').map(Number)
const PUBLISHERS = 20
const RSYNC = 'rsync://rpki.example.net/repo/'
const folder = newFolder()

/** Seed of all content, so that two runs publish the same bytes. */
let seed = 1
function filler(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  for (let i = 0; i < length; i++) {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
    bytes[i] = seed >>> 16
  }
  return bytes
}

class Bench {
  readonly dir: string
  state: PubdState = pubd.initial(PUBD_HANDLE)
  now = '2026-01-01T00:00:00Z' as Instant

  constructor(dir: string) {
    this.dir = dir
  }

  objectPath = (sha256: Sha256): string => join(this.dir, 'objects', sha256.slice(0, 2), sha256)

  object(name: string): ObjectPut {
    const bytes = filler(1900 + (seed % 300))
    const sha256 = sha256Hex(bytes)
    fs.mkdirSync(dirname(this.objectPath(sha256)), { recursive: true })
    fs.writeFileSync(this.objectPath(sha256), bytes, { mode: 0o644 })
    return { name, sha256, size: bytes.length }
  }

  async run(command: PubdCommand): Promise<number> {
    const started = performance.now()
    const faults = pubd.check(this.state, command)
    if (faults.length > 0) throw new Error(faults.map((f) => f.message).join('\n'))
    const random = { bytes: (length: number) => new Uint8Array(filler(length)) }
    const ports = { signer, clock: { now: () => this.now }, random, retention: DEFAULT_RETENTION }
    for (const event of await pubd.decide(this.state, command, ports)) this.state = pubd.evolve(this.state, event)
    return performance.now() - started
  }

  write(rebuild = false): WriteReport {
    const { state, now, objectPath } = this
    return writeTree({ repoDir: join(this.dir, 'repo'), state, now, objectPath, rebuild })
  }

  async fill(objects: number): Promise<void> {
    await this.run({ type: 'pubserver.init', rsyncBase: RSYNC, rrdpBase: 'https://rpki.example.net/rrdp/' })
    const handles = Array.from({ length: PUBLISHERS }, (_, i) => parseHandle(`ca${i}`))
    for (const publisher of handles)
      await this.run({ type: 'publisher.add', publisher, base: publisherBase(RSYNC, publisher) })
    const changes = handles.map((publisher, p) => {
      const share = Math.floor(objects / PUBLISHERS) + (p < objects % PUBLISHERS ? 1 : 0)
      return { publisher, put: Array.from({ length: share }, (_, i) => this.object(`${p}-${i}.roa`)), drop: [] }
    })
    await this.run({ type: 'publish', changes })
  }
}

/** Returns the milliseconds to write and sync that many bytes. */
function rawWrite(bytes: number): number {
  const path = join(folder, 'raw')
  const block = filler(1 << 20)
  const started = performance.now()
  const fd = fs.openSync(path, 'w')
  for (let left = bytes; left > 0; left -= block.length) fs.writeSync(fd, block, 0, Math.min(left, block.length))
  fs.fsyncSync(fd)
  fs.closeSync(fd)
  const took = performance.now() - started
  fs.rmSync(path)
  return took
}

const kilo = (bytes: number): string => `${(bytes / 1024).toFixed(1).padStart(9)} KiB`
const row = (what: string, ms: readonly number[], bytes: number, note = ''): void =>
  say(`  ${what.padEnd(34)} ${median(ms).toFixed(1).padStart(8)} ms ${kilo(bytes)}  ${note}`)

async function measure(objects: number): Promise<void> {
  const bench = new Bench(join(folder, String(objects)))
  fs.mkdirSync(bench.dir)
  await bench.fill(objects)
  say(`${objects} objects, ${PUBLISHERS} publishers`)
  const first = bench.write()
  row('first write: rsync', [first.rsync.ms], first.rsync.bytes, `${first.rsync.files} links`)
  row('first write: RRDP', [first.rrdp.ms], first.rrdp.bytes)
  const reports: WriteReport[] = []
  const rules: number[] = []
  for (let round = 0; round < ROUNDS + 2; round++) {
    bench.now = addSeconds(bench.now, 1200)
    const put = [bench.object(`more-${round}.roa`)]
    rules.push(await bench.run({ type: 'publish', changes: [{ publisher: parseHandle('ca7'), put, drop: [] }] }))
    reports.push(bench.write())
  }
  // the second and third tree are made once; after them every publication costs the same
  const steady = reports.slice(2)
  const last = reports.at(-1)
  if (last === undefined) return
  row('one more: rules', rules, 0)
  row(
    'one more: rsync',
    steady.map((r) => r.rsync.ms),
    last.rsync.bytes,
    `${last.rsync.files} link, whole: ${last.rsync.whole}`,
  )
  row(
    'one more: RRDP',
    steady.map((r) => r.rrdp.ms),
    last.rrdp.bytes,
    `spliced: ${last.rrdp.spliced}`,
  )
  row(
    'one more, new tree: rsync',
    reports.slice(0, 2).map((r) => r.rsync.ms),
    reports[0]?.rsync.bytes ?? 0,
    `${reports[0]?.rsync.files} links`,
  )
  row(
    'the same bytes, written and synced',
    Array.from({ length: ROUNDS }, () => rawWrite(last.rrdp.bytes)),
    last.rrdp.bytes,
  )
  row(
    'nothing to do',
    Array.from({ length: ROUNDS }, () => {
      const started = performance.now()
      if (bench.write().changed) throw new Error('something changed')
      return performance.now() - started
    }),
    0,
  )
}

/** Returns the milliseconds in which one event that changes every publisher is applied: replay of the first publication of a large directory. */
async function applied(publishers: number): Promise<number> {
  let state = pubd.initial(PUBD_HANDLE)
  const random = { bytes: (length: number) => new Uint8Array(filler(length)) }
  const ports = {
    signer,
    clock: { now: () => '2026-01-01T00:00:00Z' as Instant },
    random,
    retention: DEFAULT_RETENTION,
  }
  const run = async (command: PubdCommand) => {
    const before = state
    const events = await pubd.decide(state, command, ports)
    for (const event of events) state = pubd.evolve(state, event)
    return { before, event: events[0] }
  }
  await run({ type: 'pubserver.init', rsyncBase: RSYNC, rrdpBase: 'https://rpki.example.net/rrdp/' })
  const handles = Array.from({ length: publishers }, (_, i) => parseHandle(`ca${i}`))
  for (const publisher of handles)
    await run({ type: 'publisher.add', publisher, base: publisherBase(RSYNC, publisher) })
  const sha256 = sha256Hex(filler(10))
  const changes = handles.map((publisher) => ({ publisher, put: [{ name: 'a.roa', sha256, size: 10 }], drop: [] }))
  const { before, event } = await run({ type: 'publish', changes })
  if (event === undefined) throw new Error('nothing was published')
  const rounds = Array.from({ length: ROUNDS }, () => {
    const started = performance.now()
    pubd.evolve(before, event)
    return performance.now() - started
  })
  return median(rounds)
}

async function measureReplay(): Promise<void> {
  const [few, many] = [await applied(500), await applied(4000)]
  say(`an event that changes all publishers: 500 in ${few.toFixed(1)} ms, 4000 in ${many.toFixed(1)} ms`)
  say(`  per publisher ${(many / 4000 / (few / 500)).toFixed(2)} times the time (1 is linear)`)
}

try {
  await measureReplay()
  for (const size of SIZES) await measure(size)
} finally {
  fs.rmSync(folder, { recursive: true, force: true })
}
