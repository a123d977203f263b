/**
 * A CA of ours under a real Krill under a CA of ours: resources that grow and shrink, key rolls on each level, suspension and return. All three
 * publish at one publication server of ours, elsewhere for two of them; after each step both validators see exactly the expected VRPs.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Krill, needKrill } from '../support/peers/krill.js'
import { runBoth, serverRoots, skipUnlessOnline } from '../support/peers/online.js'
import { type ServedCgi, serveCgi } from '../support/peers/served-cgi.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const scratch = scratchFolder('krill-between')
const [above, below] = [join(scratch.dir, 'above'), join(scratch.dir, 'below')]
const file = (name: string): string => join(scratch.dir, name)
const LOCAL = ['--allow-private', '--tls-insecure', '--reason', 'Krill signs its HTTPS certificate itself']

let krill: Krill
let server: ServedCgi | undefined
let roots = ''
let tal = ''
let steps = 0
afterAll(async () => {
  await krill?.stop()
  server?.stop()
  scratch.remove()
})

/** Both validators see exactly these VRPs, over rsync and RRDP. */
async function seen(...vrps: readonly string[]): Promise<void> {
  steps += 1
  let last = ''
  const run = async (): Promise<boolean> => {
    const { ok, output } = await runBoth(roots, tal, scratch.dir, { vrps })
    last = output
    return ok
  }
  // Krill publishes some time after it has answered
  expect(await krill.wait(run, 30), `step ${steps} ${last}`).toBe(true)
}

const held = async (): Promise<string> => (await krill.resources('mid')).ipv4
const certificates = async (): Promise<readonly { resources: { ipv4: string } }[]> =>
  (
    await brineOk<{ certificates: readonly { resources: { ipv4: string } }[] }>(above, [
      'child',
      'show',
      'testbed',
      'mid',
    ])
  ).certificates
const refreshKrill = (): Promise<string> => krill.run('bulk', 'refresh')
const publishBelow = async (): Promise<void> => {
  await brineOk(below, ['repo', 'sync', 'low'])
}

async function connectKrill(uri: string): Promise<void> {
  await krill.run('add', '--ca', 'mid')
  writeFileSync(file('mid-publisher.xml'), await krill.publisherRequest('mid'))
  const publisher = ['pubserver', 'publisher', 'add', 'mid', '--request', file('mid-publisher.xml')]
  await brineOk(above, [...publisher, '--service-uri', uri, '--out', file('mid-repository.xml')])
  await krill.configureRepo('mid', readFileSync(file('mid-repository.xml'), 'utf8'))
  writeFileSync(file('mid-child.xml'), await krill.childRequest('mid'))
  await brineOk(above, [
    ...['child', 'add', 'testbed', 'mid', '--request', file('mid-child.xml'), '--service-uri', uri],
    ...['--resources', '10.0.0.0/8, AS64496-AS64511', '--out', file('mid-parent.xml')],
  ])
  await krill.addParent('mid', 'above', readFileSync(file('mid-parent.xml'), 'utf8'))
  expect(await krill.wait(async () => (await held()) === '10.0.0.0/8')).toBe(true)
  await krill.run('roas', 'update', '--ca', 'mid', '--add', '10.0.0.0/24 => 64496')
}

async function connectBelow(uri: string): Promise<void> {
  await brineOk(below, ['init'])
  await brineOk(below, ['ca', 'add', 'low'])
  await brineOk(below, ['repo', 'request', 'low', '--out', file('low-publisher.xml')])
  const publisher = ['pubserver', 'publisher', 'add', 'low', '--request', file('low-publisher.xml')]
  await brineOk(above, [...publisher, '--service-uri', uri, '--out', file('low-repository.xml')])
  await brineOk(below, ['repo', 'configure', 'low', '--response', file('low-repository.xml'), ...LOCAL])
  await brineOk(below, ['parent', 'request', 'low', '--out', file('low-child.xml')])
  const resources = { ipv4: '10.1.0.0/16', asn: 'AS64497' }
  const response = await krill.addChild('mid', 'low', readFileSync(file('low-child.xml'), 'utf8'), resources)
  writeFileSync(file('low-parent.xml'), response)
  await brineOk(below, ['parent', 'add', 'low', 'mid', '--response', file('low-parent.xml'), ...LOCAL])
  await brineOk(below, ['parent', 'refresh', 'low'])
  await brineOk(below, ['roa', 'add', 'low', '10.1.0.0/24 => 64497'])
  await publishBelow()
}

