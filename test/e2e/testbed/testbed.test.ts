/** `brine testbed init`: a sandbox in one command, and what it refuses. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { refusalOf, runAt, type Sandbox, sandbox } from '../../support/sites/operator-box.js'

let box: Sandbox
beforeAll(async () => {
  box = await sandbox()
})
afterAll(() => box.remove())

it('makes the directory, the publication server, the trust anchor and a CA with all resources', async () => {
  const dataDir = join(box.path, 'new')
  const made = await runAt(dataDir, ['testbed', 'init', '--test', '--json'])
  expect([made.code, made.stderr]).toEqual([0, ''])
  expect(made.json()).toMatchObject({ dataDir, ta: 'ta', ca: 'testbed', changed: 'yes', published: true })
  const { cas } = (await runAt(dataDir, ['ca', 'list', '--json'])).json<{
    cas: { handle: string; parents: string[] }[]
  }>()
  expect(cas.map((ca) => [ca.handle, ca.parents])).toEqual([['testbed', ['ta']]])
  expect(existsSync(join(dataDir, 'repo', 'ta', 'ta.tal'))).toBe(true)
})

it('says which command comes next', async () => {
  const dataDir = join(box.path, 'text')
  const { code, stdout } = await runAt(dataDir, ['testbed', 'init', '--test'])
  expect([code, stdout]).toEqual([0, expect.stringContaining(`brine --data-dir ${dataDir} ca add`)])
})

it('refuses a directory that has CAs, and a URI that is not one', async () => {
  expect(await refusalOf(box.dataDir, ['testbed', 'init'])).toEqual([1, 'testbed-has-cas'])
  const dataDir = join(box.path, 'never')
  const uris = ['--rsync', 'http://x/', '--rrdp', 'https://x/']
  expect(await refusalOf(dataDir, ['testbed', 'init', '--test', ...uris])).toEqual([1, 'uri-invalid'])
  expect(existsSync(dataDir)).toBe(false)
})
