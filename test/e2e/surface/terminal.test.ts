/** What a terminal of 80 or 120 columns shows of tables with a very long handle, and what a pipe and --json show. */
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { displayWidth } from '../../../src/core/cli/terminal/display-width.js'
import { projectDir } from '../../support/processes/brine-shim.js'
import { runBrine } from '../../support/processes/cli.js'
import { needProgram } from '../../support/processes/missing.js'
import { brineOk, newTestbed, scratchFolder } from '../../support/sites/testbed.js'

const NOW = '2026-11-22T10:00:00Z'
const LONG = `z${'y'.repeat(253)}z`
const COMMENT =
  '東京 office, second floor, the one that was announced from the old building until the move of 2024 was over'
const RESOURCES = Array.from({ length: 40 }, (_, i) => `10.${i * 2}.0.0/16`)
const folder = scratchFolder('terminal')
const dataDir = join(folder.dir, 'data')

beforeAll(async () => {
  await newTestbed(dataDir, NOW)
  await brineOk(dataDir, ['ca', 'add', LONG, '--under', 'testbed', '--resources', RESOURCES.join(',')], NOW)
  writeFileSync(join(folder.dir, 'roas'), `A: 10.2.0.0/16-24 => 4200000000 # ${COMMENT}\n`)
  await brineOk(dataDir, ['roa', 'update', LONG, '--file', join(folder.dir, 'roas')], NOW)
})
afterAll(() => folder.remove())

const TABLES = [
  ['status'],
  ['ca', 'list'],
  ['child', 'list', 'testbed'],
  ['roa', 'list', LONG],
  ['history', 'list'],
  ['pubserver', 'show'],
  ['audit', 'verify'],
  ['archive', '--dry-run'],
] as const

/** Returns the table in what a terminal showed, and what follows it. */
function tableOf(shown: string): readonly string[] {
  const lines = shown.split('\r\n').map((line) => line.slice(line.lastIndexOf('\u001b[K') + 1).replace(/^\[K/, ''))
  return lines.slice(lines.findIndex((line) => /^[A-Z]+ {2,}[A-Z]+/.test(line)))
}

describe.for([80, 120])('on a terminal of %i columns', (columns) => {
  test.for(TABLES)('%s %s fits', (words, context) => {
    const script = needProgram(context, 'script')
    const line = `stty cols ${columns}; '${process.execPath}' '${join(projectDir, 'bin/run.js')}' ${words.join(' ')}`
    const env = { PATH: process.env['PATH'], BRINE_DATA_DIR: dataDir, BRINE_NOW: NOW, NO_COLOR: '1', TERM: 'xterm' }
    const { status, stdout } = spawnSync(script, ['-qec', line, '/dev/null'], { encoding: 'utf8', env })
    expect(status, stdout).toBe(0)
    // the digest of audit verify is the last line and no part of its table
    const table = tableOf(stdout).filter((shown) => !shown.startsWith('logical='))
    expect(table.length).toBeGreaterThan(1)
    expect(table.filter((shown) => displayWidth(shown) > columns)).toEqual([])
  })
})

test('a pipe gets every character', async () => {
  const text = async (...words: string[]): Promise<string> => (await runBrine(words, { dataDir, now: NOW })).stdout
  const cas = await text('ca', 'list')
  for (const whole of [LONG, RESOURCES[0] ?? '', RESOURCES.at(-1) ?? '']) expect(cas).toContain(whole)
  expect(await text('roa', 'list', LONG)).toContain(COMMENT)
  expect(await text('history', 'list')).toContain(`ca/${LONG}`)
  const digests = (await text('audit', 'verify')).match(/ [0-9a-f]{64} /g)
  expect(digests?.length).toBeGreaterThan(3)
})

test('--json on a terminal gets every character', (context) => {
  const script = needProgram(context, 'script')
  const line = `stty cols 80; '${process.execPath}' '${join(projectDir, 'bin/run.js')}' roa list ${LONG} --json`
  const env = { PATH: process.env['PATH'], BRINE_DATA_DIR: dataDir, BRINE_NOW: NOW }
  const { stdout } = spawnSync(script, ['-qec', line, '/dev/null'], { encoding: 'utf8', env })
  expect(JSON.parse(stdout)).toMatchObject({ ca: LONG, roas: [{ comment: COMMENT }] })
})
