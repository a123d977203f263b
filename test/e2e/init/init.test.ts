/** `brine init`: a data directory made by a command, and every place that it refuses. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { runBrine, scratchDir } from '../../support/processes/cli.js'

const { path, remove } = scratchDir()
afterAll(remove)

const init = (dataDir: string, ...more: readonly string[]) => runBrine(['init', ...more], { dataDir })

it('makes the marker, the configuration and the HTTPS key, closed to others', async () => {
  const dataDir = join(path, 'new')
  const ran = await init(dataDir)
  expect([ran.code, ran.stderr, ran.stdout]).toEqual([0, '', expect.stringContaining(dataDir)])
  const mode = (name: string): number => statSync(join(dataDir, name)).mode & 0o777
  expect(['.', 'keys', 'brine.json', 'brine.toml', 'ssl/key.pem'].map(mode)).toEqual([
    0o711, 0o700, 0o600, 0o600, 0o600,
  ])
  const listed = await runBrine(['ca', 'list', '--json'], { dataDir })
  expect(listed.json()).toMatchObject({ cas: [] })
})

it('takes an empty directory, and reports its id as JSON', async () => {
  const dataDir = join(path, 'empty')
  mkdirSync(dataDir)
  const report = (await init(dataDir, '--test', '--json')).json<{ id: string }>()
  expect(report).toMatchObject({ dataDir, test: true })
  expect(JSON.parse(readFileSync(join(dataDir, 'brine.json'), 'utf8'))).toMatchObject({ id: report.id })
})

it.each([
  ['a data directory', ''],
  ['a folder that holds something', 'foreign'],
])('refuses %s and leaves it as it is', async (_, name) => {
  const dataDir = name === '' ? join(path, 'twice') : join(path, name)
  if (name === '') await init(dataDir)
  else {
    mkdirSync(dataDir)
    writeFileSync(join(dataDir, 'letter.txt'), 'mine')
  }
  const before = readdirSync(dataDir)
  const ran = await init(dataDir, '--json')
  const { error } = ran.json<{ error: { code: string; changed: string } }>()
  expect([ran.code, error.code, error.changed]).toEqual([1, 'init-not-empty', 'no'])
  expect(readdirSync(dataDir)).toEqual(before)
})
