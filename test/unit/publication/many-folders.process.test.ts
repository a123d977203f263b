/** A change in a tree of many folders: it looks at those that it touches and at some others, and what was modified elsewhere is still found. */
import fs from 'node:fs'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { RsyncReport } from '../../../src/core/publication/rsync.js'
import { verifyTree } from '../../../src/core/publication/verify.js'
import { isTreeCurrent } from '../../../src/core/publication/writer.js'
import { quickDisk, type Site, siteWith } from './target.js'

const FOLDERS = 400

let site: Site
let round = 0

beforeEach(async () => {
  site = await siteWith('acme')
  round = 0
  for (let i = 0; i < 4; i++) await publish()
})
afterEach(() => {
  vi.restoreAllMocks()
  site.remove()
})

/** One more publication, in folder `f7` only; the two trees take turns. */
async function publish(more: Readonly<Record<string, string>> = {}): Promise<RsyncReport> {
  round += 1
  const still = Object.fromEntries(Array.from({ length: FOLDERS }, (_, n) => [`f${n}/still.roa`, `still ${n}`]))
  await site.desire('acme', { ...still, 'f7/a.roa': `a${round}`, ...more })
  site.later(7201)
  const { rsync } = site.write({ disk: quickDisk })
  return rsync
}

const idle = (path: string): string => {
  const current = fs.readlinkSync(join(site.repoDir, 'rsync/current'))
  return join(site.repoDir, 'rsync', current === 'a' ? 'b' : 'a', path)
}
const isCurrent = (): boolean => isTreeCurrent(site.options())
/** Bytes of the records of tree `name`. */
const recordOf = (name: string): number => fs.statSync(join(site.repoDir, '.state', name)).size

describe('a change in one of many folders', () => {
  it('looks at a bounded number of folders and writes a record of what it touched', async () => {
    const stats = vi.spyOn(fs, 'lstatSync')
    const { whole, bytes, tree } = await publish()
    expect(whole).toBe(false)
    expect(stats.mock.calls.length).toBeLessThan(150)
    expect(bytes).toBeLessThan(2000)
    expect(recordOf(`tree-${tree}.json`)).toBeGreaterThan(FOLDERS * 20)
    expect(isCurrent()).toBe(true)
    expect(verifyTree(site.options())).toEqual([])
  })

  it('is written into the complete record once a quarter of the folders has changed', async () => {
    const changed = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`f${n}/b.roa`, `b${round}`]))
    expect((await publish(changed(90))).bytes).toBeLessThan(6000)
    await publish(changed(90))
    expect((await publish(changed(150))).bytes).toBeGreaterThan(FOLDERS * 20)
    expect(fs.existsSync(join(site.repoDir, '.state', 'tree-a-touched.json'))).toBe(false)
    expect(isCurrent()).toBe(true)
    expect(verifyTree(site.options())).toEqual([])
  })

  it('removes and creates folders, and knows them', async () => {
    for (const more of [{ 'new/deep/b.roa': 'b' }, {}, { 'new/b.roa': 'b' }, { new: 'a file' }, {}, {}]) {
      expect((await publish(more)).whole).toBe(false)
      expect(isCurrent()).toBe(true)
      expect(verifyTree(site.options())).toEqual([])
    }
  })

  it.each([
    ['a file gone', () => fs.rmSync(idle('acme/f7/still.roa'))],
    ['a file too many', () => fs.writeFileSync(idle('acme/f7/mine'), 'x')],
    ['a folder gone', () => fs.rmSync(idle('acme/f7'), { recursive: true })],
    ['a folder too many above it', () => fs.mkdirSync(idle('acme/mine'))],
    ['a folder too many at the top', () => fs.mkdirSync(idle('mine'))],
  ])('is not applied to a tree with %s there', async (_, damage) => {
    damage()
    expect((await publish()).whole).toBe(true)
    expect(verifyTree(site.options())).toEqual([])
  })

  it('leaves what was modified elsewhere in the record: it is found as soon as that tree is current, and repaired', async () => {
    // beyond what the next change looks at
    const names = Object.keys(JSON.parse(site.read(`.state/tree-${basename(idle('.'))}.json`)).folders)
    const far = names[((site.server.state.serial + 1) * 64 + 200) % names.length]!
    fs.rmSync(idle(`${far}/still.roa`))
    expect((await publish()).whole).toBe(false)
    expect(isCurrent()).toBe(false)
    expect(site.write().repaired).toEqual(['rsync'])
    expect(verifyTree(site.options())).toEqual([])
  })

  it('finds it without being asked, within as many changes as the sample needs for all folders', async () => {
    fs.rmSync(idle('acme/f300/still.roa'))
    const whole = []
    for (let i = 0; i < 14; i++) whole.push((await publish()).whole)
    expect(whole).toContain(true)
    expect(verifyTree(site.options())).toEqual([])
  })

  it.each([
    ['gone', (path: string) => fs.rmSync(path)],
    ['cut', (path: string) => fs.writeFileSync(path, '{"format":1,"ses')],
    [
      'of another base',
      (path: string) => fs.writeFileSync(path, fs.readFileSync(path, 'utf8').replace(/"base":\d+/, '"base":1')),
    ],
  ])('is not applied where the record of what changed is %s', async (_, harm) => {
    await publish()
    await publish()
    harm(join(site.repoDir, '.state', `tree-${basename(idle('.'))}-touched.json`))
    expect((await publish()).whole).toBe(true)
    expect(verifyTree(site.options())).toEqual([])
  })
})
