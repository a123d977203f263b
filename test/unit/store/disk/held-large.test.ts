/** A large file that is held in memory is verified without a file on disk. */
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sha256Hex } from '../../../../src/core/crypto/digest.js'
import { holdFiles } from '../../../../src/core/store/disk/held-files.js'
import { readVerified } from '../../../../src/core/store/disk/verified-read.js'
import { fastest } from '../../../support/store/store.js'

it('a held file above the size that is hashed by blocks', () => {
  const dir = mkdtempSync(join(fastest(), 'brine-held-'))
  const tree = holdFiles(64 * 1024 * 1024)
  try {
    const bytes = new Uint8Array(9 * 1024 * 1024).fill(7)
    const path = join(dir, 'snapshot-1.json')
    expect(tree.add(path, bytes, { modified: 1, mode: 0o600 })).toBe(true)
    expect(readVerified(path, sha256Hex(bytes))?.length).toBe(bytes.length)
    expect(readVerified(path, sha256Hex('other'))).toBeUndefined()
  } finally {
    tree.release()
    rmSync(dir, { recursive: true })
  }
})
