/** `brine apply` by the built program: from a file to the state that it says, once, and nothing at all where a part is refused. */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ca, contentOf, ok, roasOf, stateFile } from '../../support/sites/desired-state.js'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const file = (...lines: readonly string[]): string => stateFile(box, ...lines)

describe('apply', () => {
  it('makes CAs, ROAs and comments what the file says, once', async () => {
    const dir = box.copy()
    await ok(dir, ['roa', 'add', 'acme', '192.0.2.0/25 => 64496 # old', '192.0.2.192/26 => 7'])
    const path = file(
      ca('branch', '192.0.2.0/25', '192.0.2.0/26 => 64500 # new'),
      ca(
        'acme',
        'AS64496, 192.0.2.0/24, 198.51.100.0/24',
        '192.0.2.0/25 => 64496 # better',
        '198.51.100.0/24 => 64496',
      ),
    )
    const plan = await runAt(dir, ['plan', path])
    expect(plan.code).toBe(4)
    expect(plan.stdout.split('\n').slice(0, 10)).toEqual([
      'acme',
      '  ~ parent testbed  AS64496, 192.0.2.0/24 -> AS64496, 192.0.2.0/24, 198.51.100.0/24',
      '  ~ ROA    192.0.2.0/25-25 => 64496  # old -> # better',
      '    ROA    192.0.2.192/26-26 => 7  (not in the file, kept)',
      '  + ROA    198.51.100.0/24-24 => 64496',
      'branch',
      '  + CA     branch',
      '  + parent acme  192.0.2.0/25',
      '  + ROA    192.0.2.0/26-26 => 64500  # new',
      '4 to add, 0 to remove, 2 to change; 1 not in the file, kept (--prune removes it)',
    ])
    const before = contentOf(dir)
    const dry = await ok(dir, ['apply', path, '--dry-run'])
    expect(dry.stdout).toContain('4 to add, 0 to remove, 2 to change')
    expect(dry.stdout).toContain('dry run, nothing changed')
    expect(contentOf(dir)).toEqual(before)
    const done = await ok(dir, ['apply', path, '--yes'])
    expect(done.stdout).toMatch(/^acme seq \d+: 1 added, 2 changed; published.*\nbranch seq 1: 3 added; published/)
    expect(await roasOf(dir, 'acme')).toEqual([
      '192.0.2.0/25-25 => 64496 published',
      '192.0.2.192/26-26 => 7 published',
      '198.51.100.0/24-24 => 64496 published',
    ])
    expect(await roasOf(dir, 'branch')).toEqual(['192.0.2.0/26-26 => 64500 published'])
    const after = contentOf(dir)
    expect((await ok(dir, ['apply', path])).stdout).toContain('nothing to do')
    expect(contentOf(dir)).toEqual(after)
    const pruned = await ok(dir, ['apply', path, '--prune', '--yes', '--max-removals', '1'])
    expect(pruned.stdout).toMatch(/^acme seq \d+: 1 removed; published/)
    expect((await ok(dir, ['export'])).stdout).not.toContain('192.0.2.192')
    expect((await ok(dir, ['audit', 'verify'])).code).toBe(0)
  })

  it('reads JSON from standard input and reports it as JSON', async () => {
    const dir = box.copy()
    const roas = [{ prefix: '192.0.2.0/24', maxLength: 25, asn: 64496, comment: 'NetBox 7' }]
    const input = JSON.stringify({ format: 1, cas: [{ handle: 'acme', roas }] })
    const ran = await ok(dir, ['apply', '--json', '-', '--yes'], { input })
    expect(ran.json()).toMatchObject({
      counts: { add: 1, remove: 0, change: 0, kept: 0 },
      applied: [{ ca: 'acme', added: 1, published: true }],
      changed: 'yes',
      failed: null,
      left: [],
    })
    const again = await ok(dir, ['apply', '--json', '-'], { input })
    expect(again.json()).toMatchObject({ applied: [], changed: 'no', cas: [] })
  })

  it('takes resources after ROAs, and shows those that fall', async () => {
    const dir = box.copy()
    await ok(dir, ['roa', 'add', 'acme', '192.0.2.0/25 => 1', '192.0.2.128/25 => 2'])
    const path = file('[[ca]]', 'handle = "acme"', 'parents = [{ handle = "testbed", resources = "192.0.2.0/25" }]')
    const plan = await runAt(dir, ['plan', path])
    expect(plan.stdout).toContain(
      '1 ROA no longer held, withdrawn and kept in the configuration:\n  acme: 192.0.2.128/25-25 => 2',
    )
    expect(await refusalOf(dir, ['apply', path, '--max-removals', '0', '--yes'])).toEqual([1, 'plan-removals'])
    await ok(dir, ['apply', path, '--yes'])
    expect(await roasOf(dir, 'acme')).toEqual(['192.0.2.0/25-25 => 1 published', '192.0.2.128/25-25 => 2 notHeld'])
  })

  it('moves a ROA from a parent to its child without a moment in which nothing publishes it', async () => {
    const dir = box.copy()
    await ok(dir, ['roa', 'add', 'acme', '192.0.2.0/25 => 1'])
    const path = file(ca('acme', undefined), ca('branch', '192.0.2.0/25', '192.0.2.0/25 => 1'))
    const { stdout } = await ok(dir, ['apply', path, '--prune', '--yes'])
    expect(stdout.split('\n').map((line) => line.replace(/; published.*/, ''))).toEqual([
      'branch seq 1: 3 added',
      expect.stringMatching(/^acme seq \d+: 1 removed$/),
      '',
    ])
  })

  it('does the plan of a digest or nothing', async () => {
    const dir = box.copy()
    const path = file(ca('acme', undefined, '192.0.2.0/24 => 64496'))
    const digestOf = async (...args: readonly string[]): Promise<string> =>
      (await runAt(dir, ['plan', path, '--json', ...args])).json<{ digest: string }>().digest
    const digest = await digestOf()
    const exported = join(box.path, 'exported.toml')
    await ok(dir, ['export', '--out', exported])
    expect((await runAt(dir, ['plan', path, '--against', exported, '--json'])).json()).toMatchObject({
      digest,
      base: 'state',
    })
    expect(await digestOf('--prune')).not.toBe(digest)
    await ok(dir, ['republish', '--now'])
    expect(await digestOf()).toBe(digest)
    await ok(dir, ['roa', 'add', 'acme', '192.0.2.0/25 => 1'])
    expect(await refusalOf(dir, ['apply', path, '--yes', '--plan-digest', digest])).toEqual([1, 'plan-differs'])
    await ok(dir, ['apply', path, '--yes', '--plan-digest', await digestOf()])
  })

  it('wants --yes without a terminal', async () => {
    const path = file(ca('acme', undefined, '192.0.2.0/24 => 64496'))
    expect(await refusalOf(box.dataDir, ['apply', path])).toEqual([2, 'confirmation-needed'])
  })
})
