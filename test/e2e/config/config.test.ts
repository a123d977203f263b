/** `brine config` as users run it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import type { ConfigCheckReport, ConfigShowReport } from '../../../src/core/app/operations/config.js'
import { brine, runBrine, scratchDir } from '../../support/processes/cli.js'

const { path, remove } = scratchDir()
const dataDir = join(path, 'data')
const file = join(dataDir, 'brine.toml')
const set = (text: string): void => writeFileSync(file, text)

beforeAll(() => brine(['init'], { dataDir }))
beforeEach(() => set(''))
afterAll(remove)

it('finds nothing wrong with what init wrote', async () => {
  const { code, json } = await runBrine(['config', 'check', '--json'], { dataDir })
  expect(code).toBe(0)
  expect(json()).toEqual({ ok: true, file, problems: [], set: 0, cas: 0, servers: 0 })
})

it('names every fault with its line, with exit 2 in both modes', async () => {
  set('key_pool_size = -1\n\nroa_treshold = 3\nlock_timeout = 30\n')
  const { code, json } = await runBrine(['config', 'check', '--json'], { dataDir })
  const report = json<ConfigCheckReport>()
  expect(code).toBe(2)
  expect(report.ok).toBe(false)
  expect(report.problems.map((p) => [p.level, p.line, p.key])).toEqual([
    ['error', 1, 'key_pool_size'],
    ['error', 3, 'roa_treshold'],
    ['error', 4, 'lock_timeout'],
  ])
  const text = await runBrine(['config', 'check'], { dataDir })
  expect(text.code).toBe(2)
  expect(text.stdout).toContain(`${file}:4: lock_timeout must be a duration`)
})

it('warns of what is allowed and unwise, and tries a file without a data directory', async () => {
  const other = join(path, 'other.toml')
  writeFileSync(other, 'timing_publish_next_hours = 48\n')
  const { code, stdout } = await runBrine(['config', 'check', '--config', other])
  expect(code).toBe(0)
  expect(stdout).toMatch(/other\.toml:1: warning: .*replayed/)
  expect((await runBrine(['config', 'check', '--config', join(path, 'none.toml')])).code).toBe(2)
  expect((await runBrine(['config', 'check'])).code).toBe(2)
  expect((await runBrine(['config', 'check'], { dataDir: path })).code).toBe(10)
})

it('shows every key with its value and where it comes from', async () => {
  set('lock_timeout = "2m"\n')
  const { entries, digest } = (await brine(['config', 'show', '--json'], { dataDir })).json<ConfigShowReport>()
  expect(entries.find((e) => e.key === 'lock_timeout')).toEqual({ key: 'lock_timeout', value: 120, source: 'file' })
  expect(entries.find((e) => e.key === 'tick_period')).toEqual({ key: 'tick_period', value: 300, source: 'default' })
  expect(entries.find((e) => e.key === 'archive_threshold_days')).toMatchObject({ value: null })
  expect(digest).toMatch(/^[0-9a-f]{64}$/)
  expect((await brine(['config', 'show'], { dataDir })).stdout).toMatch(/lock_timeout +120 +file/)
  set('x = 1\n')
  expect((await runBrine(['config', 'show'], { dataDir })).code).toBe(2)
})
