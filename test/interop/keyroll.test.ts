/** A key roll before validators: the same VRPs after its start, in the wait, after the activation, and after the old key is destroyed. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runOffline, skipUnlessValidators } from '../support/peers/validators.js'
import { copyDir } from '../support/processes/cli.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const NOW = '2026-11-21T00:00:00Z'
const scratch = scratchFolder('keyroll-validators')
const dataDir = join(scratch.dir, 'data')
const VRPS = ['AS64496,192.0.2.0/24,24', 'AS64497,10.1.0.0/16,16', 'AS64498,10.1.1.0/24,24']

beforeAll(async () => {
  await newTestbed(dataDir, NOW)
  const add = (ca: string, under: string, resources: string) =>
    brineOk(dataDir, ['ca', 'add', ca, '--under', under, '--resources', resources], NOW)
  await add('acme', 'testbed', '192.0.2.0/24,10.0.0.0/8')
  await add('sub', 'acme', '10.1.0.0/16')
  await add('leaf', 'sub', '10.1.1.0/24')
  await brineOk(dataDir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'], NOW)
  await brineOk(dataDir, ['roa', 'add', 'sub', '10.1.0.0/16 => 64497'], NOW)
  await brineOk(dataDir, ['roa', 'add', 'leaf', '10.1.1.0/24 => 64498'], NOW)
}, 300_000)
afterAll(scratch.remove)

/** Lays the published tree out as a validator mirrors it, and lets every validator judge it a minute after `now`. */
async function judge(now: string): Promise<void> {
  const root = join(scratch.dir, 'rsync')
  rmSync(root, { recursive: true, force: true })
  mkdirSync(join(root, 'rpki.example'), { recursive: true })
  copyDir(join(dataDir, 'repo', 'rsync', 'current', '.'), join(root, 'rpki.example', 'repo'))
  copyDir(join(dataDir, 'repo', 'ta'), join(root, 'rpki.example', 'ta'))
  const at = Date.parse(now) / 1000 + 600
  const run = await runOffline(root, join(dataDir, 'repo', 'ta', 'ta.tal'), VRPS, { at })
  expect(run.ok, run.output).toBe(true)
}

const STEPS: readonly (readonly [string, string, readonly string[]])[] = [
  ['before', NOW, ['status']],
  ['init', NOW, ['keyroll', 'init', 'acme', '--activate-after', '24h']],
  ['wait', '2026-11-21T17:00:00Z', ['tick']],
  ['activate', '2026-11-22T01:00:00Z', ['tick']],
  ['destroyed', '2026-11-23T02:00:00Z', ['tick']],
  ['compromised parent', '2026-11-23T02:01:00Z', ['keyroll', 'init', 'testbed', '--compromised']],
  ['leaf too', '2026-11-23T02:02:00Z', ['keyroll', 'init', 'leaf', '--compromised']],
]

test.each(STEPS)(
  '%s: validators see the same VRPs',
  async (_, now, args) => {
    await brineOk(dataDir, args, now)
    await judge(now)
  },
  180_000,
)

test('a validator can run', (context) => void skipUnlessValidators(context))
