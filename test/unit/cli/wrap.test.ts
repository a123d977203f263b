/** Lines of help: broken at blanks, command lines so that a shell still reads one. */
import { expect, test } from 'vitest'
import { exitStatusOf } from '../../../src/core/cli/manual/exit-status.js'
import { brokenCommand, wrapped } from '../../../src/core/cli/manual/wrap.js'

test('text is broken at blanks, later lines are indented', () => {
  expect(wrapped('  1  with a long meaning', 14, { hanging: 5 })).toEqual(['  1  with a', '     long', '     meaning'])
  expect(wrapped('', 10)).toEqual([''])
})

test('a command line is broken between its arguments and never inside of quotes', () => {
  expect(brokenCommand('$ brine roa add acme "10.0.0.0/8 => 64496" --dry-run', 30)).toEqual([
    '$ brine roa add acme \\',
    '    "10.0.0.0/8 => 64496" \\',
    '    --dry-run',
  ])
  expect(brokenCommand('$ brine tick', 30)).toEqual(['$ brine tick'])
})

test('own exit codes are ascending; a command without them has none', () => {
  expect(exitStatusOf({ exitStatus: { 12: 'damaged', 1: 'unknown' } })).toEqual([
    [1, 'unknown'],
    [12, 'damaged'],
  ])
  expect(exitStatusOf({})).toEqual([])
  expect(exitStatusOf(undefined)).toEqual([])
})
