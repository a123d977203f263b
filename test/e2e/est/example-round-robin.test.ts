/** The documented example of three CAs, round-robin: each line of its "Expected behavior". */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { documentedOne } from '../../support/sites/documentation.js'
import { counted } from '../../support/sites/enrol-site.js'
import { ExampleSite } from '../../support/sites/example-site.js'

const site = new ExampleSite()
const PLACES = ['east', 'west', 'central'] as const

beforeAll(async () => {
  await site.init()
  for (const place of PLACES) {
    const [host, authCert, authKey] = [`pki-${place}`, `ra-${place}.pem`, `ra-${place}-key.pem`]
    await site.dogtag({ host, caCert: 'ca.pem', authCert, authKey }, 'iotDevice')
  }
})
afterAll(() => site.close())

it('three CAs, round-robin, serve as documented', async (context) => {
  site.configure(site.made(documentedOne(context, 'id = "ca-east"')))
  // the label names ca-east: any CA in the group, round-robin applies
  const turn = ['ca-east', 'ca-west', 'ca-central']

  // Requests are distributed 33/33/33 across the three CAs
  expect(await site.serve('iot', 9)).toEqual([...turn, ...turn, ...turn])
  expect(PLACES.map((place) => site.asked(`pki-${place}`))).toEqual([3, 3, 3])

  // If ca-east fails, traffic is redistributed 50/50 to ca-west and ca-central
  site.fail('pki-east')
  const meanwhile = await site.serve('iot', 8)
  expect(meanwhile).not.toContain('ca-east')
  expect((await site.member('ca-east')).state).toBe('circuit-open')
  const before = site.server('pki-east').requests
  expect(counted(await site.serve('iot', 6))).toEqual({ 'ca-west': 3, 'ca-central': 3 })
  expect(site.server('pki-east').requests).toBe(before)

  // When ca-east recovers, it rejoins the rotation
  site.mend('pki-east')
  site.moveTo((await site.member('ca-east')).openUntil)
  await site.brine('ha', 'probe')
  expect(await site.states()).toBe('healthy healthy healthy')
  expect(counted(await site.serve('iot', 6))).toEqual({ 'ca-east': 2, 'ca-west': 2, 'ca-central': 2 })

  // Each CA operates independently: what one has made, the others do not know
  const { certificates } = (await site.brine('est', 'cert', 'list', '--json')).json<{
    certificates: { ca: string; serial: string }[]
  }>()
  for (const { ca, serial } of certificates) {
    const knowing = PLACES.filter((place) => site.peer(`pki-${place}`).certificates.has(`0x${serial}`))
    expect(knowing.map((place) => `ca-${place}`)).toEqual([ca])
  }
  expect(certificates).toHaveLength(29)
})
