/** Help that can be acted on: every command has runnable examples, and says its exit codes. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Config } from '@oclif/core/config'
import { expect, test } from 'vitest'
import { BrineHelp } from '../../../src/core/cli/help.js'
import { exitStatusOf } from '../../../src/core/cli/manual/exit-status.js'
import { EXIT_STATUS } from '../../../src/core/cli/manual/facts.js'
import { projectDir } from '../../support/processes/brine-shim.js'
import { runBrine } from '../../support/processes/cli.js'

interface Command {
  readonly flags?: Readonly<Record<string, unknown>>
  readonly examples?: readonly string[]
  readonly summary?: string
  readonly description?: string
}
interface Manifest {
  readonly commands: Readonly<Record<string, Command>>
}
const MANIFEST: Manifest = JSON.parse(readFileSync(join(import.meta.dirname, '../../../oclif.manifest.json'), 'utf8'))

test('every command has a summary and an example that begins with itself', () => {
  const lacking = Object.entries(MANIFEST.commands)
    .filter(
      ([id, { summary, examples }]) =>
        !summary || !examples?.some((e) => e.includes(`<%= config.bin %> ${id.replaceAll(':', ' ')}`)),
    )
    .map(([id]) => id)
  expect(Object.keys(MANIFEST.commands).length).toBeGreaterThan(30)
  expect(lacking).toEqual([])
})

const REST = 'brine(1) lists the exit codes of every command, under EXIT STATUS.'

test.each([['roa', 'remove'], ['roa'], []])(
  'brine %s %s --help ends with where the exit codes are',
  async (...words) => {
    const { code, stdout } = await runBrine([...words, '--help'])
    expect(code).toBe(0)
    expect(stdout).toMatch(/EXIT CODES\n {2}brine\(1\) lists .*\n$/)
  },
)

test('the help of a command has the exit codes that mean more there', async () => {
  const { stdout } = await runBrine(['audit', 'diff', '--help'])
  const lines = ['    0  no difference', '   12  history is damaged', `  ${REST}`]
  for (const line of lines) expect(stdout.split('\n')).toContain(line)
})

test('every exit code of a command is one of the table', () => {
  const known = new Set(EXIT_STATUS.map(([code]) => code))
  const own = Object.entries(MANIFEST.commands).flatMap(([id, command]) =>
    exitStatusOf(command).map(([code, meaning]) => ({ id, code, meaning })),
  )
  expect(own.length).toBeGreaterThan(50)
  expect(own.filter(({ code, meaning }) => !known.has(code) || meaning === '')).toEqual([])
})

test('no exit code hides in a description', () => {
  const hidden = Object.entries(MANIFEST.commands).filter(([, { description }]) =>
    /exit codes?:/i.test(description ?? ''),
  )
  expect(hidden.map(([id]) => id)).toEqual([])
})

test.each([80, 120])('all help fits %i columns', async (maxWidth) => {
  const config = await Config.load({ root: projectDir })
  let text = ''
  class Captured extends BrineHelp {
    protected override log(...lines: string[]): void {
      text += `${lines.join(' ')}\n`
    }
  }
  const ids = Object.keys(MANIFEST.commands)
  for (const id of ['', 'roa', ...ids])
    await new Captured(config, { maxWidth }).showHelp([...id.split(':').filter((word) => word !== ''), '--help'])
  expect(text.split('\n').filter((line) => line.length > maxWidth)).toEqual([])
  expect(text.split('EXIT CODES').length - 1).toBe(ids.length + 2)
})

test('help is not what follows --', async () => {
  const { stdout } = await runBrine(['roa', 'list', '--', '--help'])
  expect(stdout).not.toContain('EXIT CODES')
})

/** Commands that write and have no `--no-sync`: they change no CA, or publish by themselves, or renumber, after which `repo sync` compares. */
const WITHOUT_NO_SYNC =
  /^(?:archive|audit|backup|ca:id|clean|clock|demote|est|ha|promote|pubserver|recover|repo:sync|restore|setup|ta:init|tls|upgrade)(?::|$)/

test('each command that may change a CA which publishes elsewhere sends the change, and has --no-sync', () => {
  const writing = Object.entries(MANIFEST.commands).filter(([, { flags = {} }]) => 'dry-run' in flags)
  const silent = writing.filter(([, { flags = {} }]) => !('no-sync' in flags)).map(([id]) => id)
  expect(silent.filter((id) => !WITHOUT_NO_SYNC.test(id))).toEqual([])
  const sending = Object.entries(MANIFEST.commands).filter(([, { flags = {} }]) => 'no-sync' in flags)
  expect(sending.map(([id]) => id)).toEqual(expect.arrayContaining(['roa:add', 'republish', 'parent:refresh']))
})
