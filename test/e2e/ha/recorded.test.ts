/** What a health check leaves behind: the state, the counts, the times, and a record of each change. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { BUILT_IN_PROFILES } from '../../../src/core/pki/profile.js'
import type { CaPeer } from '../../support/peers/ca-peer.js'
import { cfsslPeer } from '../../support/peers/cfssl-peer.js'
import { EnrolSite, group } from '../../support/sites/enrol-site.js'

const site = new EnrolSite()
let peer: CaPeer

beforeAll(async () => {
  await site.init()
  const files = site.peerFiles('ca-1')
  const [profile] = BUILT_IN_PROFILES
  if (profile === undefined) throw new Error('no profile')
  peer = cfsslPeer(files, profile)
  const cas = site.remoteCa('ca-1', 'cfssl', await peer.listen(), files)
  site.configure(cas + group('device', ['ca-1']))
})
afterAll(async () => {
  await peer.close()
  site.remove()
})

const probed = async (): Promise<void> => {
  site.now += 20
  await site.brine('ha', 'probe')
}
interface Shown {
  readonly events: readonly {
    readonly event: { readonly type: string; readonly from?: string; readonly to?: string }
  }[]
}

/** Changes of health that one command of history tells of. */
async function changes(sequence: number): Promise<string> {
  const shown = (await site.brine('history', 'show', 'ha/0', String(sequence), '--json')).json<Shown>()
  const turned = shown.events.filter(({ event }) => event.type === 'health.changed')
  return turned.map(({ event }) => `${event.from} > ${event.to}`).join(', ')
}

it('a check of a healthy CA records when it was and how long it took', async () => {
  await probed()
  const { state, failures, lastProbe, latencyMs, lastError } = await site.member('ca-1')
  expect([state, failures, lastProbe, lastError]).toEqual(['healthy', 0, site.instant, null])
  expect(latencyMs).toBeGreaterThan(0)
})

it('failures are counted past the threshold, each change is in history, and a success ends it all', async () => {
  peer.knob = 'html-500'
  const found: unknown[] = []
  const look = async (): Promise<void> => {
    const { state, failures, lastError, openUntil } = await site.member('ca-1')
    found.push([failures, state])
    expect(lastError).toMatchObject({ outcome: 'ca-fault', message: expect.stringContaining('status 500') })
    if (openUntil !== null) site.moveTo(openUntil)
  }
  for (let n = 0; n < 5; n++) {
    await probed()
    await look()
  }
  expect(found).toEqual([
    [1, 'degraded'],
    [2, 'degraded'],
    [3, 'circuit-open'],
    [4, 'circuit-open'],
    [5, 'circuit-open'],
  ])
  peer.knob = undefined
  await probed()
  expect(await site.member('ca-1')).toMatchObject({ state: 'healthy', failures: 0, openUntil: null, backoffLevel: 0 })
  expect(await Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9].map(changes))).toEqual([
    'healthy > degraded',
    '',
    'degraded > unhealthy, unhealthy > circuit-open',
    ...['circuit-open > recovering', 'recovering > circuit-open'],
    ...['circuit-open > recovering', 'recovering > circuit-open'],
    ...['circuit-open > recovering', 'recovering > healthy'],
  ])
  expect((await site.brine('audit', 'verify')).code).toBe(0)
})
