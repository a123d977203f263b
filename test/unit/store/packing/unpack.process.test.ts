/** The way back from packing: files return to their places byte for byte, and a segment goes a day later, if each of its files is there. */
import { chmodSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { type Layout, layoutOf } from '../../../../src/core/store/disk/paths.js'
import { findSuperfluous, removeSuperfluous } from '../../../../src/core/store/packing/superfluous.js'
import { unpackFiles } from '../../../../src/core/store/packing/unpack.js'
import { packNow } from '../../../support/store/packed.js'
import { add, type Scratch, scratch } from '../../../support/store/store.js'

const NOW = '2027-03-01T00:00:00Z' as Instant
const later = (hours: number): Instant => addSeconds(NOW, hours * 3600)

let one: Scratch
let layout: Layout
let folder: string
/** The packed files as they were: content, mode and modification time in seconds. */
let before: ReadonlyMap<string, string>

const nothing = (): void => undefined
const keep = (_name: string): boolean => false
const factsOf = (name: string): string => {
  const { mode, mtimeMs } = statSync(join(folder, name))
  return `${mode.toString(8)} ${Math.floor(mtimeMs / 1000)} ${readFileSync(join(folder, name), 'latin1')}`
}
const singles = (): readonly string[] => readdirSync(folder).filter((name) => before.has(name))
const segments = (): readonly string[] => readdirSync(join(folder, 'packed'))
const unpack = (isDropped = keep): number => unpackFiles(layout, folder, nothing, isDropped).files
const found = (known: Parameters<typeof findSuperfluous>[2] = [], now = NOW) =>
  findSuperfluous(layout, folder, known, now, { unpacks: true })
const remove = (now: Instant): number =>
  found().reduce(
    (sum, what) => sum + removeSuperfluous(layout, { ...what, since: NOW }, now, nothing, { unpacks: true }),
    0,
  )

beforeEach(async () => {
  one = scratch()
  layout = layoutOf(one.dir)
  folder = join(one.dir, 'cas/x')
  await one.open().write(async (w) => {
    for (let n = 0; n < 16; n++) add(w, { x: [`${n}`] })
  })
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), 1_790_000_000, 1_790_000_000)
  before = new Map(
    readdirSync(folder).map((name) => [name, statSync(join(folder, name)).isFile() ? factsOf(name) : '']),
  )
  await packNow(one.dir)
  before = new Map([...before].filter(([name]) => !readdirSync(folder).includes(name)))
  expect(before.size).toBeGreaterThan(16)
})
afterEach(() => one.remove())

describe('unpacking', () => {
  it('writes each file to its place, with its bytes, mode and time, and a second run nothing', () => {
    expect(singles()).toEqual([])
    expect(unpack()).toBe(before.size)
    for (const [name, facts] of before) expect([name, factsOf(name)]).toEqual([name, facts])
    expect(unpack()).toBe(0)
  })

  it('removes the segment a day later, and no single file', () => {
    unpack()
    expect(found()).toMatchObject([{ folder, holder: 'single files', since: NOW }])
    expect(remove(later(23.9))).toBe(0)
    expect(segments().length).toBe(1)
    expect(remove(later(24))).toBe(1)
    expect(segments()).toEqual([])
    expect(singles().length).toBe(before.size)
    for (const [name, facts] of before) expect([name, factsOf(name)]).toEqual([name, facts])
  })

  it.each([
    ['is missing', (path: string) => rmSync(path)],
    ['has other bytes', (path: string) => writeFileSync(path, 'other')],
  ])('keeps a segment of which a file %s at its place', (_, spoil) => {
    unpack()
    const known = found()
    spoil(join(folder, [...before.keys()][3] ?? ''))
    expect(
      removeSuperfluous(layout, { ...(known[0] as (typeof known)[0]) }, later(25), nothing, { unpacks: true }),
    ).toBe(0)
    expect(segments().length).toBe(1)
  })

  it('does not replace a file that is at its place', () => {
    const [name = ''] = before.keys()
    writeFileSync(join(folder, name), 'restored')
    chmodSync(join(folder, name), 0o600)
    expect(unpack()).toBe(before.size - 1)
    expect(readFileSync(join(folder, name), 'utf8')).toBe('restored')
  })

  it('passes over what is damaged in the segment, which stays', () => {
    const path = join(folder, 'packed', segments()[0] ?? '')
    writeFileSync(path, readFileSync(path, 'latin1').replace('"7"', '"?"'), 'latin1')
    expect(unpack()).toBe(before.size - 1)
    expect(found()).toEqual([])
    expect(remove(later(25))).toBe(0)
  })

  it('leaves out what the archive has, and does not wait for it', () => {
    const [name = ''] = before.keys()
    const isDropped = (other: string): boolean => other === name
    expect(unpack(isDropped)).toBe(before.size - 1)
    const rules = { unpacks: true, isDropped }
    const [what] = findSuperfluous(layout, folder, [], NOW, rules)
    if (what === undefined) throw new Error('nothing is superfluous')
    expect(removeSuperfluous(layout, what, later(24), nothing, rules)).toBe(1)
  })
})
