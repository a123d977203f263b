/** `brine upgrade` as users run it, and every other command on a directory of an older format. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { UpgradeReport } from '../../../src/core/app/operations/upgrade.js'
import { brine, copyDir, runBrine, scratchDir } from '../../support/processes/cli.js'
import { contentsOf, expectedOf, thawStore } from '../../support/store/frozen-store.js'

const { path, remove } = scratchDir()
afterAll(remove)
// nothing is due: a migration can be taken back until something is committed
const now = '2026-11-02T09:00:00Z'
const old = thawStore(1, join(path, 'old'))
let copies = 0
const fresh = (): string => copyDir(old, join(path, `copy-${++copies}`))

it('other commands say what it takes, with 13, and change nothing', async () => {
  const dataDir = fresh()
  const commands = [
    ['status'],
    ['tick'],
    ['roa', 'list', 'acme'],
    ['promote', '--reason', 'x', '--yes'],
    ['audit', 'verify'],
  ]
  for (const args of commands) {
    const ran = await runBrine(args, { dataDir, now })
    expect([ran.code, ran.stderr], args.join(' ')).toEqual([13, expect.stringContaining('Hint: brine upgrade\n')])
  }
  expect(contentsOf(dataDir)).toEqual(contentsOf(old))
})

it('migrates, says where the old tree is, publishes; and back', async () => {
  const dataDir = fresh()
  const dry = await brine(['upgrade', '--dry-run'], { dataDir, now })
  expect(dry.stdout).toMatch(/would migrate data format 1 to 2, \d+ bytes; nothing changed\n$/)
  expect(contentsOf(dataDir)).toEqual(contentsOf(old))
  const { stdout } = await brine(['upgrade'], { dataDir, now })
  expect(stdout).toContain('267 commands, 385 events, 257 objects')
  expect(stdout).toContain(`verified by replay, logical=${expectedOf(1).logical}`)
  expect(stdout).toContain('data format 1 to 2; the old tree is kept in old/format-1-20261102T090000Z; published')
  await brine(['audit', 'verify', '--full'], { dataDir, now })
  expect((await brine(['upgrade'], { dataDir, now })).stdout).toBe('data format 2: nothing to do\n')
  await brine(['upgrade', '--undo'], { dataDir, now })
  expect((await runBrine(['status'], { dataDir, now })).code).toBe(13)
  const again = (await brine(['upgrade', '--json'], { dataDir, now })).json<UpgradeReport>()
  expect(again).toMatchObject({ from: 1, to: 2, steps: [{ from: 1, to: 2 }], keptAt: expect.stringMatching(/^old\//) })
  await brine(['audit', 'verify', '--full'], { dataDir, now })
})

it.each(['BRINE_UPGRADE_ONLY', 'KRILL_UPGRADE_ONLY'])(
  '%s=1 makes any command migrate, rebuild and end',
  async (name) => {
    const dataDir = fresh()
    const env = { [name]: '1' }
    const ran = await brine(['ca', 'remove', 'acme', '--yes', '--json'], { dataDir, now, env })
    expect(ran.json<UpgradeReport>()).toMatchObject({
      from: 1,
      to: 2,
      republished: null,
      digest: { full: expectedOf(1).full },
    })
    const shown = await brine(['ca', 'list', '--json'], { dataDir, now })
    expect(shown.stdout).toContain('"acme"')
    // in the present format there is nothing to do, and the command is not run either
    expect((await brine(['ca', 'remove', 'acme', '--yes'], { dataDir, now, env })).stdout).toBe(
      'data format 2: nothing to do\n',
    )
    expect((await brine(['ca', 'list', '--json'], { dataDir, now })).stdout).toBe(shown.stdout)
    expect((await runBrine(['tick'], { dataDir, now, env: { [name]: 'perhaps' } })).code).toBe(2)
    expect((await runBrine(['tick'], { dataDir, now, env: { [name]: '0' } })).code).toBe(0)
  },
)

it('auto_upgrade: the next command migrates first', async () => {
  const dataDir = fresh()
  writeFileSync(join(dataDir, 'brine.toml'), 'auto_upgrade = true\n')
  expect((await runBrine(['roa', 'add', 'acme', '192.0.2.0/25=64496', '--dry-run'], { dataDir, now })).code).toBe(13)
  const ran = await brine(['tick'], { dataDir, now })
  expect(ran.stderr).toContain(
    'upgraded from data format 1 to 2; the tree before is kept in old/format-1-20261102T090000Z',
  )
  await brine(['audit', 'verify', '--full'], { dataDir, now })
})

it('an invalid configuration is reported before anything is changed', async () => {
  const dataDir = fresh()
  writeFileSync(join(dataDir, 'brine.toml'), 'auto_upgrad = true\n')
  const before = contentsOf(dataDir)
  expect((await runBrine(['upgrade'], { dataDir, now })).code).toBe(2)
  expect(contentsOf(dataDir)).toEqual(before)
})
