/** Plans that the limits hold or the guard refuses: all of a plan is judged before its first step, so nothing of it is done. */
import { appendFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ca, ok, roasOf, stateFile } from '../../support/sites/desired-state.js'
import { NOW, refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const file = (...lines: readonly string[]): string => stateFile(box, ...lines)
const roas = (from: number, to: number): readonly string[] =>
  Array.from({ length: to - from }, (_, n) => `192.0.2.${(from + n) * 8}/29 => 64496`)

/** Returns a copy in which acme has 16 ROAs and branch 12. */
async function filled(): Promise<string> {
  const dir = box.copy()
  await ok(dir, [
    'apply',
    file(ca('branch', '192.0.2.0/24', ...roas(16, 28)), ca('acme', undefined, ...roas(0, 16))),
    '--yes',
  ])
  return dir
}

const numbers = async (dir: string): Promise<readonly number[]> => [
  (await roasOf(dir, 'acme')).length,
  (await roasOf(dir, 'branch')).length,
]

describe('a plan that removes much', () => {
  it('is shown as held by plan, and refused whole by apply, however many CAs share the loss', async () => {
    const dir = await filled()
    // four of each: no CA alone loses more than the free five
    const less = file(ca('branch', '192.0.2.0/24', ...roas(20, 28)), ca('acme', undefined, ...roas(4, 16)))
    const plan = await runAt(dir, ['plan', less, '--prune'])
    expect([plan.code, plan.stdout]).toEqual([
      4,
      expect.stringContaining(
        'held: 8 of 28 VRPs of this directory would vanish, more than 1 % (apply with --max-removals N, or --yes --reason TEXT)',
      ),
    ])
    expect(await refusalOf(dir, ['apply', less, '--prune', '--dry-run'])).toEqual([1, 'removals-held'])
    expect(await refusalOf(dir, ['apply', less, '--prune', '--yes'])).toEqual([1, 'removals-held'])
    expect(await numbers(dir)).toEqual([16, 12])
    const status = (await runAt(dir, ['status', '--json'])).json<{ held: readonly object[] }>()
    expect(status.held).toMatchObject([{ handle: 'acme', code: 'removals-held' }])
    await ok(dir, ['apply', less, '--prune', '--yes', '--max-removals', '8'])
    expect(await numbers(dir)).toEqual([12, 8])
    expect((await runAt(dir, ['status', '--json'])).json<{ held: readonly object[] }>().held).toEqual([])
  })

  it('passes with a reason in every step', async () => {
    const dir = await filled()
    const less = file(ca('branch', '192.0.2.0/24', ...roas(27, 28)), ca('acme', undefined, ...roas(15, 16)))
    const held = await runAt(dir, ['apply', less, '--prune', '--yes'])
    expect([held.code, held.stderr]).toEqual([1, expect.stringContaining('15 of 16 VRPs of acme would vanish')])
    await ok(dir, ['apply', less, '--prune', '--yes', '--reason', 'renumbering'])
    expect(await numbers(dir)).toEqual([1, 1])
  })

  it('is not held for ROAs that move to another CA', async () => {
    const dir = await filled()
    const moved = file(ca('branch', '192.0.2.0/24', ...roas(0, 28)), ca('acme', undefined))
    expect((await runAt(dir, ['plan', moved, '--prune', '--json'])).json()).toMatchObject({ held: [] })
    await ok(dir, ['apply', moved, '--prune', '--yes'])
    expect(await numbers(dir)).toEqual([0, 28])
  })
})

describe('a plan and routes', () => {
  it('is refused whole where one CA of it cuts off a repository', async () => {
    const dir = box.copy()
    appendFileSync(join(dir, 'brine.toml'), '\n[routing]\nprotected_prefixes = ["192.0.2.0/24 => AS64511"]\n')
    const path = file(ca('branch', '192.0.2.0/24', '192.0.2.0/24 => 64496'), ca('acme', undefined, '192.0.2.0/25 => 1'))
    expect((await runAt(dir, ['plan', path])).stdout).toContain('held: "192.0.2.0/24-24 => 64496" makes the route')
    expect(await refusalOf(dir, ['apply', path, '--yes', '--reason', 'x'])).toEqual([1, 'repository-endangered'])
    expect(await roasOf(dir, 'acme')).toEqual([])
    expect((await runAt(dir, ['audit', 'verify'])).code).toBe(0)
    await ok(dir, ['apply', path, '--yes', '--allow-invalid-repository', '--reason', 'moved'])
    expect(await roasOf(dir, 'branch')).toEqual(['192.0.2.0/24-24 => 64496 published'])
  })

  it('is refused where the route is invalid between two commits, though it is valid after the last', async () => {
    const dir = box.copy()
    appendFileSync(join(dir, 'brine.toml'), '\n[routing]\nprotected_prefixes = ["192.0.2.0/24 => AS64511"]\n')
    const path = file(ca('acme', undefined, '192.0.2.0/24 => 1'), ca('branch', '192.0.2.0/24', '192.0.2.0/24 => 64511'))
    expect((await runAt(dir, ['plan', path])).stdout).toContain('held: "192.0.2.0/24-24 => 1" makes the route')
    expect(await refusalOf(dir, ['apply', path, '--yes'])).toEqual([1, 'repository-endangered'])
    expect(await roasOf(dir, 'acme')).toEqual([])
    // the other way round each commit keeps it valid
    const other = file(
      ca('acme', undefined, '192.0.2.0/24 => 64511'),
      ca('branch', '192.0.2.0/24', '192.0.2.0/24 => 1'),
    )
    await ok(dir, ['apply', other, '--yes'])
  })

  it('shows the announcements that become valid, invalid and not found', async () => {
    const dir = box.copy()
    const bgp = join(box.path, 'routes.tsv')
    writeFileSync(bgp, '64496\t192.0.2.0/24\t90\n64497\t192.0.2.0/24\t90\n')
    utimesSync(bgp, Date.parse(NOW) / 1000, Date.parse(NOW) / 1000)
    const path = file(ca('acme', undefined, '192.0.2.0/24 => 64496'))
    const plan = await runAt(dir, ['plan', path, '--bgp', bgp])
    expect([plan.code, plan.stdout]).toEqual([
      4,
      expect.stringContaining('announcements: 1 become valid, 1 invalid, 0 not found'),
    ])
    const dry = (await runAt(dir, ['apply', path, '--bgp', bgp, '--dry-run', '--json'])).json()
    expect(dry).toMatchObject({ routing: { becomeValid: 1, becomeInvalid: 1 }, dryRun: true })
  })
})
