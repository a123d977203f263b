/** Leading global flags: `brine --data-dir D status` is `brine status --data-dir D`. */
import { describe, expect, it } from 'vitest'
import { joinCommand, normalizeArgv } from '../../../src/core/cli/argv.js'

const commands = new Set(['status', 'roa:add', 'roa:list', 'ta:init', 'plan'])
const normal = (line: string): string => normalizeArgv(line.split(' '), (id) => commands.has(id)).join(' ')

describe('leading global flags', () => {
  it.each([
    ['status', 'status'],
    ['--data-dir D status', 'status --data-dir D'],
    ['--data-dir=D status', 'status --data-dir=D'],
    ['--json --quiet status', 'status --json --quiet'],
    [
      '--config F --actor me --reason why --lock-timeout 3s ta init',
      'ta init --config F --actor me --reason why --lock-timeout 3s',
    ],
    ['--json roa add ca 192.0.2.0/24=AS1', 'roa add --json ca 192.0.2.0/24=AS1'],
    ['--json roa list ca --long', 'roa list --json ca --long'],
    ['--json plan - --against x', 'plan --json - --against x'],
    ['--data-dir D roa add ca -- -x', 'roa add --data-dir D ca -- -x'],
    ['--json nonsense word', 'nonsense word --json'],
    ['--data-dir status status', 'status --data-dir status'],
  ])('%s', (given, expected) => {
    expect(normal(given)).toBe(expected)
  })

  it('leaves flags behind the words where they are', () => {
    expect(normal('roa list ca --data-dir D --json')).toBe('roa list ca --data-dir D --json')
  })

  it('keeps an empty value, which the flag itself refuses', () => {
    expect(normalizeArgv(['--data-dir', '', 'status'], (id) => commands.has(id))).toEqual(['status', '--data-dir', ''])
  })

  it('leaves a flag without its value to oclif', () => {
    expect(normal('--data-dir')).toBe('--data-dir')
  })

  it.each([
    ['help', '--help'],
    ['help roa add', 'roa add --help'],
    ['--data-dir D help roa', 'roa --data-dir D --help'],
    ['roa help', 'roa --help'],
    ['roa add help', 'roa add help'],
    ['-h', '--help'],
    ['roa add -h', 'roa add --help'],
    ['--data-dir D roa -h', 'roa --data-dir D --help'],
    ['roa add ca --reason -h', 'roa add ca --reason -h'],
    ['roa add ca -- -h', 'roa add ca -- -h'],
    ['version', '--version'],
    ['-V', '--version'],
    ['--json version', '--version'],
  ])('%s', (given, expected) => {
    expect(normal(given)).toBe(expected)
  })

  it('gives the words of a command to oclif as one', () => {
    const joined = (line: string): readonly string[] => joinCommand(line.split(' '), (id) => commands.has(id))
    expect(joined('roa list ca x')).toEqual(['roa:list', 'ca', 'x'])
    expect(joined('roa --help')).toEqual(['roa', '--help'])
    expect(joined('roa lst ca')).toEqual(['roa', 'lst', 'ca'])
  })

  it('does not take a flag of one command for a global one', () => {
    expect(normal('--ca x status')).toBe('--ca x status')
  })
})
