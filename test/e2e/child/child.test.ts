/** `brine child`: add, list, show, update and remove, as text and as JSON. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

it('list and show name the children with their resources and certificates', async () => {
  const text = await runAt(box.dataDir, ['child', 'list', 'testbed'])
  expect([text.code, text.stdout]).toEqual([0, expect.stringMatching(/^acme +1 +AS64496, 192\.0\.2\.0\/24$/m)])
  const acme = { child: 'acme', transport: 'local', resources: { asn: 'AS64496', ipv4: '192.0.2.0/24', ipv6: '' } }
  expect((await runAt(box.dataDir, ['child', 'list', 'testbed', '--json'])).json()).toMatchObject({ children: [acme] })
  const shown = await runAt(box.dataDir, ['child', 'show', 'testbed', 'acme', '--json'])
  expect(shown.json()).toMatchObject({ ca: 'testbed', ...acme, certificates: [{ resources: acme.resources }] })
})

it('update gives more resources, and remove takes all of them after a confirmation', async () => {
  const dataDir = box.copy()
  const update = ['child', 'update', 'testbed', 'acme', '--add', '10.1.0.0/16']
  expect((await runAt(dataDir, [...update, '--json'])).json()).toMatchObject({
    child: 'acme',
    lost: [],
    published: true,
  })
  const { resources } = (await runAt(dataDir, ['ca', 'show', 'acme', '--json'])).json<{ resources: { ipv4: string } }>()
  expect(resources.ipv4).toBe('10.1.0.0/16, 192.0.2.0/24')
  const remove = ['child', 'remove', 'testbed', 'acme']
  expect(await refusalOf(dataDir, remove)).toEqual([2, 'confirmation-needed'])
  const removed = await runAt(dataDir, [...remove, '--yes', '--reason', 'test'])
  expect([removed.code, removed.stderr]).toEqual([0, ''])
  expect(removed.stdout).toMatch(/next: brine ca remove acme --dry-run/)
  expect((await runAt(dataDir, ['child', 'list', 'testbed', '--json'])).json()).toMatchObject({ children: [] })
})

it('add entitles a CA that has no certificate yet', async () => {
  const dataDir = box.copy()
  const add = ['child', 'add', 'testbed', 'new', '--local', '--resources', '10.0.0.0/8']
  expect((await runAt(dataDir, [...add, '--json'])).json()).toMatchObject({
    ca: 'testbed',
    child: 'new',
    changed: 'yes',
  })
  expect((await runAt(dataDir, ['child', 'show', 'testbed', 'new', '--json'])).json()).toMatchObject({
    certificates: [],
  })
})

it.each([
  [1, 'parent-unknown', ['child', 'list', 'nobody']],
  [1, 'child-unknown', ['child', 'show', 'testbed', 'nobody']],
  [1, 'child-duplicate', ['child', 'add', 'testbed', 'acme', '--local', '--resources', '10.0.0.0/8']],
])('exit %i, %s: brine %j', async (exit, code, args) => {
  expect(await refusalOf(box.dataDir, args)).toEqual([exit, code])
})
