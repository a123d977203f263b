/** What shell completion offers at each place of a line, for the commands as they are. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { offerFor } from '../../../../src/core/cli/completion/complete.js'
import { type CommandTable, sourceOfArg, sourceOfFlag } from '../../../../src/core/cli/completion/table.js'

const ROOT = join(import.meta.dirname, '../../../..')
const { commandTable } = createRequire(import.meta.url)(join(ROOT, 'bin/quick.js')) as {
  readonly commandTable: (manifest: unknown, topics: unknown) => CommandTable
}
const read = (name: string) => JSON.parse(readFileSync(join(ROOT, name), 'utf8'))
const table = commandTable(read('oclif.manifest.json'), read('package.json').oclif.topics)

/** The words or the source that follow a line; its last word is the unfinished one. */
function following(line: string): readonly string[] | string {
  const words = line.split(' ')
  const { source, words: own } = offerFor(table, words.slice(0, -1), words.at(-1) ?? '')
  return source === 'none' ? own.map(({ word }) => word) : source
}

describe('words of a command', () => {
  it('names topics and commands, then what is below a topic', () => {
    expect(following('')).toEqual(expect.arrayContaining(['status', 'roa', 'completion']))
    expect(following('ca id ')).toEqual(['add', 'renew', 'retire', 'show', 'use'])
    expect(following('pubserver publisher ')).toContain('response')
    expect(following('help ca id ')).toContain('use')
    expect(following('nothing ')).toEqual([])
  })

  it('reads global flags in front of the command', () => {
    expect(following('--data-dir /x --json ca id ')).toContain('use')
    expect(following('--data-dir ')).toBe('folders')
    expect(following('--')).toEqual(expect.arrayContaining(['--data-dir', '--json', '--help', '--version']))
    expect(following('--')).not.toContain('--dry-run')
    expect(offerFor(table, ['--data-dir=/x', 'ca', 'show'], '').dataDir).toBe('/x')
    expect(offerFor(table, ['ca', 'show', '--data-dir', '/y'], '').dataDir).toBe('/y')
  })
})

describe('flags', () => {
  it('offers each once, and a repeatable one again', () => {
    expect(following('roa remove acme --')).toContain('--file')
    expect(following('roa remove acme --file x --')).not.toContain('--file')
    expect(following('inspect --peer x --')).toContain('--peer')
  })

  it('offers the values of a flag', () => {
    expect(following('status --fail-on ')).toEqual(['warning', 'critical'])
    expect(following('status --fail-on=')).toEqual(['warning', 'critical'])
    expect(following('est cert list --ca ')).toBe('caIds')
    expect(following('roa add acme --file ')).toBe('files')
    expect(following('roa list acme --asn ')).toEqual([])
  })

  it('takes nothing behind -- for a flag', () => {
    expect(following('ca show -- --')).toBe('cas')
    expect(following('ca show -- -x ')).toEqual([])
  })
})

describe('arguments', () => {
  it.each([
    ['ca show ', 'cas'],
    ['child list ', 'issuers'],
    ['child show acme ', 'children'],
    ['parent remove acme ', 'parents'],
    ['roa remove acme ', 'roas'],
    ['aspa remove acme ', 'aspas'],
    ['aspa update acme ', 'aspas'],
    ['roa remove acme 10.0.0.0/8=AS1 ', 'roas'],
    ['roa add acme ', []],
    ['ca add ', []],
    ['ca add x --under ', 'issuers'],
    ['history show ', 'aggregates'],
    ['recover ca/a ', 'aggregates'],
    ['pubserver publisher remove ', 'publishers'],
    ['est enroll ', 'labels'],
    ['est crl ', 'caIds'],
    ['ha drain ', 'caIds'],
    ['ca id retire acme ', 'idKeys'],
    ['pubserver id use ', 'serverKeys'],
    ['inspect ', 'files'],
    ['contrib ', 'contribFiles'],
    ['completion ', 'shells'],
  ])('brine %s', (line, expected) => {
    expect(following(line)).toEqual(expected)
  })

  it('names the CA of the line for what belongs to it', () => {
    expect(offerFor(table, ['roa', 'remove', '--', '-a/b'], '').ca).toBe('-a/b')
  })

  it('has a source, or none on purpose, for every argument and flag', () => {
    // a name that is new here: what it may be belongs in completion/table.ts, or on this list if that is unknown
    const none = ['roa', 'vrp', 'aspa', 'customer', 'id', 'name', 'sequence', 'uri', 'ca', 'publisher']
    const open = Object.entries(table.commands).flatMap(([id, { args, flags }]) => [
      ...args
        .filter(({ name }) => sourceOfArg(id, name) === 'none' && !none.includes(name))
        .map(({ name }) => `${id} ${name}`),
      ...flags
        .filter((flag) => /^(?:FILE|DIR|CA|PARENT|CHILD|LABEL|GROUP)$/.test(flag.helpValue ?? ''))
        .filter((flag) => sourceOfFlag(id, flag) === 'none')
        .map(({ name }) => `${id} --${name}`),
    ])
    expect(open).toEqual([])
  })
})
