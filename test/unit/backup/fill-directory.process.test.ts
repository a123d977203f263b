/** A destination that is filled: what fails after it is complete is a warning and not a failure. */
import fs, { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { afterAll, afterEach, expect, test, vi } from 'vitest'
import { fillDirectory } from '../../../src/core/backup/fill-directory.js'
import { scratchFolder } from '../../support/sites/testbed.js'

const scratch = scratchFolder('fill')
afterEach(() => {
  vi.restoreAllMocks()
  syncBuiltinESMExports()
})
afterAll(() => scratch.remove())

test('an emptied staging folder that cannot be removed is named, and the directory is there', async () => {
  const dir = join(scratch.dir, 'data')
  const warnings: string[] = []
  const { rmSync } = fs
  vi.spyOn(fs, 'rmSync').mockImplementation((path, options) => {
    if (String(path).endsWith('.restoring'))
      throw Object.assign(new Error('EIO: rmdir'), { code: 'EIO', syscall: 'rmdir' })
    rmSync(path, options)
  })
  syncBuiltinESMExports()
  const options = { lockTimeout: 5, command: 'test', onWarning: (text: string) => void warnings.push(text) }
  const built = await fillDirectory(dir, options, async (staging) => {
    writeFileSync(join(staging, 'brine.json'), '{}\n')
    return 'built'
  })
  expect([built, existsSync(join(dir, 'brine.json')), readdirSync(join(dir, '.restoring'))]).toEqual([
    'built',
    true,
    [],
  ])
  expect(warnings.join('\n')).toContain('.restoring')
})
