/** `--quiet`: a command that changes something says nothing, unless something is wrong. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { runBrine, scratchDir } from '../../support/processes/cli.js'

const scratch = scratchDir()
afterAll(scratch.remove)

const SILENT = { code: 0, stdout: '', stderr: '' }
const TESTBED = ['testbed', 'init', '--test', '--rsync', 'rsync://h/r/', '--rrdp', 'https://h/r/']

it('init, testbed init, tick and pubserver write: not a word', async () => {
  const run = (args: readonly string[], dir: string, now = '2026-11-21T12:00:00Z') =>
    runBrine([...args, '--quiet'], { dataDir: join(scratch.path, dir), now })
  expect(await run(['init', '--test'], 'plain')).toMatchObject(SILENT)
  expect(await run(TESTBED, 'box')).toMatchObject(SILENT)
  expect(await run(['pubserver', 'write'], 'box')).toMatchObject(SILENT)
  expect(await run(['tick'], 'box', '2026-11-22T09:00:00Z')).toMatchObject(SILENT)
  rmSync(join(scratch.path, 'box', 'cas', 'testbed'), { recursive: true })
  const broken = await run(['tick'], 'box', '2026-11-22T09:00:00Z')
  expect(broken).toMatchObject({ code: 3, stdout: '' })
  expect(broken.stderr).toMatch(/^Error: testbed: .*cas\/testbed.*\n$/)
})
