/** Whose served tree it is: by generation, and within one by directory. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, it } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import {
  claimTree,
  generationServed,
  rivalOf,
  type WritingPrimary,
} from '../../../src/core/publication/primary-claim.js'
import { nodeDisk } from '../../../src/core/publication/served-files.js'

const base = mkdtempSync(join(tmpdir(), 'brine-primary-'))
let dirs = 0
let repoDir = ''
const me: WritingPrimary = {
  id: 'one',
  generation: 2,
  writer: 'a',
  host: 'host-a',
  at: '2026-11-21T12:00:00Z' as Instant,
}
const claim = (who: WritingPrimary): void =>
  claimTree({ disk: nodeDisk, repoDir, scratch: join(repoDir, '.state') }, who)

afterAll(() => rmSync(base, { recursive: true, force: true }))
beforeEach(() => {
  repoDir = join(base, String(++dirs))
})

it('a tree that nobody claimed is anybody’s', () => {
  expect(rivalOf(repoDir, me)).toBeUndefined()
  expect(generationServed(repoDir, 'one')).toBe(0)
  claim(me)
  expect(rivalOf(repoDir, me)).toBeUndefined()
  expect(generationServed(repoDir, 'one')).toBe(2)
})

it.each([
  ['a later generation', { generation: 3, writer: 'b' }, true],
  ['a later generation of the same directory', { generation: 3 }, true],
  ['another directory of the same generation', { writer: 'b' }, true],
  ['an earlier generation', { generation: 1, writer: 'b' }, false],
  ['another installation', { id: 'two', generation: 9, writer: 'b' }, false],
])('%s there: refused is %j', (_what, theirs, refused) => {
  claim({ ...me, ...theirs })
  expect(rivalOf(repoDir, me) !== undefined).toBe(refused)
  if (!refused) return claim(me)
  expect(() => claim(me)).toThrow(expect.objectContaining({ kind: 'standby', code: 'standby-superseded' }))
  expect(rivalOf(repoDir, { ...me, ...theirs })).toBeUndefined()
})

it('a claim that stands is not written again, one that cannot be read is nobody’s', () => {
  claim(me)
  const path = join(repoDir, '.state', 'primary.json')
  expect(existsSync(path)).toBe(true)
  const refusing = { ...nodeDisk, create: () => expect.unreachable('written again') }
  claimTree({ disk: refusing, repoDir, scratch: join(repoDir, '.state') }, me)
  writeFileSync(path, '{')
  expect(rivalOf(repoDir, me)).toBeUndefined()
})