/** The objects that Krill sends reach the published tree soon after its answer. */
async function krillPublished(isDone: (files: readonly string[]) => boolean): Promise<void> {
  const files = async (): Promise<readonly string[]> => {
    const { publishers } = await brineOk<{ publishers: readonly { handle: string; objects: number }[] }>(above, [
      ...['pubserver', 'show'],
    ])
    return publishers.map(({ handle, objects }) => `${handle} ${objects}`)
  }
  let last: readonly string[] = []
  const done = await krill.wait(async () => {
    last = await files()
    return isDone(last)
  }, 30)
  expect(done, last.join()).toBe(true)
}

test('a CA under Krill under a CA', async (context) => {
  skipUnlessOnline(context)
  const programs = needKrill(context)
  await newTestbed(above)
  server = await serveCgi(above)
  krill = await Krill.start(file('krill'), programs, { testbed: false })
  await connectKrill(server.uri)
  await connectBelow(server.uri)
  roots = serverRoots(join(above, 'repo'), file('roots'))
  tal = file('ta.tal')
  await brineOk(above, ['ta', 'tal', '--out', tal])
  // manifest, CRL, ROA and the certificate of the child
  await krillPublished((rows) => rows.includes('mid 4'))
  const [MID, LOW, MORE] = ['AS64496,10.0.0.0/24,24', 'AS64497,10.1.0.0/24,24', 'AS64497,11.1.0.0/24,24']
  await seen(MID, LOW)

  // grown on each level
  await brineOk(above, ['child', 'update', 'testbed', 'mid', '--add', '11.0.0.0/8'])
  await refreshKrill()
  expect(await krill.wait(async () => (await held()) === '10.0.0.0/7')).toBe(true)
  await krill.run(
    'children',
    'update',
    '--ca',
    'mid',
    '--child',
    'low',
    '--ipv4',
    '10.1.0.0/16, 11.1.0.0/16',
    '--asn',
    'AS64497',
  )
  await brineOk(below, ['parent', 'refresh', 'low'])
  await brineOk(below, ['roa', 'add', 'low', '11.1.0.0/24 => 64497'])
  await publishBelow()
  await seen(MID, LOW, MORE)

  // shrunk at the top: Krill takes it from its child by itself
  await brineOk(above, ['child', 'update', 'testbed', 'mid', '--remove', '11.0.0.0/8', '--yes'])
  await refreshKrill()
  expect(await krill.wait(async () => (await held()) === '10.0.0.0/8')).toBe(true)
  await brineOk(below, ['parent', 'refresh', 'low', '--accept-loss', '--reason', 'gone above'])
  await publishBelow()
  await seen(MID, LOW)

  // key rolls: at the top, of Krill, below it
  await brineOk(above, ['keyroll', 'init', 'testbed'])
  await brineOk(above, ['keyroll', 'activate', 'testbed', '--now', '--yes'])
  await seen(MID, LOW)
  await krill.run('keyroll', 'init', '--ca', 'mid')
  expect(await krill.wait(async () => (await certificates()).length === 2)).toBe(true)
  // Krill ignores an activation until it has taken over the answer
  const isRolled = async (): Promise<boolean> => {
    await krill.run('keyroll', 'activate', '--ca', 'mid')
    return krill.wait(async () => (await certificates()).length === 1, 5)
  }
  expect(await krill.wait(isRolled)).toBe(true)
  await krillPublished((rows) => rows.includes('mid 4'))
  await seen(MID, LOW)
  await brineOk(below, ['keyroll', 'init', 'low'])
  await brineOk(below, ['parent', 'refresh', 'low'])
  await publishBelow()
  await brineOk(below, ['keyroll', 'activate', 'low', '--now', '--yes'])
  await publishBelow()
  await brineOk(below, ['parent', 'refresh', 'low'])
  await publishBelow()
  await seen(MID, LOW)

  // suspended, and back with the next message: the child of Krill, then Krill
  await krill.run('children', 'suspend', '--ca', 'mid', '--child', 'low')
  await krillPublished((rows) => rows.includes('mid 3'))
  await seen(MID)
  await brineOk(below, ['parent', 'refresh', 'low'])
  await krillPublished((rows) => rows.includes('mid 4'))
  await seen(MID, LOW)
  await brineOk(above, ['child', 'suspend', 'testbed', 'mid', '--yes'])
  await seen()
  await refreshKrill()
  expect(await krill.wait(async () => (await certificates()).length === 1)).toBe(true)
  await seen(MID, LOW)
  await brineOk(above, ['audit', 'verify', '--full'])
  await brineOk(below, ['audit', 'verify', '--full'])
}, 240_000)
