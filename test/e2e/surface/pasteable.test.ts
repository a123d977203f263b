/** Every command that the program prints can be pasted: it has the `--data-dir` of the command line that printed it. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { projectDir } from '../../support/processes/brine-shim.js'
import { type RunResult, runBrine } from '../../support/processes/cli.js'
import { scratchFolder } from '../../support/sites/testbed.js'

const NOW = '2026-11-22T10:00:00Z'
const folder = scratchFolder('pasteable')
/** With a space, so that it has to be quoted. */
const dataDir = join(folder.dir, 'data dir')
afterAll(() => folder.remove())

const topics = new Set(readdirSync(join(projectDir, 'src/commands')).map((name) => name.replace(/\.ts$/, '')))

/** Commands that were printed without the flag that was given. */
function incomplete({ stdout, stderr }: RunResult): readonly string[] {
  return [...`${stdout}${stderr}`.matchAll(/(?<!man )(?<![\w/.-])brine ([a-z-]+)[^\n;,]*/g)]
    .filter(([text, word = '']) => topics.has(word) && !text.includes('--help'))
    .map(([text]) => text)
}

async function run(words: readonly string[], now = NOW): Promise<RunResult> {
  return runBrine([...words, '--data-dir', dataDir], { now, cwd: folder.dir })
}

const SETUP = [
  ['init', '--test'],
  ['pubserver', 'show'],
  ['ca', 'list'],
  ['ca', 'add', 'orphan'],
  ['pubserver', 'init', '--rsync', 'rsync://rpki.example.net/repo/', '--rrdp', 'https://rpki.example.net/rrdp/'],
  [
    'ta',
    'init',
    '--tal-https',
    'https://rpki.example.net/ta/ta.cer',
    '--tal-rsync',
    'rsync://rpki.example.net/ta/ta.cer',
  ],
  ['ca', 'add', 'acme', '--under', 'ta', '--resources', '10.0.0.0/8,AS64496'],
  ['ca', 'add', 'branch', '--under', 'acme', '--resources', '10.1.0.0/16'],
  ['roa', 'add', 'acme', '10.0.0.0/16 => 64496'],
  ['status'],
  ['child', 'update', 'acme', 'branch', '--resources', 'none', '--yes', '--reason', 'test'],
  ['child', 'remove', 'acme', 'branch', '--yes', '--reason', 'test'],
  ['ca', 'remove', 'branch', '--dry-run'],
] as const

/** Commands that fail, or that have findings. */
const FAULTS = [
  ['ca', 'show', 'nope'],
  ['roa', 'add', 'acme', '192.0.2.0/24 => 64496'],
  ['roa', 'add', '192.0.2.0/24 => 64496'],
  ['roa', 'remove', 'acme', '10.9.0.0/16 => 64496'],
  ['child', 'show', 'acme', 'nope'],
  ['child', 'add', 'acme', 'new', '--resources', '10.2.0.0/16'],
  ['history', 'list', 'nope'],
  ['history', 'show', 'ca/acme', '99'],
  ['est', 'cert', 'show', 'nope'],
  ['est', 'cert', 'revoke', 'nope', '--yes'],
  ['est', 'enroll', 'device', '--csr', 'nope'],
  ['ha', 'probe'],
  ['ha', 'status'],
  ['promote', '--reason', 'x'],
  ['backup', 'create', 'b'],
  ['backup', 'verify', 'nope'],
  ['clock', 'show'],
  ['contrib', 'nope'],
  ['recover', 'ca/nope'],
  ['demote', '--reason', 'x'],
  ['status'],
] as const

describe('commands that are printed have the --data-dir that was given', () => {
  test('in reports', async () => {
    for (const words of SETUP) {
      const ran = await run(words)
      expect({ words, code: ran.code, stderr: ran.stderr }).toEqual({ words, code: 0, stderr: '' })
      expect({ words, incomplete: incomplete(ran) }).toEqual({ words, incomplete: [] })
    }
    expect((await run(['ca', 'add', 'last'])).stdout).toContain(`brine --data-dir '${dataDir}' repo configure last`)
  })

  test('in hints', async () => {
    for (const words of FAULTS) {
      const ran = await run(words)
      expect({ words, incomplete: incomplete(ran) }).toEqual({ words, incomplete: [] })
    }
  })
})
