/** Archived files that were moved are found in the folders that the operator names: by name and hash, in any of the supported layouts. */
import { chmodSync, constants, cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../../../src/core/crypto/digest.js'
import { openStore } from '../../../../src/core/store/commit/file-store.js'
import { encodeRecord } from '../../../../src/core/store/disk/records.js'
import { add, ca, fastest, type Scratch, scratch, wordsOf } from '../../../support/store/store.js'

let one: Scratch
let away: string

beforeEach(async () => {
  one = scratch()
  away = mkdtempSync(join(fastest(), 'brine-away-'))
  await one.open().write(async (w) => {
    for (let n = 0; n < 12; n++) add(w, { x: [`${n}`] })
  })
})

afterEach(() => {
  one.remove()
  rmSync(away, { recursive: true, force: true })
})

function move(from: string, to: string): void {
  mkdirSync(dirname(join(away, to)), { recursive: true })
  renameSync(join(one.dir, from), join(away, to))
}

const first = (archives: readonly string[]): Promise<unknown> =>
  openStore(one.dir, { archives }).read(async (r) => r.eventsOf(ca('x'), r.command(ca('x'), 1)))

describe('a record in another folder', () => {
  for (const folder of ['cas/x', 'cas/x/archived', '.'])
    it(`is found in DIR/${folder}`, async () => {
      for (const name of ['event-0.json', 'command-1.json']) move(`cas/x/${name}`, join(folder, name))
      await expect(first([])).rejects.toMatchObject({ code: 'file-missing' })
      expect(await first([join(away, 'none'), away])).toEqual([{ type: 'added', word: '0' }])
    })

  it('is used only if its hash matches the commit', async () => {
    for (const name of ['event-0.json', 'command-1.json']) move(`cas/x/${name}`, name)
    writeFileSync(join(away, 'event-0.json'), '{"forged":true}\n')
    await expect(first([away])).rejects.toMatchObject({ code: 'file-missing' })
  })
})

describe('an object in another folder', () => {
  const sha256 = sha256Hex('object of 3')
  for (const folder of ['objects', 'objects/archived', '.'])
    it(`is found in DIR/${folder}`, async () => {
      move(`objects/${sha256.slice(0, 2)}/${sha256}`, join(folder, sha256.slice(0, 2), sha256))
      await expect(one.open().read(async (r) => r.object(sha256))).rejects.toMatchObject({ code: 'object-missing' })
      const found = await openStore(one.dir, { archives: [away] }).read(async (r) => [
        r.hasObject(sha256),
        sha256Hex(r.object(sha256)),
      ])
      expect(found).toEqual([true, sha256])
    })
})

describe('a copy that falls back to a commit before its newest snapshots', () => {
  it('starts from an older snapshot that it contains, and does not need the archived commands', async () => {
    await one.open().write(async (w) => {
      for (let n = 12; n < 20; n++) add(w, { x: [`${n}`] })
    })
    const copy = join(away, 'copy')
    cpSync(one.dir, copy, { recursive: true, mode: constants.COPYFILE_EXCL, preserveTimestamps: true })
    for (const folder of ['keys', 'keys/pool', '.']) chmodSync(join(copy, folder), 0o700)
    const range = { from: 1, to: 6, fromVersion: 0, toVersion: 6, type: 'add', actor: 'tester', dir: null }
    writeFileSync(join(copy, 'cas/x/archived.json'), encodeRecord({ format: 1, ranges: [range] }))
    for (let n = 0; n < 6; n++)
      for (const name of [`event-${n}.json`, `command-${n + 1}.json`]) rmSync(join(copy, 'cas/x', name))
    rmSync(join(copy, 'cas/x/event-12.json'))
    const store = openStore(copy)
    expect(store.role()).toMatchObject({ role: 'standby' })
    const words = await store.read(async (r) => [r.head, r.behind, wordsOf(r, 'x')])
    expect(words).toEqual([12, 8, Array.from({ length: 12 }, (_, n) => `${n}`)])
  })
})
