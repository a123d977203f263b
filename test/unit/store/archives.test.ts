/** What was archived and moved away is found again where the operator says: by name and hash, in any of the layouts that people make. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { openStore } from '../../../src/core/store/file-store.js'
import { add, ca, fastest, type Scratch, scratch } from '../../support/store.js'

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

describe('a record that lies elsewhere', () => {
  for (const folder of ['cas/x', 'cas/x/archived', '.'])
    it(`is found in DIR/${folder}`, async () => {
      for (const name of ['event-0.json', 'command-1.json']) move(`cas/x/${name}`, join(folder, name))
      await expect(first([])).rejects.toMatchObject({ code: 'file-missing' })
      expect(await first([join(away, 'none'), away])).toEqual([{ type: 'added', word: '0' }])
    })

  it('counts only with the hash that a commit names', async () => {
    for (const name of ['event-0.json', 'command-1.json']) move(`cas/x/${name}`, name)
    writeFileSync(join(away, 'event-0.json'), '{"forged":true}\n')
    await expect(first([away])).rejects.toMatchObject({ code: 'file-missing' })
  })
})

describe('an object that lies elsewhere', () => {
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
