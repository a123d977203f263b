/**
 * One more object in a repository of 20,000 compared with one of 20: time and bytes of rsync tree and RRDP, and the time of the disk for
 * the bytes alone. Replay of an event that changes every publisher, by their number.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { parseHandle } from '../src/core/base/handle.js'
import { addSeconds, type Instant } from '../src/core/base/time.js'
import { sha256Hex } from '../src/core/crypto/digest.js'
import { PUBD_HANDLE, type PubdCommand, pubd } from '../src/core/pubd/aggregate.js'
import { DEFAULT_RETENTION } from '../src/core/pubd/ports.js'
import { publisherBase } from '../src/core/pubd/uri.js'
import type { WriteReport } from '../src/core/publication/writer.js'
import { newFolder } from './support/folder.js'
import { filler, PUBLISHERS, Repository, RSYNC, signer } from './support/repository.js'
import { median, say } from './support/run.js'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 7)
const SIZES = (process.env['BENCH_OBJECTS'] ?? '20,20000').split(',').map(Number)
const folder = newFolder()

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
  const bench = new Repository(join(folder, String(objects)))
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
