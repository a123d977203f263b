/**
 * A CA under a real Krill moves its repository: from that Krill to a second one, to the publication server of its directory, to the second Krill
 * again, and away from it once it is gone. After each step both validators see exactly the expected VRPs, over rsync and RRDP.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { Krill, needKrill } from '../support/peers/krill.js'
import { runBoth, skipUnlessOnline } from '../support/peers/online.js'
import { brineOk, scratchFolder } from '../support/sites/testbed.js'

const scratch = scratchFolder('krill-migration')
const dir = join(scratch.dir, 'brine')
const file = (name: string): string => join(scratch.dir, name)
const LOCAL = ['--allow-private', '--tls-insecure', '--reason', 'Krill signs its HTTPS certificate itself']
const HOSTS = ['krill.example.net', 'second.example.net', 'third.example.net']
const [ONE, TWO] = ['AS64496,10.0.0.0/24,24', 'AS64497,10.0.1.0/24,24']

let [first, second]: (Krill | undefined)[] = []
let [roots, tal] = ['', '']
let steps = 0
afterAll(async () => {
  await first?.stop()
  await second?.stop()
  scratch.remove()
})

interface Shown {
  readonly base: string
  readonly leaving: { readonly stage: string; readonly base: string } | null
}

/** Both validators see exactly these VRPs, over rsync and RRDP. */
async function seen(...vrps: readonly string[]): Promise<void> {
  steps += 1
  let last = ''
  const run = async (): Promise<boolean> => {
    const { ok, output } = await runBoth(roots, tal, scratch.dir, { vrps, hosts: HOSTS })
    last = output
    return ok
  }
  // Krill publishes some time after it has answered
  expect(await first?.wait(run, 60), `step ${steps} ${last}`).toBe(true)
}

const shown = async (): Promise<readonly (string | null)[]> => {
  const { base, leaving } = await brineOk<Shown>(dir, ['repo', 'show', 'acme'])
  return [new URL(base).host, leaving === null ? null : `${new URL(leaving.base).host} ${leaving.stage}`]
}

/** The repository_response of a Krill for a request that is written now; a publisher of that name keeps its place. */
async function responseOf(krill: Krill, name: string): Promise<string> {
  await brineOk(dir, ['repo', 'request', 'acme', '--out', file(`${name}-request.xml`)])
  writeFileSync(
    file(`${name}.xml`),
    await krill.addPublisher('acme', readFileSync(file(`${name}-request.xml`), 'utf8')),
  )
  return file(`${name}.xml`)
}

/** Migrates; the parent certifies the new key, which is staged then. */
async function migrate(...to: readonly string[]): Promise<void> {
  await brineOk(dir, ['repo', 'migrate', 'acme', ...to])
  await brineOk(dir, ['parent', 'refresh', 'acme'])
}
const activate = () => brineOk(dir, ['keyroll', 'activate', 'acme', '--now', '--yes'])
/** The parent revokes the old key, and what is left of it is withdrawn. */
async function leave(): Promise<void> {
  await brineOk(dir, ['parent', 'refresh', 'acme'])
  await brineOk(dir, ['repo', 'sync', 'acme'])
}

async function begin(programs: string): Promise<[Krill, Krill]> {
  const one = await Krill.start(file('first'), programs, { testbed: true })
  first = one
  const two = await Krill.start(file('second'), programs, { testbed: false })
  second = two
  const places = ['--rrdp', 'https://second.example.net/second-rrdp/', '--rsync', 'rsync://second.example.net/second/']
  await two.run('pubserver', 'server', 'init', ...places)
  await brineOk(dir, ['init'])
  const own = ['--rsync', 'rsync://third.example.net/third/', '--rrdp', 'https://third.example.net/third-rrdp/']
  await brineOk(dir, ['pubserver', 'init', ...own])
  await brineOk(dir, ['ca', 'add', 'acme'])
  await brineOk(dir, ['parent', 'request', 'acme', '--out', file('child.xml')])
  const resources = { ipv4: '10.0.0.0/8', asn: 'AS64496-AS64497' }
  writeFileSync(
    file('parent.xml'),
    await one.addChild('testbed', 'acme', readFileSync(file('child.xml'), 'utf8'), resources),
  )
  await brineOk(dir, ['parent', 'add', 'acme', 'registry', '--response', file('parent.xml'), ...LOCAL])
  await brineOk(dir, ['repo', 'configure', 'acme', '--response', await responseOf(one, 'one'), ...LOCAL])
  await brineOk(dir, ['parent', 'refresh', 'acme'])
  await brineOk(dir, ['roa', 'add', 'acme', '10.0.0.0/24 => 64496'])
  roots = file('roots')
  mkdirSync(roots)
  tal = await one.serveTo(roots)
  symlinkSync(two.rsyncDir, join(roots, 'rsync', 'second'))
  symlinkSync(two.rrdpDir, join(roots, 'https', 'second-rrdp'))
  symlinkSync(join(dir, 'repo', 'rsync', 'current'), join(roots, 'rsync', 'third'))
  symlinkSync(join(dir, 'repo', 'rrdp'), join(roots, 'https', 'third-rrdp'))
  return [one, two]
}

test('a CA moves between two Krills and its own server, and every VRP is seen at each step', async (context) => {
  skipUnlessOnline(context)
  const [one, two] = await begin(needKrill(context))
  await seen(ONE)

  // from one Krill to another, with a ROA that comes while the new key is staged
  await migrate('--response', await responseOf(two, 'two'), ...LOCAL)
  expect(await shown()).toEqual(['second.example.net', 'krill.example.net activation'])
  await seen(ONE)
  await brineOk(dir, ['roa', 'add', 'acme', '10.0.1.0/24 => 64497'])
  await seen(ONE, TWO)
  await activate()
  expect(await shown()).toEqual(['second.example.net', 'krill.example.net revocation'])
  await seen(ONE, TWO)
  await leave()
  expect(await shown()).toEqual(['second.example.net', null])
  expect(await one.wait(() => one.published('acme').length === 0)).toBe(true)
  await seen(ONE, TWO)

  // to the own server
  await migrate('--local')
  await seen(ONE, TWO)
  await activate()
  await seen(ONE, TWO)
  await leave()
  expect(await shown()).toEqual(['third.example.net', null])
  expect(await two.wait(() => two.published('acme').length === 0)).toBe(true)
  await seen(ONE, TWO)

  // and back to the second Krill, where it is a publisher still
  await migrate('--response', file('two.xml'), ...LOCAL)
  await seen(ONE, TWO)
  await activate()
  await seen(ONE, TWO)
  await leave()
  expect(await shown()).toEqual(['second.example.net', null])
  await seen(ONE, TWO)

  // which is gone: nothing waits for it
  await two.stop()
  await migrate('--response', file('one.xml'), '--abandon-old', ...LOCAL)
  await brineOk(dir, ['tick'])
  await leave()
  expect(await shown()).toEqual(['krill.example.net', null])
  await brineOk(dir, ['roa', 'remove', 'acme', '10.0.0.0/24 => 64496'])
  await seen(TWO)
  await brineOk(dir, ['audit', 'verify', '--full'])
}, 900_000)
