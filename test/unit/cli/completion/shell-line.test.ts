/** The unfinished line of a shell, and what bash inserts for a word. */
import { expect, it } from 'vitest'
import { bashReply, expandPath, splitLine } from '../../../../src/core/cli/completion/shell-line.js'

const BREAKS = ' \t\n"\'><=;|&(:'
const reply = (line: string, word: string): string => bashReply(word, splitLine(line, BREAKS).last)

it('divides a line at blanks outside of quotes', () => {
  expect(splitLine('brine --data-dir "/a b" roa\\ x l', BREAKS)).toEqual({
    words: ['brine', '--data-dir', '/a b', 'roa x'],
    last: { raw: 'l', value: 'l', quote: '', start: 0 },
  })
  expect(splitLine('brine roa ', BREAKS)).toMatchObject({ words: ['brine', 'roa'], last: { raw: '' } })
  expect(splitLine(`a 'b\\' "c\\"d\\e`, BREAKS)).toMatchObject({
    words: ['a', 'b\\'],
    last: { value: 'c"d\\e', quote: '"' },
  })
})

it('replies with what follows the last break', () => {
  expect(reply('brine 2001:db8', '2001:db8::/32=AS1')).toBe('db8::/32=AS1')
  expect(reply('brine --ca=a', '--ca=acme')).toBe('acme')
  expect(reply('brine ', '2001:db8::/32=AS1')).toBe('2001:db8::/32=AS1')
})

it('escapes for the quote that is open', () => {
  expect(reply('brine ', 'a b$c')).toBe('a\\ b\\$c')
  expect(reply('brine "a', 'a b$c"')).toBe('a b\\$c\\"')
  expect(reply("brine 'a", "a b'c")).toBe("a b'\\''c")
  // inside quotes nothing is a break
  expect(reply('brine "2001:db8', '2001:db8::/32 => 1')).toBe('2001:db8::/32 => 1')
})

it('expands the beginning of a path as a shell does', () => {
  const env = { HOME: '/home/op', DIR: '/var/lib' }
  expect(['~', '~/x', '$DIR/x', `\${DIR}/x`, '$NONE/x', '/a/~', '$(id)'].map((path) => expandPath(path, env))).toEqual([
    ...['/home/op', '/home/op/x', '/var/lib/x', '/var/lib/x', '$NONE/x', '/a/~', '$(id)'],
  ])
})
