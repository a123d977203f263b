/** Passphrase, password and PIN files: one line of text, and every reader refuses anything else in the same way. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { readPassword } from '../../../src/core/backends/files.js'
import { readPin } from '../../../src/core/backends/token/pin.js'
import { readPassphrase } from '../../../src/core/backup/secret-files.js'
import { fastest } from '../../support/store/store.js'

const dir = mkdtempSync(join(fastest(), 'brine-secrets-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
let files = 0
function file(content: string | Uint8Array): string {
  files += 1
  const path = join(dir, `given-${files}`)
  writeFileSync(path, content, { mode: 0o600 })
  return path
}

const BAD: readonly (string | Uint8Array)[] = [
  Uint8Array.from([0xff, 0x01, 0x02]),
  Uint8Array.from([0xfe, 0x01, 0x02]),
  '\ufeffhunter2\n',
  'hunter2\u0007\n',
  'hunter2\nmore\n',
  '-----BEGIN PRIVATE KEY-----\nMII\n',
]

describe('a passphrase file', () => {
  it('gives its line', () => expect(readPassphrase(file('correct horse\r\n\n')).reveal()).toBe('correct horse'))

  it('of anything else is refused, and its content is in no message', () => {
    for (const content of BAD)
      expect(() => readPassphrase(file(content))).toThrow(
        expect.objectContaining({
          kind: 'usage',
          code: 'passphrase-invalid',
          message: expect.not.stringContaining('hunter'),
        }),
      )
    expect(() => readPassphrase(file('\n'))).toThrow(expect.objectContaining({ code: 'passphrase-empty' }))
  })

  it('that is an age identity says how to give it', () => {
    const path = file('# created: 2026-01-01\nAGE-SECRET-KEY-1QQQ\n')
    expect(() => readPassphrase(path)).toThrow(expect.objectContaining({ hint: `give it with --identity ${path}` }))
  })
})

describe('a password file and a PIN file', () => {
  it('give their line', async () => {
    expect((await readPassword(file('hunter2\n'))).reveal()).toBe('hunter2')
    expect((await readPin({ pinFile: file('1234\n'), pinEnv: undefined }))?.toString()).toBe('1234')
  })

  it('of anything else are refused', async () => {
    for (const content of BAD) {
      await expect(readPassword(file(content))).rejects.toMatchObject({
        outcome: 'config-fault',
        code: 'ca-file-invalid',
      })
      await expect(readPin({ pinFile: file(content), pinEnv: undefined })).rejects.toMatchObject({
        code: 'ca-pin-invalid',
      })
    }
  })

  it('and a PIN in the environment is one line too', async () => {
    process.env['BRINE_TEST_PIN'] = '1234\n5678'
    await expect(readPin({ pinFile: undefined, pinEnv: 'BRINE_TEST_PIN' })).rejects.toMatchObject({
      code: 'ca-pin-invalid',
    })
    process.env['BRINE_TEST_PIN'] = '1234'
    expect((await readPin({ pinFile: undefined, pinEnv: 'BRINE_TEST_PIN' }))?.toString()).toBe('1234')
    delete process.env['BRINE_TEST_PIN']
  })
})
