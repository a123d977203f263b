/** `roa add` on a CA with 50,000 events of history compared with one with 50: the cost of a command must not grow with its history. */
import { appendFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { caState } from '../src/core/app/session/context.js'
import { openSession } from '../src/core/app/session/session.js'
import { parseHandle } from '../src/core/base/handle.js'
import type { Json } from '../src/core/base/json.js'
import { Work } from '../src/core/eventsourcing/work.js'
import { newFolder } from './support/folder.js'
import { brine, median, say, spread } from './support/run.js'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 11)
const LONG = Number(process.env['BENCH_EVENTS'] ?? 50_000)
const ACME = parseHandle('acme')

/** Writes events that change nothing, `each` per command. */
async function grow(data: string, events: number, each: number): Promise<void> {
  const options = { dataDir: data, actor: 'bench', osUser: 'bench', host: 'bench', command: 'bench' }
  const session = await openSession(options)
  await session.store.write(async (writer) => {
    for (let made = 0; made < events; made += each) {
      const work = new Work(writer)
      const state = caState(work, ACME)
      const loaded = writer.load({ kind: 'ca', handle: ACME })
      const filler = Array.from({ length: Math.min(each, events - made) }, () => ({
        type: 'numbers.raised',
        atLeast: 0,
      }))
      writer.commit({
        meta: { at: session.now(), actor: 'bench', osUser: 'bench', host: 'bench', configDigest: session.configDigest },
        objects: new Map(),
        aggregates: [
          {
            id: { kind: 'ca', handle: ACME },
            version: loaded?.version ?? 0,
            sequence: loaded?.sequence ?? 0,
            command: { type: 'numbers.raise', args: { atLeast: 0 } },
            effect: { result: 'accepted', events: filler, state: state as unknown as Json },
          },
        ],
      })
    }
  })
}

const folder = newFolder()
const [short, long] = [join(folder, 'short'), join(folder, 'long')]
try {
  for (const [data, events] of [
    [short, 50],
    [long, LONG],
  ] as const) {
    await brine(data, 'testbed', 'init')
    await brine(data, 'ca', 'add', 'acme', '--under', 'testbed', '--resources', '10.0.0.0/8')
    await grow(data, events, 20)
    appendFileSync(join(data, 'brine.toml'), `\nkey_pool_size = ${2 * ROUNDS + 4}\n`)
    await brine(data, 'tick')
  }
  const [few, many]: [number[], number[]] = [[], []]
  for (let round = 0; round < ROUNDS; round++) {
    few.push((await brine(short, 'roa', 'add', 'acme', `10.0.${round}.0/24 => 64500`)).wall)
    many.push((await brine(long, 'roa', 'add', 'acme', `10.0.${round}.0/24 => 64500`)).wall)
  }
  say(`roa add after 50 events      ${spread(few)}`)
  say(`roa add after ${LONG} events   ${spread(many)}`)
  say(`ratio ${(median(many) / median(few)).toFixed(2)}`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
