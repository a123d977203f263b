/** A configuration that says what it may not: every fault with its line, exit 2, before anything else happens. */
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { expectRefused, footprint, inTurn, makeSandbox, type Sandbox } from '../../support/sites/bad-input-box.js'

let sandbox: Sandbox & { readonly remove: () => void }

beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

const ADD = ['roa', 'add', 'acme', '192.0.2.0/25=AS64496']
const COMMANDS = [['ca', 'list'], ADD, ['tick'], ['republish', '--now']]

async function expectFaulty(text: string, says: readonly (string | RegExp)[]): Promise<void> {
  const path = join(sandbox.dir, '..', 'other.toml')
  writeFileSync(path, text)
  const before = footprint(sandbox.dir)
  await inTurn(COMMANDS, (args) =>
    expectRefused(sandbox, ['--config', path, ...args], { exit: 2, code: 'config-invalid', says: [path, ...says] }),
  )
  expect(footprint(sandbox.dir)).toEqual(before)
}

it('an unknown key is named with its line, and the one that was meant', () =>
  expectFaulty('# mine\n\nkey_pool_sizes = 3\n', ['other.toml:3: ', 'key_pool_sizes', 'did you mean key_pool_size?']))

it('a bad duration, a number out of range, a wrong type', () =>
  expectFaulty('lock_timeout = "soon"\nkey_pool_size = -1\nsnapshot_interval = "5"\n', [
    /line 1: .*lock_timeout/,
    /line 2: .*key_pool_size/,
    /line 3: .*snapshot_interval/,
  ]))

it('TOML that is none, with the line', async () => {
  await expectFaulty('key_pool_size = 3\nlock_timeout = \n', [/other\.toml:2: .*TOML/])
  await expectFaulty('key_pool_size = 3\n[\n', [/other\.toml:2: .*TOML/])
  await expectFaulty('key_pool_size = 3\nkey_pool_size = 4\n', [/other\.toml:2: .*TOML/])
})

it('all faults at once', async () => {
  await expectFaulty('nonsense = 1\nlock_timeout = "1x"\n__proto__ = 1\n', ['nonsense', 'lock_timeout', '__proto__'])
})

it('a configuration that is not there, named or not, is a fault and never the defaults', async () => {
  const path = join(sandbox.dir, '..', 'none.toml')
  await expectRefused(sandbox, ['--config', path, 'ca', 'list'], { exit: 2, code: 'config-missing', says: [path] })
  await expectRefused(sandbox, ['--config', sandbox.dir, 'ca', 'list'], {
    exit: 14,
    code: 'config-unreadable',
    says: ['EISDIR'],
  })
  const box = sandbox.copy()
  rmSync(join(box.dir, 'brine.toml'))
  await expectRefused(box, ['ca', 'list'], { exit: 2, code: 'config-missing', says: ['brine.toml', 'touch '] })
})

it('the clock of tests counts only in a directory made for tests, and must be a time', async () => {
  const options = { now: 'yesterday' }
  await expectRefused(
    sandbox,
    ['ca', 'list'],
    { exit: 2, code: 'now-invalid', says: ['BRINE_NOW', '"yesterday"'] },
    options,
  )
  const live = join(sandbox.dir, '..', 'live')
  expect((await sandbox.run(['init', '--data-dir', live], { env: { BRINE_NOW: '' } })).code).toBe(2)
})
