/** Trust anchor locators, line by line. */
import { describe, expect, test } from 'vitest'
import { encodeTal } from '../../../src/core/rpki/tal.js'
import { testKey } from '../../support/rpki/test-keys.js'

const { spki } = testKey('ta')
const uris = ['https://rpki.example.test/ta/ta.cer', 'rsync://rpki.example.test/ta/ta.cer']

test('comments, URIs in their order, a blank line, the key in lines of 64', () => {
  const lines = encodeTal({ comments: ['Brine', '', 'für Tests'], uris, spki }).split('\n')
  expect(lines.slice(0, 6)).toEqual(['# Brine', '#', '# für Tests', ...uris, ''])
  const key = lines.slice(6, -1)
  expect(lines.at(-1)).toBe('')
  expect(key.slice(0, -1).every((line) => line.length === 64)).toBe(true)
  expect(key.at(-1)?.length).toBeLessThanOrEqual(64)
  expect(Buffer.from(key.join(''), 'base64').equals(spki)).toBe(true)
})

describe('content that a relying party cannot read is a TypeError', () => {
  test.each<[string, readonly string[], readonly string[]]>([
    ['no URI', [], []],
    ['http', [], ['http://rpki.example.test/ta.cer']],
    ['no .cer', [], ['https://rpki.example.test/ta.der']],
    ['a blank in a URI', [], ['https://rpki.example.test/t a.cer']],
    ['a line break in a URI', [], ['https://rpki.example.test/ta.cer\n']],
    ['a line break in a comment', ['a\nrsync://evil.example/ta.cer'], uris],
    ['a carriage return in a comment', ['a\rb'], uris],
  ])('%s', (_, comments, list) => expect(() => encodeTal({ comments, uris: list, spki })).toThrow(TypeError))
})
