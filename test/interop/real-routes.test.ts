/** Real routes of four networks: what goes in as ROAs comes out of rpki-client and FORT as VRPs, the same set, by every way there is. */
import { execFileSync } from 'node:child_process'
import { chownSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, type TestContext, test } from 'vitest'
import { runOnline, serverRoots, skipUnlessOnline } from '../support/peers/online.js'
import { derlint, peerDataDir, runOffline, skipOrFail, skipUnlessValidators } from '../support/peers/validators.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const FILE = join(peerDataDir, 'routes-sample.tsv')
/** AS number and how many routes of it the file holds. */
const NETWORKS = [
  [3333, 6],
  [1103, 165],
  [13335, 1673],
  [2914, 2329],
] as const

const scratch = scratchFolder('routes')
const dataDir = join(scratch.dir, 'data')
const tal = join(dataDir, 'repo', 'ta', 'ta.tal')
const roots = join(scratch.dir, 'roots')
let vrps: readonly string[] = []

interface Route {
  readonly asn: number
  readonly prefix: string
}

function routesOf(asn: number): readonly Route[] {
  return readFileSync(FILE, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('%'))
    .map((line) => line.split('\t'))
    .filter(([as]) => as === String(asn))
    .map(([, prefix = '']) => ({ asn, prefix }))
}

const lengthOf = (prefix: string): string => prefix.split('/')[1] ?? ''

function needRoutes(context: TestContext): void {
  if (!existsSync(FILE)) skipOrFail(context, [`${FILE} (BRINE_PEER_DATA)`])
}

/** A CA under the testbed with exactly the resources of its network, and a ROA for every route. */
async function publishNetwork(asn: number): Promise<void> {
  const routes = routesOf(asn)
  const resources = [...routes.map((r) => r.prefix), `AS${asn}`].join(',')
  await brineOk(dataDir, ['ca', 'add', `as${asn}`, '--under', 'testbed', '--resources', resources])
  const file = join(scratch.dir, `as${asn}.txt`)
  writeFileSync(file, routes.map((r) => `A: ${r.prefix}-${lengthOf(r.prefix)} => ${asn}\n`).join(''))
  await brineOk(dataDir, ['roa', 'update', `as${asn}`, '--file', file])
}

beforeAll(async () => {
  if (!existsSync(FILE)) return
  await newTestbed(dataDir)
  for (const [asn] of NETWORKS) await publishNetwork(asn)
  vrps = NETWORKS.flatMap(([asn]) => routesOf(asn).map((r) => `AS${asn},${r.prefix},${lengthOf(r.prefix)}`))
  serverRoots(join(dataDir, 'repo'), roots)
}, 120_000)

afterAll(scratch.remove)

/** The rsync modules as real files, for a check that counts them. */
function flatTree(name: string): string {
  const flat = join(scratch.dir, name)
  cpSync(join(roots, 'rsync'), flat, { recursive: true, dereference: true })
  return flat
}

describe('real routes', () => {
  test.for(NETWORKS)(
    'AS%i: %i routes, one ROA per prefix up to 100 and one per AS above',
    async ([asn, count], context) => {
      needRoutes(context)
      const folder = join(dataDir, 'repo', 'rsync', 'current', `as${asn}`, '0')
      const roas = readdirSync(folder).filter((name) => name.endsWith('.roa'))
      expect(roas).toHaveLength(count > 100 ? 1 : count)
      if (count > 100) expect(roas).toEqual([`AS${asn}.roa`])
      const listed = await brineOk<{ roas: { prefix: string; maxLength: number; asn: number; state: string }[] }>(
        dataDir,
        ['roa', 'list', `as${asn}`],
      )
      expect(listed.roas).toHaveLength(count)
      expect(new Set(listed.roas.map((roa) => roa.state))).toEqual(new Set(['published']))
      const said = new Set(listed.roas.map((roa) => `AS${roa.asn},${roa.prefix},${roa.maxLength}`))
      expect(said).toEqual(new Set(vrps.filter((line) => line.startsWith(`AS${asn},`))))
    },
  )

  test('the validators find exactly the routes in the files, and the lint finds nothing', async (context) => {
    needRoutes(context)
    skipUnlessValidators(context)
    const flat = flatTree('flat')
    const run = await runOffline(flat, tal, vrps)
    expect(run.ok, run.output).toBe(true)
    expect(await derlint(context, [flat])).toBe('')
  })

  test.for(['rsync', 'rrdp'] as const)('over %s alone they find exactly the routes', async (transport, context) => {
    needRoutes(context)
    skipUnlessOnline(context)
    const run = await runOnline(roots, tal, scratch.dir, { transport, vrps })
    expect(run.ok, run.output).toBe(true)
    if (transport === 'rrdp') expect(run.requests.filter((r) => /snapshot\.xml 200$/.test(r))).toHaveLength(2)
  })

  test('one route fewer than expected is told: the judge can say no', async (context) => {
    needRoutes(context)
    skipUnlessValidators(context)
    const run = await runOffline(flatTree('flat-no'), tal, vrps.slice(1))
    expect(run.ok, run.output).toBe(false)
  })
})

test('rpki-client -n -d DIR reads every file that pubserver write --into DIR wrote', async (context) => {
  needRoutes(context)
  const { rpkiClient } = skipUnlessValidators(context)
  if (rpkiClient === undefined) return skipOrFail(context, ['rpki-client (RPKI_CLIENT)'])
  const into = join(scratch.dir, 'into')
  const written = await brineOk<{ files: number }>(dataDir, ['pubserver', 'write', '--into', into])
  const out = join(scratch.dir, 'out')
  mkdirSync(out, { mode: 0o777 })
  if (process.getuid?.() === 0) chownSync(out, Number(execFileSync('id', ['-u', '_rpki-client'])), 0)
  execFileSync(rpkiClient, ['-n', '-j', '-c', '-d', into, '-t', tal, out], { stdio: 'pipe' })
  const { metadata } = JSON.parse(readFileSync(join(out, 'json'), 'utf8')) as { metadata: Record<string, number> }
  const { roas = 0, manifests = 0, crls = 0, certificates = 0 } = metadata
  expect(roas + manifests + crls + certificates).toBe(written.files)
  const found = readFileSync(join(out, 'csv'), 'utf8').trim().split('\n').slice(1)
  expect(new Set(found.map((line) => line.split(',').slice(0, 3).join()))).toEqual(new Set(vrps))
})
