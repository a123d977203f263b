/** `brine parent add`: a CA is put under a parent of the same data directory in single steps. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

const parentsOf = async (dataDir: string, ca: string): Promise<readonly string[]> => {
  const shown = await runAt(dataDir, ['ca', 'show', ca, '--json'])
  return shown.json<{ parents: { name: string }[] }>().parents.map((parent) => parent.name)
}

it('adds a parent that has the CA as a child, as text and as JSON', async () => {
  for (const format of [[], ['--json']]) {
    const dataDir = box.copy()
    await runAt(dataDir, ['ca', 'add', 'new'])
    await runAt(dataDir, ['child', 'add', 'testbed', 'new', '--local', '--resources', '10.0.0.0/8'])
    const added = await runAt(dataDir, ['parent', 'add', 'new', 'testbed', '--local', ...format])
    expect([added.code, added.stderr]).toEqual([0, ''])
    if (format.length === 0) expect(added.stdout).toMatch(/^new seq 2: /)
    else expect(added.json()).toMatchObject({ ca: 'new', parent: 'testbed', changed: 'yes', dryRun: false })
    expect(await parentsOf(dataDir, 'new')).toEqual(['testbed'])
  }
})

it('names the next step where a repository or a certificate is missing', async () => {
  const dataDir = box.copy()
  await runAt(dataDir, ['ca', 'add', 'new'])
  const early = await runAt(dataDir, ['keyroll', 'init', 'new'])
  expect([early.code, early.stderr]).toEqual([1, expect.stringMatching(/brine .*ca show new lists its classes/)])
  await runAt(dataDir, ['child', 'add', 'testbed', 'new', '--local', '--resources', '10.0.0.0/8'])
  const added = await runAt(dataDir, ['parent', 'add', 'new', 'testbed', '--local'])
  expect(added.stdout).toMatch(
    /\(no certificate yet\).*\nnext, if it has no repository: brine .*repo configure new --local$/m,
  )
})

it('a dry run changes nothing', async () => {
  const dataDir = box.copy()
  await runAt(dataDir, ['ca', 'add', 'new'])
  await runAt(dataDir, ['child', 'add', 'testbed', 'new', '--local', '--resources', '10.0.0.0/8'])
  const dry = await runAt(dataDir, ['parent', 'add', 'new', 'testbed', '--local', '--dry-run', '--json'])
  expect(dry.json()).toMatchObject({ changed: 'no', wouldChange: true, dryRun: true })
  expect(await parentsOf(dataDir, 'new')).toEqual([])
})

it.each([
  [1, 'parent-unknown', ['parent', 'add', 'acme', 'nobody', '--local']],
  [1, 'ca-unknown', ['parent', 'add', 'nobody', 'testbed', '--local']],
  [1, 'parent-duplicate', ['parent', 'add', 'acme', 'testbed', '--local']],
  [2, 'parent-where', ['parent', 'add', 'acme', 'ta']],
])('exit %i, %s: brine %j', async (exit, code, args) => {
  expect(await refusalOf(box.dataDir, args)).toEqual([exit, code])
})
