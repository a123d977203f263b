/** A real Krill as the parent of a CA of ours, over HTTPS: the two files of RFC 8183, then the messages of RFC 6492. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Krill, needKrill } from '../support/peers/krill.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const scratch = scratchFolder('krill-parent')
const dir = join(scratch.dir, 'brine')
let krill: Krill | undefined
afterAll(async () => {
  await krill?.stop()
  scratch.remove()
})

const held = async () =>
  (await brineOk<{ resources: Record<string, string> }>(dir, ['ca', 'show', 'acme', '--json'])).resources
const states = async (): Promise<readonly string[]> => {
  const { roas } = await brineOk<{ roas: readonly { state: string }[] }>(dir, ['roa', 'list', 'acme', '--json'])
  return roas.map(({ state }) => state)
}

test('a CA gets its certificate from Krill, follows its resources and rolls its key', async (context) => {
  const programs = needKrill(context)
  await newTestbed(dir)
  krill = await Krill.start(join(scratch.dir, 'krill'), programs, { testbed: true })
  await brineOk(dir, ['ca', 'add', 'acme'])
  await brineOk(dir, ['repo', 'configure', 'acme', '--local'])
  const [request, response] = [join(scratch.dir, 'request.xml'), join(scratch.dir, 'response.xml')]
  await brineOk(dir, ['parent', 'request', 'acme', '--out', request])
  const resources = { asn: 'AS64496', ipv4: '10.0.0.0/8', ipv6: '2001:db8::/32' }
  writeFileSync(response, await krill.addChild('testbed', 'acme', readFileSync(request, 'utf8'), resources))
  await brineOk(dir, [
    ...['parent', 'add', 'acme', 'registry', '--response', response, '--allow-private', '--tls-insecure'],
    ...['--reason', 'Krill signs its HTTPS certificate itself'],
  ])
  await brineOk(dir, ['parent', 'refresh', 'acme'])
  expect(await held()).toEqual(resources)
  await brineOk(dir, ['roa', 'add', 'acme', '10.0.0.0/24 => 64496'])
  expect(await states()).toEqual(['published'])

  // a family that is left out is taken away
  const update = (ipv4: string) =>
    krill?.run(
      ...['children', 'update', '--ca', 'testbed', '--child', 'acme', '--asn', resources.asn],
      ...['--ipv4', ipv4, '--ipv6', resources.ipv6],
    )
  await update('10.0.0.0/8, 11.0.0.0/8')
  await brineOk(dir, ['parent', 'refresh', 'acme'])
  expect((await held())['ipv4']).toBe('10.0.0.0/7')
  await update('11.0.0.0/8')
  await brineOk(dir, ['parent', 'refresh', 'acme', '--accept-loss', '--reason', 'given back'])
  expect((await held())['ipv4']).toBe('11.0.0.0/8')
  expect(await states()).toEqual(['notHeld'])

  await brineOk(dir, ['keyroll', 'init', 'acme'])
  await brineOk(dir, ['parent', 'refresh', 'acme'])
  await brineOk(dir, ['keyroll', 'activate', 'acme', '--now', '--yes'])
  await brineOk(dir, ['parent', 'refresh', 'acme'])
  const { classes } = await brineOk<{ classes: readonly { keys: readonly { state: string }[] }[] }>(dir, [
    ...['ca', 'show', 'acme', '--json'],
  ])
  expect(classes.map(({ keys }) => keys.map(({ state }) => state))).toEqual([['current']])
  await brineOk(dir, ['audit', 'verify', '--full'])
}, 300_000)
