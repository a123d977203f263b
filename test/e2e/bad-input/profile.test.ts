/** Input that an object could not have: refused as input (1 or 2), before a check of the object calls it a bug (70). */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runBrine } from '../../support/processes/cli.js'
import { makeSandbox, type Sandbox } from '../../support/sites/bad-input-box.js'

let sandbox: Sandbox & { readonly remove: () => void }
beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

it.each([
  [1, 'child-as-zero', ['ca', 'add', 'zero', '--under', 'testbed', '--resources', 'AS0']],
  [1, 'child-as-zero', ['child', 'add', 'testbed', 'zero', '--local', '--resources', 'AS0,AS2']],
  [1, 'child-as-zero', ['child', 'update', 'testbed', 'acme', '--resources', 'AS0']],
])('exit %i, %s: %j', async (exit, code, args) => {
  const ran = await sandbox.run([...args, '--json'])
  expect([ran.code, ran.json<{ error: { code: string } }>().error.code]).toEqual([exit, code])
})

it.each(['1949-01-01T00:00:00Z', '9999-06-01T00:00:00Z'])('exit 2 for BRINE_NOW=%s', async (now) => {
  const ran = await runBrine(['status', '--json', '--data-dir', sandbox.dir], { env: { BRINE_NOW: now } })
  expect([ran.code, ran.json<{ error: { code: string } }>().error.code]).toEqual([2, 'now-invalid'])
})
