/** Signed notes (C2SP): a published note and key, our own read back, and what is refused. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ed25519PublicOf, makeEd25519, verifyEd25519 } from '../../../src/core/crypto/ed25519.js'
import {
  formatVerifierKey,
  noteKeyId,
  parseNote,
  parseVerifierKey,
  signNote,
  verifyNote,
} from '../../../src/core/crypto/signed-note.js'

const KEY = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const NOTE = [
  'If you think cryptography is the answer to your problem,',
  "then you don't know what your problem is.",
  '',
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=',
  '',
].join('\n')

const pkcs8 = makeEd25519()
const publicKey = ed25519PublicOf(pkcs8) ?? new Uint8Array()
const name = 'brine/00ff/1'
const note = signNote('brine/00ff/1\n3\nAAAA\n', name, pkcs8)

const judged = (text: string, key: string | undefined = formatVerifierKey({ name, publicKey })) => {
  const [parsed, verifier] = [parseNote(text), parseVerifierKey(key ?? '')]
  return parsed === undefined || verifier === undefined ? 'no note' : verifyNote(parsed, verifier)
}

describe('the published note', () => {
  it('verifies with its published key, and the key reads back', () => {
    expect(judged(NOTE, KEY)).toBe('good')
    const key = parseVerifierKey(KEY)
    expect(key === undefined ? undefined : formatVerifierKey(key)).toBe(KEY)
  })

  it('does not with one word changed, and is not there for another key', () => {
    expect(judged(NOTE.replace('answer', 'Answer'), KEY)).toBe('bad')
    expect(judged(NOTE)).toBe('absent')
  })
})

describe('a note of ours', () => {
  it('has the form and the key id of the specification', () => {
    const line = note.split('\n').at(-2) ?? ''
    expect(line).toMatch(/^— brine\/00ff\/1 [A-Za-z0-9+/]+=*$/)
    const bytes = Buffer.from(line.split(' ')[2] ?? '', 'base64')
    expect(bytes.length).toBe(4 + 64)
    expect([...bytes.subarray(0, 4)]).toEqual([...noteKeyId({ name, publicKey })])
    expect(judged(note)).toBe('good')
  })

  it('is signed for openssl too', () => {
    if (spawnSync('openssl', ['version']).status !== 0) return
    const folder = mkdtempSync(join(tmpdir(), 'brine-note-'))
    try {
      const file = (name: string, bytes: Uint8Array | string): string => {
        writeFileSync(join(folder, name), bytes)
        return join(folder, name)
      }
      const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), publicKey])
      const signature = parseNote(note)?.signatures[0]?.signature ?? new Uint8Array()
      const args = ['-keyform', 'DER', '-inkey', file('key', spki), '-sigfile', file('sig', signature)]
      const verify = (text: string) =>
        spawnSync('openssl', ['pkeyutl', '-verify', '-pubin', '-rawin', ...args, '-in', file('text', text)]).status
      expect(verify('brine/00ff/1\n3\nAAAA\n')).toBe(0)
      expect(verify('brine/00ff/1\n4\nAAAA\n')).not.toBe(0)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it('may bear the signatures of witnesses beside ours', () => {
    const line = NOTE.split('\n')[3] ?? ''
    expect(judged(`${note}${line}\n`)).toBe('good')
    expect(judged(note.replace('\n— ', `\n${line}\n— `))).toBe('good')
  })

  it('is refused where one of ours is bad beside a good one', () => {
    const line = note.split('\n').at(-2) ?? ''
    const bytes = Buffer.from(line.split(' ')[2] ?? '', 'base64')
    bytes[40] = (bytes[40] ?? 0) ^ 1
    expect(judged(`${note}— ${name} ${bytes.toString('base64')}\n`)).toBe('bad')
  })
})

describe('what is no note', () => {
  it.each([
    ['nothing', ''],
    ['no signature', 'text\n'],
    ['an empty list of signatures', 'text\n\n'],
    ['no newline at the end', note.slice(0, -1)],
    ['a carriage return', note.replace('\n3\n', '\r\n3\r\n')],
    ['a NUL', note.replace('3', '3\0')],
    ['a hyphen for the dash', note.replace('—', '-')],
    ['base64 that is none', note.replace(/=*\n$/, '!\n')],
    ['base64 with a second text', note.replace(/(\S)=\n$/, (_, c) => `${c === 'A' ? 'B' : 'A'}=\n`).replace('=', '')],
    ['a signature of no bytes', `text\n\n— ${name} AAAA\n`],
    ['a megabyte', `${'x'.repeat(1_000_000)}\n\n— ${name} AAAAAAAA\n`],
    ['more signatures than anybody asks for', `${note}${`— ${name} AAAAAAAA\n`.repeat(100)}`],
  ])('%s', (_, text) => expect(parseNote(text)).toBeUndefined())

  it.each([
    ['another id', KEY.replace('c74f20a3', 'c74f20a4')],
    ['another type', KEY.replace('+ARpc', '+AhpC')],
    ['a short key', 'a+00000000+AQ=='],
    ['no name', KEY.replace('PeterNeumann', '')],
    ['a space in the name', KEY.replace('PeterNeumann', 'Peter Neumann')],
  ])('a verifier key with %s is none', (_, text) => expect(parseVerifierKey(text)).toBeUndefined())
})

it('a key that is no Ed25519 key has no public half here, and bad lengths verify nothing', () => {
  expect(ed25519PublicOf(new Uint8Array([1, 2, 3]))).toBeUndefined()
  expect(verifyEd25519(publicKey.subarray(1), new Uint8Array(), new Uint8Array(64))).toBe(false)
  expect(verifyEd25519(publicKey, new Uint8Array(), new Uint8Array(63))).toBe(false)
})
