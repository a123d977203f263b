/** Two restores of one directory at once: one replaces it, and the other one says so or replaces it after that. Nothing is lost. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { brine, runBrine, scratchDir } from '../../support/processes/cli.js'
import { newTestbed } from '../../support/sites/testbed.js'

const NOW = '2026-11-21T12:00:00Z'
const { path, remove } = scratchDir()
const dir = join(path, 'data')
const backup = join(path, 'backup.tar.gz')
const CONTENT = ['brine.json', 'brine.toml', 'cas', 'commits', 'keys', 'objects', 'pubd', 'ssl', 'ta']

beforeAll(async () => {
  await newTestbed(dir, NOW)
  await brine(['backup', 'create', backup, '--plain'], { dataDir: dir, now: NOW })
})
afterAll(remove)

const trees = (): readonly string[] => readdirSync(path).filter((name) => name !== 'backup.tar.gz')

it.each([1, 2, 3])('keeps every directory that it replaces (round %i)', async () => {
  const before = trees().length
  const restore = () => runBrine(['restore', backup, '--into', dir, '--replace', '--yes'], { now: NOW })
  const ran = await Promise.all([restore(), restore()])
  const said = ran.map(({ code, stderr }) => `exit ${code} ${stderr}`).join('\n')
  const done = ran.filter(({ code }) => code === 0).length
  expect(done, said).toBeGreaterThan(0)
  for (const { code } of ran) expect([0, 11], said).toContain(code)
  expect(trees()).toHaveLength(before + done)
  for (const name of trees()) expect(CONTENT.filter((entry) => !existsSync(join(path, name, entry)))).toEqual([])
  await brine(['pubserver', 'write'], { dataDir: dir, now: NOW })
  await brine(['audit', 'verify'], { dataDir: dir, now: NOW })
})
