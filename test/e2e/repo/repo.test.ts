/** `brine repo`: the repository of a CA is configured, and brought to what the CA wants published. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

it('configure publishes a CA that has a parent; again it does nothing', async () => {
  const dataDir = box.copy()
  await runAt(dataDir, ['ca', 'add', 'new'])
  await runAt(dataDir, ['child', 'add', 'testbed', 'new', '--local', '--resources', '10.0.0.0/8'])
  await runAt(dataDir, ['parent', 'add', 'new', 'testbed', '--local'])
  const configure = ['repo', 'configure', 'new', '--local']
  const done = await runAt(dataDir, [...configure, '--json'])
  expect([done.code, done.stderr]).toEqual([0, ''])
  expect(done.json()).toMatchObject({ ca: 'new', changed: 'yes', published: true, repository: { transport: 'local' } })
  const again = await runAt(dataDir, configure)
  expect([again.code, again.stdout]).toEqual([0, 'new: nothing to do\n'])
})

it('sync of a CA that is published as it wants changes nothing', async () => {
  const text = await runAt(box.dataDir, ['repo', 'sync', 'acme'])
  expect([text.code, text.stdout, text.stderr]).toEqual([0, 'acme: nothing to do\n', ''])
  const json = (await runAt(box.dataDir, ['repo', 'sync', 'acme', '--json'])).json()
  expect(json).toMatchObject({ ca: 'acme', put: 0, withdrawn: 0, changed: 'no' })
})

it.each([
  [1, 'ca-unknown', ['repo', 'sync', 'nobody']],
  [1, 'ca-unknown', ['repo', 'configure', 'nobody', '--local']],
  [2, 'repo-where', ['repo', 'configure', 'acme']],
])('exit %i, %s: brine %j', async (exit, code, args) => {
  expect(await refusalOf(box.dataDir, args)).toEqual([exit, code])
})
