/** A file with a secret is one line of text; any other file is refused, so that no two files give the same secret. */
import { describe, expect, it } from 'vitest'
import { secretLineOf } from '../../../src/core/base/secret-line.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const of = (content: Uint8Array | string): string => {
  const read = secretLineOf(typeof content === 'string' ? bytes(content) : content)
  if ('line' in read) return new TextDecoder().decode(read.line)
  return `${read.kind ?? (read.isEmpty ? 'empty' : 'refused')}: ${read.fault}`
}

describe('one line', () => {
  it.each([
    ['open sesame', 'open sesame'],
    ['open sesame\n', 'open sesame'],
    ['open sesame\r\n', 'open sesame'],
    ['open sesame\n\n \n', 'open sesame'],
    [' padded ', ' padded '],
    ['pässwörd 密码 ١', 'pässwörd 密码 ١'],
  ])('%j', (text, line) => expect(of(text)).toBe(line))
})

describe('anything else', () => {
  it.each([
    ['', 'empty: its first line is empty'],
    ['\nsecond', 'empty: its first line is empty'],
    ['  \n', 'empty: its first line is empty'],
    ['one\ntwo\n', 'refused: has more than one line'],
    ['one\rtwo', 'refused: contains a control character'],
    ['tab\there', 'refused: contains a control character'],
    ['nul\0', 'refused: contains a control character'],
    ['\u007f', 'refused: contains a control character'],
    ['next\u0085line', 'refused: contains a control character'],
    ['\ufeffopen', 'refused: begins with a byte order mark, which would be part of the secret'],
    ['-----BEGIN PRIVATE KEY-----\nMII\n', 'pem: is a PEM file'],
    ['Bag Attributes\n-----BEGIN CERTIFICATE-----\n', 'pem: is a PEM file'],
    ['AGE-SECRET-KEY-1ABC', 'identity: is an age identity'],
    ['# created: 2026\n# public key: age1x\nAGE-SECRET-KEY-1ABC\n', 'identity: is an age identity'],
    ['age1qqqq\n', 'recipient: is an age recipient'],
  ])('%j', (text, fault) => expect(of(text)).toBe(fault))

  it('that is not UTF-8', () => {
    for (const content of [[0xff, 0xfe, 0x61, 0], [0x61, 0xc3], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0x80]])
      expect(of(Uint8Array.from(content))).toBe('refused: is not UTF-8 text')
  })
})
