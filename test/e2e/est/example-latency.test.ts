/** The documented example of two CAs in two regions, latency-based: each line of its "Expected behavior". */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { documentedOne } from '../../support/sites/documentation.js'
import { ExampleSite } from '../../support/sites/example-site.js'

const site = new ExampleSite()

beforeAll(async () => {
  await site.init()
  for (const place of ['us', 'eu']) {
    const [host, authCert, authKey] = [`pki-${place}`, `ra-${place}.pem`, `ra-${place}-key.pem`]
    await site.dogtag({ host, caCert: 'ca.pem', authCert, authKey }, 'vpnCert')
  }
})
afterAll(() => site.close())

it('two CAs, latency-based, serve as documented', async (context) => {
  site.configure(site.made(documentedOne(context, 'id = "ca-us"')))
  const measured = async (): Promise<readonly number[]> =>
    (await site.status()).members.map((one) => one.latencyMs ?? -1)
  const probed = async (): Promise<void> => {
    site.now += 20
    await site.brine('ha', 'probe')
  }

  // Latency to both CAs is measured during health checks: before any request, and ca-eu is not the first of the group
  site.server('pki-us').delay = 200
  expect(await measured()).toEqual([-1, -1])
  await probed()
  const [us = 0, eu = 0] = await measured()
  expect(us).toBeGreaterThanOrEqual(400)
  expect(eu).toBeLessThan(us)
  expect([site.asked('pki-us'), site.asked('pki-eu')]).toEqual([0, 0])

  // Requests are automatically routed to the faster CA
  expect(await site.serve('vpn', 3)).toEqual(['ca-eu', 'ca-eu', 'ca-eu'])

  // If latency increases for one CA, traffic shifts to the other: one slow answer is enough
  site.server('pki-eu').delay = 600
  expect(await site.serve('vpn', 3)).toEqual(['ca-eu', 'ca-us', 'ca-us'])

  // No manual configuration: a CA that is fast again is found by its probes, although nobody has asked it for a certificate since
  site.server('pki-eu').delay = 0
  site.now += 1200
  await probed()
  expect(await site.serve('vpn', 2)).toEqual(['ca-eu', 'ca-eu'])

  // If one CA fails completely, all traffic uses the remaining CA, however slow that is
  site.fail('pki-eu')
  expect(await site.serve('vpn', 4)).toEqual(['ca-us', 'ca-us', 'ca-us', 'ca-us'])
  expect(await site.states()).toBe('healthy circuit-open')
  const before = site.server('pki-eu').requests
  expect(await site.serve('vpn', 1)).toEqual(['ca-us'])
  expect(site.server('pki-eu').requests).toBe(before)
})
