/**
 * A chain of four CAs in three data directories over nginx on loopback: ROAs on every level, resources that grow and shrink at the top, key
 * rolls, suspension and return. `tick` carries everything; after each step both validators see exactly the expected VRPs over rsync and RRDP.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { addSeconds } from '../../src/core/base/time.js'
import { runBoth, skipUnlessOnline } from '../support/peers/online.js'
import { runBrine } from '../support/processes/cli.js'
import { needProgram } from '../support/processes/missing.js'
import { scratchFolder } from '../support/sites/testbed.js'
import { CHAIN, type ChainCa, type Directory, ThreeDirectories } from '../support/sites/three-directories.js'

const scratch = scratchFolder('three-directories')
let site: ThreeDirectories
afterAll(async () => {
  await site?.server.stop()
  scratch.remove()
})

const epoch = (): number => Date.parse(site.now) / 1000

async function seen(...vrps: readonly string[]): Promise<void> {
  const hosts = ['rpki.example', 'below.example']
  const { ok, output } = await runBoth(site.roots, site.tal, scratch.dir, { at: epoch() + 60, hosts, vrps })
  expect(ok, output).toBe(true)
}

const DAY = 25 * 3600
const [ONE, TWO, THREE, FOUR, MORE, OTHER] = [
  'AS64496,192.0.2.0/24,24',
  'AS64497,10.0.0.0/24,24',
  'AS64498,10.64.1.0/24,24',
  'AS64499,10.64.0.0/24,24',
  'AS64499,11.64.0.0/24,24',
  'AS64499,10.64.2.0/24,24',
]

/** A day passes, in which `tick` asks every parent. */
async function nextDay(): Promise<void> {
  await site.pass(DAY)
  await site.tick()
}

/** Rolls the key of a CA by `tick` alone: requested and staged on one day, activated and revoked minutes later. */
async function roll(ca: ChainCa, where: Directory): Promise<void> {
  const keys = async (): Promise<readonly string[]> => {
    const { classes } = await site.run<{ classes: readonly { keys: readonly { ski: string }[] }[] }>(
      where,
      'ca',
      'show',
      ca,
    )
    return classes.flatMap((one) => one.keys.map(({ ski }) => ski))
  }
  const [old] = await keys()
  await site.run(where, 'keyroll', 'init', ca, '--activate-after', '5m')
  await nextDay()
  for (let round = 0; round < 2; round++) {
    await site.pass(10 * 60)
    await site.tick()
  }
  expect(await keys()).toEqual([expect.not.stringMatching(`^${old}$`)])
}

test('four CAs in three directories', async (context) => {
  skipUnlessOnline(context)
  site = await ThreeDirectories.make(scratch.dir, needProgram(context, 'nginx'))
  const texts = ['192.0.2.0/24 => 64496', '10.0.0.0/24 => 64497', '10.64.1.0/24 => 64498', '10.64.0.0/24 => 64499']
  await site.tick()
  for (const [n, [ca, where]] of CHAIN.entries()) await site.run(where, 'roa', 'add', ca, texts[n] ?? '')
  await site.tick('middle', 'bottom')
  await seen(ONE, TWO, THREE, FOUR)

  // grown at the top, and passed on within a day
  await site.run('top', 'child', 'update', 'testbed', 'two', '--add', '11.0.0.0/8')
  await site.pass(DAY)
  await site.tick('top', 'middle')
  await site.run('middle', 'child', 'update', 'two', 'three', '--add', '11.64.0.0/16')
  await site.run('middle', 'child', 'update', 'three', 'four', '--add', '11.64.0.0/24')
  await site.tick('middle', 'bottom')
  await site.run('bottom', 'roa', 'add', 'four', '11.64.0.0/24 => 64499')
  await site.tick('bottom')
  await seen(ONE, TWO, THREE, FOUR, MORE)

  // shrunk at the top: the CAs below follow, and the tick that withdraws a ROA says so
  await site.run('top', 'child', 'update', 'testbed', 'two', '--remove', '11.0.0.0/8', '--yes', '--reason', 'test')
  await site.pass(DAY)
  await site.tick('top', 'middle')
  const losing = await runBrine(['tick', '--json'], { dataDir: site.dirs.bottom, now: site.now })
  expect([losing.code, losing.json<{ failed: unknown[] }>().failed]).toEqual([
    3,
    [expect.objectContaining({ ca: 'four', code: 'objects-lost' })],
  ])
  await seen(ONE, TWO, THREE, FOUR)

  await roll('two', 'middle')
  await seen(ONE, TWO, THREE, FOUR)
  await roll('four', 'bottom')
  await seen(ONE, TWO, THREE, FOUR)

  // the certificate of a new key cannot be published: the old key issues until it is
  await site.run('middle', 'keyroll', 'init', 'three', '--activate-after', '5m', '--no-sync')
  await site.server.kill(site.dirs.top)
  site.now = addSeconds(site.now, 600)
  const failing = await runBrine(['tick', '--json'], { dataDir: site.dirs.middle, now: site.now })
  expect([failing.code, failing.json<{ failed: unknown[] }>().failed.length]).toEqual([3, 1])
  await seen(ONE, TWO, THREE, FOUR)
  for (let round = 0; round < 2; round++) {
    await site.pass(600)
    await site.tick('middle')
  }
  expect((await site.run<{ rolls: unknown[] }>('middle', 'keyroll', 'status')).rolls).toEqual([])
  await seen(ONE, TWO, THREE, FOUR)

  // suspended by the operator, and back with the next message
  await site.run('middle', 'child', 'suspend', 'three', 'four', '--yes', '--reason', 'test')
  await seen(ONE, TWO, THREE)
  await nextDay()
  await seen(ONE, TWO, THREE, FOUR)

  await site.run('bottom', 'roa', 'replace', 'four', '10.64.2.0/24 => 64499')
  await site.tick('bottom')
  await seen(ONE, TWO, THREE, OTHER)

  // a child of the same directory: back at once with all that is below it, of which nothing is issued again
  await site.run('middle', 'child', 'suspend', 'two', 'three', '--yes', '--reason', 'test')
  await site.tick('middle')
  await seen(ONE, TWO)
  await site.run('middle', 'child', 'unsuspend', 'two', 'three')
  await site.tick('middle')
  await seen(ONE, TWO, THREE, OTHER)
  await nextDay()
  await seen(ONE, TWO, THREE, OTHER)

  // suspended by `tick` after silence, with all that is below
  writeFileSync(join(site.dirs.top, 'brine.toml'), 'suspend_child_after_inactive_hours = 48\n')
  const suspended: number[] = []
  for (let hours = 0; hours <= 54; hours += 6) {
    const done = await site.tick('top')
    if (done.includes('top: suspend two of testbed')) suspended.push(hours)
    site.now = addSeconds(site.now, 6 * 3600)
  }
  expect(suspended).toEqual([48])
  await seen(ONE)
  await site.serve()
  await site.tick()
  await seen(ONE, TWO, THREE, OTHER)

  await site.audit()
  const paths = ['/rfc6492/testbed', '/rfc6492/three', '/rfc8181/two', '/rfc8181/four']
  expect(new Set(site.server.requests())).toEqual(
    new Set([...paths.map((path) => `POST ${path} 200`), 'POST /rfc8181/two 502']),
  )
}, 480_000)
