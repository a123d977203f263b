/** `testbed init` in its two steps: arguments are checked before the first, and an error in the second reports what the first created. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, expect, it } from 'vitest'
import { initTestbed } from '../../../../src/core/app/operations/testbed.js'
import type { CommandContext, CommitWatch } from '../../../../src/core/base/context.js'
import type { AppError } from '../../../../src/core/base/errors.js'
import { onFileOperation } from '../../../../src/core/store/disk/io-error.js'

const base = mkdtempSync(join(tmpdir(), 'brine-testbed-'))
const dir = join(base, 'data')
const SITE = { rsyncBase: 'rsync://h/r/', rrdpBase: 'https://h/r/', test: true }
const who = { actor: 'tester', osUser: 'tester', host: 'host.example', command: 'test' }

afterAll(() => rmSync(base, { recursive: true, force: true }))
afterEach(() => {
  onFileOperation(undefined)
  rmSync(dir, { recursive: true, force: true })
})

async function refusal(wanted: Partial<typeof SITE>, more: Partial<CommandContext> = {}): Promise<AppError> {
  const options: CommandContext = { dataDir: dir, ...who, ...more }
  return initTestbed(options, { ...SITE, ...wanted }).then(
    () => expect.fail('it was made'),
    (error: AppError) => error,
  )
}

it('creates nothing with an invalid URI or configuration', async () => {
  expect(await refusal({ rsyncBase: 'foo' })).toMatchObject({ kind: 'rejected', changed: 'no' })
  expect(await refusal({ rrdpBase: 'http://h/r/' })).toMatchObject({ kind: 'rejected', changed: 'no' })
  const configPath = join(base, 'odd.toml')
  expect(await refusal({}, { configPath })).toMatchObject({ code: 'config-missing', changed: 'no' })
  writeFileSync(configPath, 'no_such_key = 1')
  expect(await refusal({}, { configPath })).toMatchObject({ kind: 'usage', changed: 'no' })
  expect(existsSync(dir)).toBe(false)
})

it('reports a failure after the directory was created, with the command that continues', async () => {
  onFileOperation((operation, path) => {
    if (operation === 'read' && path.endsWith('status/head.json'))
      throw Object.assign(new Error('full'), { code: 'ENOSPC' })
  })
  const watch: CommitWatch = { changed: 'no' }
  const error = await refusal({}, { watch })
  expect(error).toMatchObject({ kind: 'io', code: 'io-no-space', changed: 'yes', retry: true })
  expect(error.message).toContain(`data directory ${dir} was created, but has no CA yet`)
  expect(error.hint).toMatch(
    /free some space.*; then: brine --data-dir .* testbed init --rsync rsync:..h.r. --rrdp https:..h.r.$/,
  )
  expect(watch.changed).toBe('yes')
  onFileOperation(undefined)
  expect(await initTestbed({ dataDir: dir, ...who }, SITE)).toMatchObject({ ca: 'testbed', changed: true })
})
