/** ASPAs before validators: after they were added, changed, renewed, issued again under a new key, lost with the AS and published again. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runOffline, skipUnlessValidators, validators } from '../support/peers/validators.js'
import { copyDir } from '../support/processes/cli.js'
import { brineOk, newTestbed, scratchFolder } from '../support/sites/testbed.js'

const NOW = '2026-11-21T00:00:00Z'
const scratch = scratchFolder('aspa-validators')
const dataDir = join(scratch.dir, 'data')

beforeAll(async () => {
  await newTestbed(dataDir, NOW)
  const resources = '192.0.2.0/24, AS64496-AS64498, AS4200000000'
  await brineOk(dataDir, ['ca', 'add', 'acme', '--under', 'testbed', '--resources', resources], NOW)
  await brineOk(dataDir, ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'], NOW)
}, 300_000)
afterAll(scratch.remove)

/** Lets every validator judge the published tree ten minutes after `now`; the bench prints the ASPAs that rpki-client found. */
async function judge(now: string): Promise<readonly string[]> {
  const root = join(scratch.dir, 'rsync')
  rmSync(root, { recursive: true, force: true })
  mkdirSync(join(root, 'rpki.example'), { recursive: true })
  copyDir(join(dataDir, 'repo', 'rsync', 'current', '.'), join(root, 'rpki.example', 'repo'))
  copyDir(join(dataDir, 'repo', 'ta'), join(root, 'rpki.example', 'ta'))
  const at = Date.parse(now) / 1000 + 600
  const run = await runOffline(root, join(dataDir, 'repo', 'ta', 'ta.tal'), ['AS64496,192.0.2.0/24,24'], { at })
  expect(run.ok, run.output).toBe(true)
  return run.output.split('\n').flatMap((line) => /^ +ASPA (.*)$/.exec(line)?.[1] ?? [])
}

/** As many as rpki-client reads. */
const many = Array.from({ length: 9_999 }, (_, i) => 100_000 + i)
const AS0 = 'AS64497 => 0'
const MANY = `AS64498 => ${many.join(' ')}`
const LARGE = 'AS4200000000 => 1 4294967295'
const child = (verb: string) => ['child', 'update', 'testbed', 'acme', verb, 'AS64496', '--yes']

const STEPS: readonly (readonly [string, string, readonly string[], readonly string[]])[] = [
  ['added', NOW, ['aspa', 'add', 'acme', '64496 => 64499, 64498'], ['AS64496 => 64498 64499']],
  [
    'AS0, many and large',
    NOW,
    ['aspa', 'add', 'acme', '64497 => 0', `64498=${many.join(',')}`, '4200000000=4294967295,1'],
    ['AS64496 => 64498 64499', AS0, MANY, LARGE],
  ],
  ['changed', NOW, ['aspa', 'update', 'acme', '64496', '--add', '64500', '--remove', '64499'], []],
  ['renewed', '2027-11-01T00:00:00Z', ['tick'], []],
  ['issued by a new key', '2027-11-01T00:01:00Z', ['keyroll', 'init', 'acme', '--compromised'], []],
  ['lost', '2027-11-01T00:02:00Z', child('--remove'), [AS0, MANY, LARGE]],
  ['back', '2027-11-01T00:03:00Z', child('--add'), []],
  ['removed', '2027-11-01T00:04:00Z', ['aspa', 'remove', 'acme', '64498', '64496'], [AS0, LARGE]],
]

test.each(STEPS)(
  '%s: rpki-client finds the ASPAs, and no validator refuses anything',
  async (_, now, args, expected) => {
    await brineOk(dataDir, args, now)
    const found = await judge(now)
    if (validators().rpkiClient === undefined) return
    const wanted = expected.length === 0 ? ['AS64496 => 64498 64500', AS0, MANY, LARGE] : expected
    expect([...found].sort()).toEqual([...wanted].sort())
  },
  180_000,
)

test('a validator can run', (context) => void skipUnlessValidators(context))
