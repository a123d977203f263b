/** Segments of old files: written, read back, and relied on only where the same bytes have been for a day and are read once more. */
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { sha256Hex } from '../../../../src/core/crypto/digest.js'
import { readIfExists } from '../../../../src/core/store/disk/fs.js'
import { onFileOperation } from '../../../../src/core/store/disk/io-error.js'
import { type Layout, layoutOf } from '../../../../src/core/store/disk/paths.js'
import { readVerified } from '../../../../src/core/store/disk/verified-read.js'
import { type DueFile, surveyPacking } from '../../../../src/core/store/packing/pack-survey.js'
import { leaveOutDropped, packFiles } from '../../../../src/core/store/packing/segments.js'
import { findSuperfluous, removeSuperfluous, type Superfluous } from '../../../../src/core/store/packing/superfluous.js'
import { add, type Scratch, scratch } from '../../../support/store/store.js'

const NOW = '2027-03-01T00:00:00Z' as Instant
const later = (hours: number): Instant => addSeconds(NOW, hours * 3600)
const COMMANDS = 16

let one: Scratch
let layout: Layout
let folder: string
let due: readonly DueFile[]
let before: ReadonlyMap<string, string>

beforeEach(async () => {
  one = scratch()
  layout = layoutOf(one.dir)
  folder = join(one.dir, 'cas/x')
  await one.open().write(async (w) => {
    for (let n = 0; n < COMMANDS; n++) add(w, { x: [`${n}`] })
  })
  const rules = { cutoff: NOW, fewest: 1, liveObjects: 0 }
  const { homes } = await one.open().read(async (reader) => surveyPacking(layout, reader, rules))
  due = homes.find((home) => home.folder === folder)?.due ?? []
  expect(due.length).toBeGreaterThan(16)
  before = new Map(due.map(({ name, path }) => [name, readFileSync(path, 'latin1')]))
})
afterEach(() => {
  onFileOperation(undefined)
  one.remove()
})

const nothing = (): void => undefined
const pack = (files = due, options = {}): number =>
  packFiles(layout, folder, files, nothing, { fewest: 1, ...options }).files
const segments = (): readonly string[] => readdirSync(join(folder, 'packed')).sort()
const singles = (): readonly string[] => readdirSync(folder).filter((name) => before.has(name))
const read = (name: string): string | undefined => {
  const bytes = readIfExists(join(folder, name))
  return bytes && Buffer.from(bytes).toString('latin1')
}
const found = (known: readonly Superfluous[] = [], now = NOW, isDropped?: (name: string) => boolean) =>
  findSuperfluous(layout, folder, known, now, isDropped === undefined ? {} : { isDropped })
const remove = (what: Superfluous | undefined, now: Instant, isDropped?: (name: string) => boolean): number => {
  if (what === undefined) throw new Error('nothing is superfluous')
  return removeSuperfluous(layout, what, now, nothing, isDropped === undefined ? {} : { isDropped })
}
/** Changes one letter of an entry in the only segment, or in the one with this name. */
function spoil(word: string, name = segments()[0] ?? ''): void {
  const path = join(folder, 'packed', name)
  writeFileSync(path, readFileSync(path, 'latin1').replace(`"${word}"`, '"?"'), 'latin1')
}

describe('packing', () => {
  it('leaves the single files, and removes them a day later with every byte still there', () => {
    expect(pack()).toBe(due.length)
    expect(singles().length).toBe(due.length)
    const known = found()
    expect(known).toEqual([{ folder, segment: `cas/x/packed/${segments()[0]}`, since: NOW }])
    expect(remove(found(known, later(23.9))[0], later(23.9))).toBe(0)
    expect(singles().length).toBe(due.length)
    expect(remove(found(known, later(24))[0], later(24))).toBe(due.length)
    expect(singles()).toEqual([])
    for (const { name, path, sha256 } of due) {
      expect(read(name)).toBe(before.get(name))
      expect(readVerified(path, sha256)).toBeDefined()
    }
    expect(found()).toEqual([])
  })

  it('takes over the segment that is not complete, which goes a day later', () => {
    pack(due.slice(0, 10))
    const [small] = segments()
    pack(due.slice(10))
    expect(segments().length).toBe(2)
    const known = found().filter(({ holder }) => holder !== undefined)
    expect(known.map(({ segment }) => segment)).toEqual([`cas/x/packed/${small}`])
    expect(remove(known[0], later(23))).toBe(0)
    expect(remove(known[0], later(24))).toBe(1)
    expect(segments()).not.toContain(small)
    for (const one of found()) remove({ ...one, since: NOW }, later(24))
    for (const { name } of due) expect(read(name)).toBe(before.get(name))
  })

  it('leaves out a file that changed since it was found, and waits for enough files', () => {
    const [first] = due
    writeFileSync(first?.path ?? '', 'changed')
    expect(pack()).toBe(due.length - 1)
    expect(readFileSync(join(folder, 'packed', segments()[0] ?? ''), 'latin1')).not.toContain('changed')
    expect(pack(due.slice(0, 3), { fewest: 4 })).toBe(0)
    expect(segments().length).toBe(1)
  })

  it('reads back what it wrote: a segment that the disk changed is removed, and the error says so', () => {
    let isSpoiled = false
    onFileOperation((operation, path) => {
      if (operation !== 'syncDir' || !path.endsWith('cas/x/packed') || isSpoiled || segments().length === 0) return
      isSpoiled = true
      spoil('3')
    })
    expect(() => pack()).toThrow(/read back differs/)
    expect(isSpoiled).toBe(true)
    expect(segments()).toEqual([])
    expect(singles().length).toBe(due.length)
  })
})

