/** `audit verify --full` over a long history: events per second and peak memory, for the directory and its export. `BENCH_COMMANDS` sets the length. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { openSession } from '../src/core/app/session/session.js'
import { parseHandle } from '../src/core/base/handle.js'
import type { Json } from '../src/core/base/json.js'
import { instantOf } from '../src/core/base/time.js'
import { type CaEvent, ca } from '../src/core/ca/aggregate.js'
import { sha256Hex } from '../src/core/crypto/digest.js'
import { newFolder } from './support/folder.js'
import { BRINE, brine, type Measured, median, run, say } from './support/run.js'

const COMMANDS = Number(process.env['BENCH_COMMANDS'] ?? 2000)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3)
const ROAS = 500
const HANDLE = parseHandle('long')

/** Two events per command, as a change of ROAs makes them: up to 500 ROAs are added and removed. */
function eventsOf(n: number): readonly CaEvent[] {
  const roa = (i: number) => ({ asn: 64496, prefix: `10.${(i >> 8) % 256}.${i % 256}.0/24`, maxLength: 24 })
  const at = instantOf(1_800_000_000 + n)
  const added = { ...roa(n % ROAS), comment: null, since: at }
  const gone = roa((n + 1) % ROAS)
  const object = (name: string) => ({
    sha256: sha256Hex(`${name} ${n}`),
    size: 1800,
    serial: sha256Hex(`serial ${name} ${n}`).slice(0, 40).toUpperCase(),
    notAfter: at,
    content: sha256Hex(name).slice(0, 32),
  })
  return [
    { type: 'roas.updated', added: [added], removed: [`${gone.prefix}-24 => ${gone.asn}`] },
    {
      type: 'point.issued',
      class: '0',
      ski: sha256Hex('key').slice(0, 40).toUpperCase() as never,
      aggregated: false,
      issued: [],
      withdrawn: [],
      issue: {
        number: n + 1,
        thisUpdate: at,
        nextUpdate: at,
        manifest: object('manifest'),
        crl: { sha256: sha256Hex(`crl ${n}`), size: 500 },
        put: [{ name: `${n % ROAS}.roa`, ...object('roa') }],
        drop: [`${(n + 1) % ROAS}.roa`],
        revoked: [],
      },
    },
  ]
}

/** Writes a history directly to the store, without keys, signatures and objects. */
async function grow(dataDir: string): Promise<number> {
  const session = await openSession({ dataDir, actor: 'bench', osUser: 'bench', host: 'bench', command: 'bench' })
  const id = { kind: 'ca' as const, handle: HANDLE }
  const ski = sha256Hex('key').slice(0, 40).toUpperCase() as never
  let [state, version] = [ca.initial(HANDLE), 0]
  await session.store.write(async (writer) => {
    for (let n = 0; n < COMMANDS; n++) {
      const first: readonly CaEvent[] =
        n === 0 ? [{ type: 'class.added', class: '0', parent: HANDLE, parentClass: '0', ski, spki: '' }] : []
      const events = [...first, ...eventsOf(n)]
      for (const event of events) state = ca.evolve(state, event)
      const effect = { result: 'accepted' as const, events, state: state as unknown as Json }
      const meta = { at: instantOf(1_800_000_000 + n), actor: 'bench', osUser: 'bench', host: 'bench' }
      writer.commit({
        meta: { ...meta, configDigest: session.configDigest },
        objects: new Map(),
        aggregates: [{ id, version, sequence: n, command: { type: 'roas.update', args: {} }, effect }],
      })
      version += events.length
    }
  })
  return version
}

const folder = newFolder()
const [dataDir, file] = [join(folder, 'data'), join(folder, 'history.jsonl')]
try {
  await brine(dataDir, 'init')
  const started = performance.now()
  const events = await grow(dataDir)
  say(`${COMMANDS} commands, ${events} events made in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  const measure = async (what: string, work: () => Promise<Measured>): Promise<void> => {
    const runs: Measured[] = []
    for (let round = 0; round < ROUNDS; round++) runs.push(await work())
    const wall = median(runs.map((r) => r.wall))
    const peak = Math.max(...runs.map((r) => r.peak))
    say(
      `${what.padEnd(22)} ${(wall / 1000).toFixed(2)} s, ${Math.round(events / (wall / 1000))} events/s, peak ${peak.toFixed(0)} MiB`,
    )
  }
  // the key that this state refers to does not exist: verify reports that and exits 12
  const verify = [BRINE, '--data-dir', dataDir, 'audit', 'verify', '--full']
  await measure('audit verify --full', () => run(verify, [12]))
  await brine(dataDir, 'audit', 'export', '--out', file)
  await measure('audit verify EXPORT', () => brine(dataDir, 'audit', 'verify', '--full', file))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
