/** ASPAs in `export`, `plan` and `apply`: what a file says, and nothing where one of them is refused. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ok, stateFile } from '../../support/sites/desired-state.js'
import { runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const file = (...aspas: readonly string[]): string =>
  stateFile(box, '[[ca]]', 'handle = "acme"', `aspas = ${JSON.stringify(aspas)}`)
const listed = async (dir: string): Promise<readonly string[]> =>
  (await runAt(dir, ['aspa', 'list', 'acme', '--json']))
    .json<{ aspas: readonly { aspa: string; state: string; comment?: string }[] }>()
    .aspas.map(({ aspa, state, comment }) => `${aspa} ${state} ${comment ?? '-'}`)

it('export writes them, and plan finds no difference', async () => {
  const dir = box.copy()
  await ok(dir, ['aspa', 'add', 'acme', '64496 => 64498, 64497 # transit'])
  for (const format of ['toml', 'json']) {
    const { stdout } = await ok(dir, ['export', '--format', format])
    expect(stdout).toContain(format === 'toml' ? '  "AS64496 => AS64497, AS64498 # transit",' : '"customer": 64496')
    expect((await ok(dir, ['plan', '-', '--prune'], { input: stdout })).stdout).toBe('no difference\n')
  }
})

it('apply makes them what the file says, once', async () => {
  const dir = box.copy()
  const added = file('64496 => 64497, 64498 # transit')
  expect((await runAt(dir, ['plan', added])).stdout).toContain('  + ASPA   AS64496  AS64497, AS64498 # transit\n')
  expect((await ok(dir, ['apply', added, '--yes'])).stdout).toMatch(/^acme seq \d+: 1 added; published/)
  expect(await listed(dir)).toEqual(['AS64496 => AS64497, AS64498 published transit'])
  expect((await ok(dir, ['apply', added])).stdout).toContain('nothing to do')
  const changed = file('64496 => 64498, 64499')
  const plan = (await runAt(dir, ['plan', changed, '--json'])).json()
  expect(plan).toMatchObject({
    ...{ lost: [], regained: [] },
    cas: [{ rows: [{ item: 'aspa', before: 'AS64497, AS64498 # transit', after: 'AS64498, AS64499' }] }],
  })
  expect((await ok(dir, ['apply', changed, '--yes'])).stdout).toMatch(/^acme seq \d+: 1 changed; published/)
  expect(await listed(dir)).toEqual(['AS64496 => AS64498, AS64499 published -'])
  await ok(dir, ['apply', file('64496 => 0 # none'), '--yes'])
  expect((await ok(dir, ['apply', file()])).stdout).toContain('1 not in the file, kept')
  expect(await listed(dir)).toEqual(['AS64496 => AS0 published none'])
  expect((await ok(dir, ['apply', file(), '--prune', '--yes'])).stdout).toMatch(/^acme seq \d+: 1 removed/)
  expect(await listed(dir)).toEqual([])
})

it('a customer that is not held is refused with its line, and nothing changes', async () => {
  const dir = box.copy()
  const refused = await runAt(dir, ['apply', file('64496 => 64497', '64511 => 64497'), '--json'])
  expect([refused.code, refused.json()]).toMatchObject([
    1,
    { error: { code: 'aspa-not-held', message: expect.stringContaining('line 4'), changed: 'no' } },
  ])
  expect(await listed(dir)).toEqual([])
})

it('plan tells which ASPAs are withdrawn with the AS, and which of them it changes too', async () => {
  const dir = box.copy()
  await ok(dir, ['aspa', 'add', 'acme', '64496 => 64497'])
  const parents = 'parents = [{ handle = "testbed", resources = "192.0.2.0/24" }]'
  const without = stateFile(box, '[[ca]]', 'handle = "acme"', parents)
  const lost = [{ ca: 'acme', aspa: 'AS64496 => AS64497' }]
  expect((await runAt(dir, ['plan', without, '--json'])).json()).toMatchObject({ lost, regained: [] })
  const both = stateFile(box, '[[ca]]', 'handle = "acme"', parents, 'aspas = ["64496 => 64498"]')
  expect((await runAt(dir, ['plan', both, '--json'])).json()).toMatchObject({ lost, regained: [] })
  const gone = stateFile(box, '[[ca]]', 'handle = "acme"', parents, 'aspas = []')
  expect((await runAt(dir, ['plan', gone, '--prune', '--json'])).json()).toMatchObject({ lost: [], regained: [] })
  await ok(dir, ['apply', without, '--yes'])
  expect(await listed(dir)).toEqual(['AS64496 => AS64497 notHeld -'])
})

it('moves one to another CA together with the AS', async () => {
  const dir = box.copy()
  await ok(dir, ['aspa', 'add', 'acme', '64496 => 64497'])
  const moved = stateFile(
    box,
    '[[ca]]',
    'handle = "acme"',
    'aspas = []',
    '[[ca]]',
    'handle = "branch"',
    'parents = [{ handle = "acme", resources = "AS64496" }]',
    'aspas = ["64496 => 64497"]',
  )
  const done = await ok(dir, ['apply', moved, '--prune', '--yes'])
  expect(done.stdout).toMatch(/^branch seq 1: 3 added; .*\nacme seq \d+: 1 removed/)
  expect(await listed(dir)).toEqual([])
})

it('status and ca show count them', async () => {
  const dir = box.copy()
  await ok(dir, ['aspa', 'add', 'acme', '64496 => 64497'])
  expect((await ok(dir, ['ca', 'show', 'acme'])).stdout).toMatch(/^acme {2}0 ROAs, 1 ASPA\n/)
  expect((await runAt(dir, ['status', '--json'])).json<{ cas: readonly object[] }>().cas).toContainEqual(
    expect.objectContaining({ handle: 'acme', roas: 0, aspas: 1 }),
  )
})
