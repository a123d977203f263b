/** Files in memory in place of files on disk: found by every way of reading, up to the limit, until they are released. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import {
  exists,
  listDir,
  readIfExists,
  readOwnedFile,
  readStart,
  sizeIfFile,
  statIfExists,
} from '../../../../src/core/store/disk/fs.js'
import { holdFiles } from '../../../../src/core/store/disk/held-files.js'
import { fastest } from '../../../support/store/store.js'

const dir = mkdtempSync(join(fastest(), 'brine-held-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const about = { modified: 1_790_000_000, mode: 0o644 }
const text = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString()

it('a held file is read, listed and described like one on disk', () => {
  const folder = join(dir, 'commits')
  mkdirSync(folder)
  writeFileSync(join(folder, '2.json'), 'two')
  const tree = holdFiles(10_000)
  const [path, source] = [join(folder, '1.json'), Buffer.from('one')]
  expect(tree.add(path, source, about)).toBe(true)
  source.fill('x')
  expect([text(readIfExists(path)), text(readOwnedFile(path)), readStart(path, 2)]).toEqual(['one', 'one', 'on'])
  expect([sizeIfFile(path), exists(path), listDir(folder)]).toEqual([3, true, ['1.json', '2.json']])
  const stat = statIfExists(path)
  expect([stat?.isFile(), stat?.isDirectory(), stat?.isSymbolicLink()]).toEqual([true, false, false])
  expect([stat?.size, stat?.mtimeNs, stat?.mode]).toEqual([3n, 1_790_000_000n * 1_000_000_000n, 0o100644n])
  expect(stat?.uid).toBe(BigInt(process.getuid?.() ?? 0))
  expect(() => readIfExists(path, 2)).toThrow('larger than 2 bytes')
  expect([tree.link(path, join(folder, 'again')), text(readIfExists(join(folder, 'again')))]).toEqual([true, 'one'])
  expect([tree.link(join(folder, '2.json'), join(folder, 'no')), exists(join(folder, 'no'))]).toEqual([false, false])
  tree.release()
  expect([exists(path), readIfExists(path), sizeIfFile(path), listDir(folder)]).toEqual([
    false,
    undefined,
    undefined,
    ['2.json'],
  ])
})

it('no more is held than the limit allows, in small and in large files', () => {
  const tree = holdFiles(3_000_000)
  const sizes = [0, 10, 1900, 262_144, 262_145, 1_000_000, 2_000_000, 1_000_000, 400_000]
  const held = sizes.map((size, i) => {
    const source = Buffer.alloc(size, String(i))
    const isHeld = tree.add(join(dir, `file-${i}`), source, about)
    source.fill('x')
    return isHeld
  })
  expect(held).toEqual([true, true, true, true, true, true, false, true, true])
  // toEqual takes half a minute for millions of octets
  const isHeldWhole = sizes.map((size, i) => {
    const bytes = readIfExists(join(dir, `file-${i}`))
    return bytes !== undefined && Buffer.alloc(size, String(i)).equals(bytes)
  })
  expect(isHeldWhole).toEqual(held)
  tree.release()
})

it('a tree does not see the files of another, and gives up only its own', () => {
  const [one, other] = [holdFiles(1000), holdFiles(1000)]
  one.add(join(dir, 'a', 'x'), Buffer.from('1'), about)
  other.add(join(dir, 'b', 'x'), Buffer.from('2'), about)
  one.release()
  expect([text(readIfExists(join(dir, 'a', 'x'))), text(readIfExists(join(dir, 'b', 'x')))]).toEqual([undefined, '2'])
  other.release()
})
