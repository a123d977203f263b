/** Pool keys are neither added nor removed through a symbolic link, at whichever folder it is. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { KeyId } from '../../../../src/core/crypto/ports.js'
import { keyFiles } from '../../../../src/core/store/disk/key-files.js'
import { layoutOf } from '../../../../src/core/store/disk/paths.js'

const ID = 'A'.repeat(40) as KeyId
let dir = ''

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'brine-keys-'))
  const layout = layoutOf(dir)
  mkdirSync(layout.keys, { mode: 0o700 })
  mkdirSync(layout.pool, { mode: 0o700 })
  writeFileSync(layout.poolKey(ID), 'key', { mode: 0o600 })
})

afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe.each(['keys', 'keys/pool'])('with %s moved away and linked', (place) => {
  it.each([
    ['takePool', (keys: ReturnType<typeof keyFiles>) => keys.takePool(1)],
    ['putPool', (keys: ReturnType<typeof keyFiles>) => keys.putPool('B'.repeat(40) as KeyId, new Uint8Array(4))],
    ['wipePool', (keys: ReturnType<typeof keyFiles>) => keys.wipePool()],
  ])('%s is refused and changes nothing', (_name, run) => {
    const target = join(dir, 'elsewhere', place)
    mkdirSync(dirname(target), { recursive: true })
    renameSync(join(dir, place), target)
    symlinkSync(target, join(dir, place))
    expect(() => run(keyFiles(layoutOf(dir), () => undefined))).toThrow('refusing to follow a symbolic link')
    expect(readdirSync(place === 'keys' ? join(target, 'pool') : target)).toEqual([ID])
  })
})
