/** The documented recommendations for tuning: how many failures open a circuit, how long it stays open, how often and for how long is asked. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { BUILT_IN_PROFILES } from '../../../src/core/pki/profile.js'
import type { CaPeer } from '../../support/peers/ca-peer.js'
import { cfsslPeer } from '../../support/peers/cfssl-peer.js'
import { documented } from '../../support/sites/documentation.js'
import { EnrolSite, group } from '../../support/sites/enrol-site.js'

const site = new EnrolSite()
let peer: CaPeer
let cas = ''

beforeAll(async () => {
  await site.init()
  const files = site.peerFiles('frail')
  peer = cfsslPeer(files, BUILT_IN_PROFILES[0]!)
  cas =
    site.remoteCa('frail', 'cfssl', await peer.listen(), files) +
    site.fileCa('steady') +
    group('device', ['frail', 'steady'])
})
afterAll(async () => {
  await peer.close()
  site.remove()
})

interface Tuning {
  readonly title: string
  readonly interval: number
  readonly threshold: number
  readonly recovery: number
  readonly timeout: number
}

describe('the documented tuning', () => {
  it.for<Tuning>([
    { title: 'for a low-latency environment', interval: 5, threshold: 2, recovery: 30, timeout: 2 },
    { title: 'for a high-latency environment', interval: 30, threshold: 5, recovery: 120, timeout: 10 },
    { title: 'for production', interval: 10, threshold: 3, recovery: 60, timeout: 5 },
  ])('$title decides when a circuit opens and when it is asked again', async (tuning, context) => {
    const { interval, threshold, recovery, timeout } = tuning
    const words = [`check_interval = "${interval}s"`, `check_timeout = "${timeout}s"`]
    const [text = ''] = documented(context).filter(
      (one) => words.every((word) => one.includes(word)) && !one.includes('[[ca]]') && !one.includes('#'),
    )
    // what was before is another CA's: the circuit of this one is new
    const id = `frail-${interval}`
    site.configure(`${text}\n${cas.replaceAll('"frail"', `"${id}"`)}`)
    const asked = async (): Promise<number> => {
      const before = peer.requests
      await site.brine('ha', 'probe', id)
      return peer.requests - before
    }
    peer.knob = undefined
    site.now += 600
    expect([await asked(), (await site.member(id)).state]).toEqual([1, 'healthy'])
    peer.knob = 'html-500'
    for (let failures = 1; failures <= threshold; failures++) {
      site.now += interval - 1
      expect(await asked()).toBe(0)
      site.now += 1
      expect(await asked()).toBe(1)
      const { state, failures: counted } = await site.member(id)
      expect([state, counted]).toEqual([failures < threshold ? 'degraded' : 'circuit-open', failures])
    }
    expect(await site.serve('device', 1)).toEqual(['steady'])
    const { openUntil, lastError } = await site.member(id)
    const open = (Date.parse(openUntil ?? '') - Date.parse(lastError?.at ?? '')) / 1000
    expect(open).toBeGreaterThanOrEqual(recovery)
    expect(open).toBeLessThanOrEqual(recovery * 1.1)
    site.moveTo(openUntil)
    site.now -= 1
    expect(await asked()).toBe(0)
    site.now += 1
    peer.knob = undefined
    expect([await asked(), (await site.member(id)).state]).toEqual([1, 'healthy'])
    expect(await site.serve('device', 1)).toEqual([id])
  })

  it('limits how long a probe may take', async (context) => {
    const [text = ''] = documented(context).filter((one) => one.includes('check_timeout = "2s"'))
    site.configure(`${text}\n${cas}`)
    peer.knob = 'hang'
    const begun = performance.now()
    const probed = (await site.brine('ha', 'probe', 'frail', '--json')).json<{ probed: { outcome: string }[] }>()
    expect(probed.probed).toMatchObject([{ outcome: 'ca-fault' }])
    // not before the two seconds of this set, and before the five of the next
    expect(performance.now() - begun).toBeGreaterThanOrEqual(2000)
    expect(performance.now() - begun).toBeLessThan(5000)
  })
})