describe('what stays', () => {
  it('a single file whose entry is damaged, until it is packed again', () => {
    pack()
    const known = found()
    spoil('3')
    expect(remove(known[0], later(24))).toBe(due.length - 1)
    expect(singles().length).toBe(1)
    for (const { name } of due) expect(read(name)).toBe(before.get(name))
  })

  it('a single file that differs from its entry: it is of another history, or restored', () => {
    pack()
    const known = found()
    writeFileSync(join(folder, 'event-3.json'), 'of another history')
    expect(remove(known[0], later(24))).toBe(due.length - 1)
    expect(read('event-3.json')).toBe('of another history')
  })

  it('the smaller segment where one entry of the larger is damaged', () => {
    pack(due.slice(0, 10))
    const [small] = segments()
    pack(due.slice(10))
    const [known] = found().filter(({ holder }) => holder !== undefined)
    spoil(
      '1',
      segments().find((name) => name !== small),
    )
    expect(remove(known, later(24))).toBe(0)
    expect(segments()).toContain(small)
  })

  it('the smaller segment where the larger one has other bytes of the same name', () => {
    pack(due.slice(0, 10))
    const [own] = segments()
    const path = join(folder, 'event-1.json')
    const bytes = new TextEncoder().encode('of another history')
    writeFileSync(path, bytes)
    const other = { name: 'event-1.json', path, sha256: sha256Hex(bytes), size: bytes.length }
    // not open any more: the other segment is written beside it and not from it
    const rest = due.filter(({ name }) => name !== other.name)
    renameSync(join(folder, 'packed'), join(folder, 'aside'))
    pack([other, ...rest])
    renameSync(join(folder, 'aside', own ?? ''), join(folder, 'packed', own ?? ''))
    expect(segments().length).toBe(2)
    expect(found().filter(({ holder }) => holder !== undefined)).toEqual([])
  })

  it('what was noted at a time that is still to come waits for a day from now', () => {
    pack()
    const [ahead] = found([], later(1000))
    expect(found([{ ...ahead, folder, segment: ahead?.segment ?? '', since: later(1000) }])[0]?.since).toBe(NOW)
  })
})

it('a segment that cannot be read is an error of the disk that names it', () => {
  pack()
  const [name] = segments()
  // under a new name its index is not in memory
  const moved = `${name?.slice(0, -20)}${'0'.repeat(16)}.seg`
  renameSync(join(folder, 'packed', name ?? ''), join(folder, 'packed', moved))
  onFileOperation((operation, path) => {
    if (operation === 'read' && path.endsWith(moved)) throw Object.assign(new Error('EIO'), { code: 'EIO' })
  })
  const details = { operation: 'read', errno: 'EIO', path: join(folder, 'packed', moved) }
  expect(() => found()).toThrow(expect.objectContaining({ kind: 'io', details }))
})

describe('files that the archive has instead', () => {
  const isDropped = (name: string): boolean => /^(event-[0-4]|command-[1-5])\.json$/.test(name)

  it('are left out when the segment is written again, and only the larger segment is superfluous', () => {
    pack()
    for (const one of found()) remove({ ...one, since: NOW }, later(24))
    const [large] = segments()
    leaveOutDropped(layout, folder, nothing, { fewest: 1, isDropped })
    expect(segments().length).toBe(2)
    // the rest is written once
    leaveOutDropped(layout, folder, nothing, { fewest: 1, isDropped })
    expect(segments().length).toBe(2)
    const known = found([], NOW, isDropped)
    expect(known.map(({ segment }) => segment)).toEqual([`cas/x/packed/${large}`])
    expect(remove(known[0], later(24), isDropped)).toBe(1)
    expect(segments()).not.toContain(large)
    for (const { name } of due) expect(read(name)).toBe(isDropped(name) ? undefined : before.get(name))
  })

  it('keep their segment where too few are left out', () => {
    pack()
    leaveOutDropped(layout, folder, nothing, { fewest: 11, isDropped })
    expect(segments().length).toBe(1)
    expect(found([], NOW, isDropped).some(({ holder }) => holder !== undefined)).toBe(false)
  })

  it('are all that a segment has: it goes without another one', () => {
    pack(due.slice(0, 4))
    const known = found([], NOW, () => true).filter(({ holder }) => holder !== undefined)
    expect(known.map(({ holder }) => holder)).toEqual(['archive'])
    expect(remove(known[0], later(23), () => true)).toBe(0)
    // the archive lost them meanwhile
    expect(remove(known[0], later(24), () => false)).toBe(0)
    expect(remove(known[0], later(24), () => true)).toBe(1)
    expect(segments()).toEqual([])
  })
})
