/** Trust anchor locators, line by line, and the strict decoder. */
import { describe, expect, it, test } from 'vitest'
import { decodeTal, encodeTal } from '../../../src/core/rpki/tal.js'
import { TA } from '../../support/rpki/parts.js'
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

describe('decodeTal', () => {
  const uris = [`https://h.example/ta.cer`, 'rsync://h.example/ta/ta.cer']
  const good = encodeTal({ comments: ['ours'], uris, spki: TA.spki })
  const [head = '', key = ''] = good.split('\n\n')

  it('reads back what the encoder writes', () => {
    const { content, findings } = decodeTal(good)
    expect(findings).toEqual([])
    expect(content?.comments).toEqual(['ours'])
    expect(content?.uris).toEqual(uris)
    expect(Buffer.from(content?.spki ?? [])).toEqual(Buffer.from(TA.spki))
  })

  it.each([
    ['CRLF', good.replaceAll('\n', '\r\n')],
    ['the key in one line', `${head}\n\n${key.replaceAll('\n', '')}`],
    ['no final newline', good.trimEnd()],
    ['one URI', `${uris[0]}\n\n${key}`],
    ['an extra blank line', `${head}\n\n\n${key}`],
  ])('takes %s', (_what, text) => {
    expect(decodeTal(text).findings).toEqual([])
  })

  it.each([
    ['no blank line', `${head}\n${key}`],
    ['a leading blank line', `\n${good}`],
    ['an http URI', `http://h.example/ta.cer\n\n${key}`],
    ['a URI that does not end in .cer', `https://h.example/ta\n\n${key}`],
    ['different file names', `https://h.example/a.cer\nrsync://h.example/ta/b.cer\n\n${key}`],
    ['PEM armour', `${head}\n\n-----BEGIN PUBLIC KEY-----\n${key}-----END PUBLIC KEY-----\n`],
    ['no key', `${head}\n\n`],
    ['a damaged key', `${head}\n\n${key.slice(5)}`],
    ['nothing', ''],
    ['bytes', new Uint8Array([0xff, 0xfe, 0])],
  ])('refuses %s', (_what, text) => {
    const { findings } = decodeTal(text)
    expect(findings.some((f) => f.rule.startsWith('RFC 8630') || f.rule.startsWith('RFC 7935'))).toBe(true)
  })
})
