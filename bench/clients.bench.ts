/**
 * CAs that are children of one Krill: what it costs to receive the first certificates (a list and a request for each), and to ask again when
 * nothing has changed (a list for each), with the CAs in one data directory (`brine tick`) and in another Krill (`krillc bulk refresh`). Needs a
 * Krill. `BENCH_CAS` sets their number, `BENCH_ROUNDS` how often they ask again.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { addCa } from '../src/core/app/authority/cas.js'
import { configureLocalRepository } from '../src/core/app/authority/parents.js'
import { addRemoteParent, parentRequest } from '../src/core/app/exchange/client/parent-contact.js'
import { parseHandle } from '../src/core/base/handle.js'
import type { Krill } from '../test/support/peers/krill.js'
import { childrenCpu, cpuOf } from './support/cgi.js'
import { benchSession, PARENT, testbed } from './support/children.js'
import { newFolder } from './support/folder.js'
import { pidOf, startKrill } from './support/krill-peer.js'
import { machine } from './support/load.js'
import { brine, median, peakOf, say } from './support/run.js'

const CAS = Number(process.env['BENCH_CAS'] ?? 50)
const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3)
/** Krill answers a command before it has asked its parents: it is done when it has used no CPU time for so long. */
const QUIET_MS = 3000
const names = Array.from({ length: CAS }, (_, n) => `ca${n}`)
const resourcesOf = (name: string) => ({ ipv4: `10.0.${name.slice(2)}.0/24` })

/** Milliseconds. */
interface Took {
  readonly wall: number
  readonly cpu: number
  readonly parentCpu: number
}

const timed = async (parent: Krill, clientCpu: () => number, work: () => Promise<number>): Promise<Took> => {
  const [cpu, parentCpu, started] = [clientCpu(), cpuOf(pidOf(parent)), performance.now()]
  const ended = await work()
  return { wall: ended - started, cpu: clientCpu() - cpu, parentCpu: cpuOf(pidOf(parent)) - parentCpu }
}

/** Makes the CAs in a data directory, each with Krill as its parent. */
async function brineClient(folder: string, parent: Krill): Promise<string> {
  const data = await testbed(folder)
  const session = await benchSession(data)
  const permissions = { tlsInsecure: true, allowPrivate: true }
  for (const name of names) {
    const ca = parseHandle(name)
    await addCa(session, ca, undefined)
    await configureLocalRepository(session, ca)
    const { request } = await parentRequest(session, ca)
    const response = Buffer.from(await parent.addChild(PARENT, `brine-${name}`, request, resourcesOf(name)))
    await addRemoteParent(session, ca, parseHandle('krill'), { response, permissions })
  }
  return data
}

async function krillClient(folder: string): Promise<Krill> {
  const client = await startKrill(join(folder, 'client'))
  if (client === undefined) throw new Error('no krill')
  for (const name of names) {
    await client.run('add', '--ca', name)
    await client.configureRepo(name, await client.addPublisher(name, await client.publisherRequest(name)))
  }
  return client
}

/** Adds the parents; Krill asks each at once. Resolves with the time of its last work. */
async function addParents(client: Krill, parent: Krill): Promise<number> {
  for (const name of names) {
    const response = await parent.addChild(PARENT, name, await client.childRequest(name), resourcesOf(name))
    await client.addParent(name, 'parent', response)
  }
  return quiet(client)
}

async function quiet(client: Krill): Promise<number> {
  let last = { cpu: -1, at: performance.now() }
  while (performance.now() - last.at < QUIET_MS) {
    const cpu = cpuOf(pidOf(client))
    if (cpu !== last.cpu) last = { cpu, at: performance.now() }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return last.at
}

async function tick(data: string): Promise<number> {
  await brine(data, 'tick')
  return performance.now()
}

function report(what: string, all: readonly Took[]): void {
  const [wall, cpu, parentCpu] = [all.map((t) => t.wall), all.map((t) => t.cpu), all.map((t) => t.parentCpu)].map(
    median,
  )
  const each = (ms = 0): string => `${(ms / CAS).toFixed(0)} ms`
  say(
    `${what}: ${((wall ?? 0) / 1000).toFixed(1)} s; for each CA ${each(cpu)} CPU, and ${each(parentCpu)} at the parent`,
  )
}

const folder = newFolder()
const parent = await startKrill(join(folder, 'krill'))
let client: Krill | undefined
try {
  if (parent === undefined) say('no krill: nothing is measured')
  else {
    say(`${CAS} CAs under one Krill; ${machine()}`)
    const data = await brineClient(folder, parent)
    client = await krillClient(folder)
    const krill = client
    const krillCpu = (): number => cpuOf(pidOf(krill))
    report('Brine, first certificates', [await timed(parent, childrenCpu, () => tick(data))])
    report('Krill, first certificates', [await timed(parent, krillCpu, () => addParents(krill, parent))])
    const again: Record<'idle' | 'brine' | 'krill', Took[]> = { idle: [], brine: [], krill: [] }
    for (let round = 0; round < ROUNDS; round++) {
      again.idle.push(await timed(parent, childrenCpu, () => tick(data)))
      // without a record of the last exchange every parent is due
      rmSync(join(data, 'status', 'exchanges'), { recursive: true, force: true })
      again.brine.push(await timed(parent, childrenCpu, () => tick(data)))
      const refresh = async (): Promise<number> => {
        await krill.run('bulk', 'refresh')
        return quiet(krill)
      }
      again.krill.push(await timed(parent, krillCpu, refresh))
    }
    report('Brine, a tick without a parent that is due', again.idle)
    report('Brine, a tick that asks all', again.brine)
    report('Krill, a bulk refresh', again.krill)
    say(`peak of the Krill with the CAs: ${peakOf(pidOf(krill)).toFixed(0)} MiB; ${machine()}`)
  }
} finally {
  await client?.stop()
  await parent?.stop()
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}
