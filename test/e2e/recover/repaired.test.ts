/** `brine recover` says of each repaired file what was done: rebuilt, put back from where it was moved, or restored from a copy. */
import { appendFileSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeSandbox, type Sandbox } from '../../support/sites/bad-input-box.js'

let sandbox: Sandbox & { readonly remove: () => void }
beforeAll(async () => {
  sandbox = await makeSandbox()
})
afterAll(() => sandbox.remove())

describe('each repaired file says what was done', () => {
  it('a cache is rebuilt', async () => {
    const box = sandbox.copy()
    appendFileSync(join(box.dir, 'cas/testbed/info.json'), 'x')
    const { stdout } = await box.run(['recover', '--yes'])
    expect(stdout).toContain('#   rebuilt: cas/testbed/info.json\n')
    expect(stdout).not.toMatch(/restored|backup/)
  })

  it('a file of history that was moved aside is put back', async () => {
    const box = sandbox.copy()
    const folder = join(box.dir, 'cas/testbed')
    mkdirSync(join(folder, 'surplus'))
    renameSync(join(folder, 'command-1.json'), join(folder, 'surplus/command-1.json.0123456789ab'))
    const { stdout } = await box.run(['recover', '--yes'])
    expect(stdout).toContain(
      '#   put back: cas/testbed/command-1.json, from cas/testbed/surplus/command-1.json.0123456789ab\n',
    )
  })

  it('one that is in a copy is restored from it', async () => {
    const [box, copy] = [sandbox.copy(), sandbox.copy()]
    rmSync(join(box.dir, 'cas/testbed/command-1.json'))
    const { stdout } = await box.run(['recover', '--yes', '--from', copy.dir])
    expect(stdout).toContain('#   restored from a copy: cas/testbed/command-1.json\n')
  })
})
