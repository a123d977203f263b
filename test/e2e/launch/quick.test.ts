/** The quick path runs every valid command line with the values that oclif reads in it, and leaves every other one to oclif. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { Config } from '@oclif/core/config'
import { normalizeArgv as oclifWords } from '@oclif/core/help'
import { beforeAll, describe, expect, it } from 'vitest'
import { joinCommand, normalizeArgv } from '../../../src/core/cli/argv.js'
import { type CommandLine, commandLines, type Definition } from './command-lines.js'

const ROOT = join(import.meta.dirname, '../../..')

interface Instance {
  parse(shape: object): Promise<object>
}
type CommandClass = {
  id: string
  readonly args?: Readonly<Record<string, Definition>>
  readonly flags?: Readonly<Record<string, Definition>>
  readonly baseFlags: Readonly<Record<string, Definition>>
} & (new (
  argv: readonly string[],
  config: object,
) => Instance)
interface Bundle {
  readonly commands: Readonly<Record<string, () => Promise<{ readonly default: CommandClass }>>>
  readonly accept: (
    words: readonly string[],
  ) => Promise<string | { readonly id: string; readonly argv: readonly string[]; readonly command: CommandClass }>
}
interface Launcher {
  readonly createLoader: (dist: string, folder: string) => { readonly load: (file: string) => unknown }
  readonly DAILY_READS: readonly (readonly string[])[]
}

const { createLoader, DAILY_READS } = createRequire(import.meta.url)(join(ROOT, 'bin/launch.js')) as Launcher
const { load } = createLoader(join(ROOT, 'dist'), join(ROOT, 'none'))
const all = load(join(ROOT, 'dist/quick/all.js')) as Bundle
const daily = load(join(ROOT, 'dist/quick/daily.js')) as Bundle
const ids = Object.keys(
  (JSON.parse(readFileSync(join(ROOT, 'oclif.manifest.json'), 'utf8')) as { readonly commands: object }).commands,
)
const program = { bin: 'brine', version: '0', root: ROOT, commandIDs: ids }
let config: Config

beforeAll(async () => {
  config = await Config.load({ root: ROOT, userPlugins: false, devPlugins: false })
})

const slow = (id: string): CommandClass =>
  (load(join(ROOT, 'dist/commands', `${id.replaceAll(':', '/')}.js`)) as { readonly default: CommandClass }).default

/** What a line is read as: its values, or the error. */
type Reading = { readonly line: unknown } | { readonly error: unknown }

async function reading(command: CommandClass, argv: readonly string[], surroundings: object): Promise<Reading> {
  try {
    return { line: await new command(argv, surroundings).parse(command) }
  } catch (error) {
    const { message, code, hint } = error as { message: string; code?: unknown; hint?: unknown }
    return { error: { message, code, hint } }
  }
}

/** Reads a line as the program with oclif does; undefined if it is no command. */
async function bySlow(words: readonly string[]): Promise<Reading | undefined> {
  const isCommand = (id: string): boolean => config.findCommand(id) !== undefined
  const [id = '', ...argv] = oclifWords(config, joinCommand(normalizeArgv(words, isCommand), isCommand))
  if (!isCommand(id) || argv.includes('--help')) return undefined
  return reading(Object.assign(slow(id), { id }), argv, config)
}

/** Reads a line on the quick path; undefined if oclif has to read it. */
async function byQuick(words: readonly string[], bundle = all): Promise<Reading | undefined> {
  const line = await bundle.accept(words)
  if (typeof line === 'string') return undefined
  return reading(Object.assign(line.command, { id: line.id }), line.argv, program)
}

const ENVIRONMENT = ['BRINE_DATA_DIR', 'BRINE_CONFIG', 'BRINE_ACTOR', 'BRINE_PASSPHRASE_FILE']

async function readBoth({ words, env }: CommandLine) {
  for (const name of ENVIRONMENT) delete process.env[name]
  Object.assign(process.env, env)
  const [quick, slow] = [await byQuick(words), await bySlow(words)]
  for (const name of Object.keys(env)) delete process.env[name]
  return { quick, slow }
}

async function linesOf(id: string): Promise<readonly CommandLine[]> {
  const { args = {}, flags = {}, baseFlags } = slow(id)
  const named = (some: Readonly<Record<string, Definition>>): Definition[] =>
    Object.entries(some).map(([name, one]) => ({ ...one, name }))
  return commandLines(id, { args: named(args), flags: named({ ...baseFlags, ...flags }) })
}

describe('on the quick path', () => {
  it('there is every command', () => {
    expect(Object.keys(all.commands).sort()).toEqual([...ids].sort())
    expect(Object.keys(daily.commands)).toEqual(DAILY_READS.map((words) => words.join(':')))
  })

  it.each(ids)('%s is read as oclif reads it, or left to oclif', async (id) => {
    const lines = await linesOf(id)
    const counts = { accepted: 0, left: 0 }
    for (const line of lines) {
      const { quick, slow } = await readBoth(line)
      const shown = JSON.stringify(line)
      counts[quick === undefined ? 'left' : 'accepted'] += 1
      if (quick !== undefined) expect(quick, shown).toEqual(slow)
      // a plain line is left to oclif only for a reason that oclif reports
      else if (line.isPlain) expect(slow, shown).toHaveProperty('error')
    }
    expect(counts.accepted).toBeGreaterThan(10)
    expect(counts.left).toBeGreaterThan(10)
  })

  it.each(DAILY_READS.map((words) => words.join(':')))('%s is the same in the bundle of daily reads', async (id) => {
    for (const { words, env } of await linesOf(id)) {
      Object.assign(process.env, env)
      expect(await byQuick(words, daily)).toEqual(await byQuick(words))
      for (const name of Object.keys(env)) delete process.env[name]
    }
  })
})
