/** The documented example of a migration, weighted: each step of its procedure, by editing the configuration between two requests. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { documentedOne } from '../../support/sites/documentation.js'
import { counted, issuerOf } from '../../support/sites/enrol-site.js'
import { ExampleSite } from '../../support/sites/example-site.js'

const site = new ExampleSite()
const AT_ONCE = 4

beforeAll(async () => {
  await site.init()
  for (const age of ['old', 'new']) {
    const [host, caCert, authCert, authKey] = [`pki-${age}`, `${age}-ca.pem`, `ra-${age}.pem`, `ra-${age}-key.pem`]
    await site.dogtag({ host, caCert, authCert, authKey }, 'serverCert')
  }
})
afterAll(() => site.close())

/** Certificates of the old and of the new CA among `times` requests, several processes at a time. */
async function shares(times: number): Promise<readonly number[]> {
  const files = Array.from({ length: times }, () => site.request({ san: 'DNS:www.example.net' }))
  const served: string[] = []
  const client = async (): Promise<void> => {
    for (let file = files.pop(); file !== undefined; file = files.pop())
      served.push(issuerOf(await site.enrolFile('server', file)))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, client))
  const { 'old-ca': old = 0, 'new-ca': young = 0 } = counted(served)
  return [old, young]
}

it('an old and a new CA, weighted, serve as documented', async (context) => {
  const example = site.made(documentedOne(context, 'id = "old-ca"'))
  const weighted = (old: number, young: number): void =>
    site.configure(
      example.replace(
        'weights = { "old-ca" = 90, "new-ca" = 10 }',
        `weights = { "old-ca" = ${old}, "new-ca" = ${young} }`,
      ),
    )

  // Start with 100/0: new CA online but unused
  weighted(100, 0)
  await site.brine('ha', 'probe')
  expect(await site.states()).toBe('healthy healthy')
  expect(site.server('pki-new').requests).toBeGreaterThan(0)
  expect([await shares(5), site.asked('pki-new')]).toEqual([[5, 0], 0])

  // Update to 90/10: 10% canary traffic; these are the weights of the example as it stands
  weighted(90, 10)
  expect(await shares(50)).toEqual([45, 5])

  // Increase to 80/20, 50/50, 20/80
  weighted(80, 20)
  expect(await shares(5)).toEqual([4, 1])
  weighted(50, 50)
  expect(await shares(4)).toEqual([2, 2])
  weighted(20, 80)
  expect(await shares(5)).toEqual([1, 4])

  // Finish with 0/100: full cutover
  weighted(0, 100)
  expect(await shares(5)).toEqual([0, 5])

  // Remove old-ca once fully decommissioned; the label stays as it was for its clients
  const [, young = ''] = example.split(/(?=\[\[ca\]\]\nid = "new-ca")/)
  const without = young
    .replace('"old-ca", ', '')
    .replace(/^weights = .*$/m, '')
    .replace('ca_id = "old-ca"', 'ca_id = "new-ca"')
  expect(without).not.toContain('old-ca')
  site.configure(without)
  expect((await site.brine('config', 'check')).code).toBe(0)
  const before = site.server('pki-old').requests
  expect(await shares(4)).toEqual([0, 4])
  expect(site.server('pki-old').requests).toBe(before)
  // what the old CA made is known as before
  const listed = (await site.brine('est', 'cert', 'list', '--ca', 'old-ca', '--json')).json<{
    certificates: unknown[]
  }>()
  expect(listed.certificates).toHaveLength(5 + 45 + 4 + 2 + 1)
  expect((await site.brine('audit', 'verify')).code).toBe(0)
}, 120_000)
