/** The served tree, written by a disk that fails at each of its operations: a reader sees the old version or the new one, and the next run completes it. */
import fs from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { publishedObjects } from '../../src/core/pubd/content.js'
import { DEFAULT_RETENTION } from '../../src/core/pubd/ports.js'
import type { PubdState } from '../../src/core/pubd/state.js'
import { verifyTree } from '../../src/core/publication/verify.js'
import { sampled } from '../support/processes/sample.js'
import { codeOf, RRDP } from '../unit/pubd/given.js'
import { digest, failingDisk, quickDisk, type Site, siteWith } from '../unit/publication/target.js'

const filler = { 'big.cer': 'x'.repeat(9000), 'old.roa': 'replaced soon', 'gone/deep.roa': 'withdrawn soon' }
let site: Site
/** States in the order they were published, and a copy of the tree before the one that is made to fail. */
const states: PubdState[] = []
let before = ''

beforeAll(async () => {
  site = await siteWith('acme', 'beta')
  site.server.retention = { ...DEFAULT_RETENTION, maxSeconds: 100_000 }
  for (const version of [1, 2, 3, 4]) {
    await site.desire('acme', { ...filler, 'v.mft': `manifest ${version}` })
    site.write({ disk: quickDisk })
    site.later(3700)
  }
  await site.desire('beta', { 'n.roa': 'a new publisher' })
  await site.desire('acme', {
    'big.cer': filler['big.cer'],
    'old.roa': 'replaced now',
    'v.mft': 'manifest 5',
    gone: 'a file now',
  })
  states.push(site.server.state)
  before = join(site.dir, 'before')
  copy(site.repoDir, before)
})
afterAll(() => site.remove())

/** A reader's view: rsync through `current`, RRDP through the notification. Throws when either is no whole version. */
function serials(): readonly [string, number] {
  const notification = site.read('rrdp/notification.xml')
  for (const [, uri, hash] of notification.matchAll(/uri="([^"]+)" hash="([0-9a-f]{64})"/g))
    expect(digest(join(site.repoDir, 'rrdp', uri!.slice(RRDP.length)))).toBe(hash)
  return [JSON.stringify(site.rsync()), Number(/serial="(\d+)">/.exec(notification)?.[1])]
}

describe.each([
  ['once', false],
  ['for ever', true],
])('an operation that fails %s', (_, forEver) => {
  it.each([
    ['the delta to a standing tree', {}],
    ['a rebuild', { rebuild: true }],
  ])('during %s leaves a whole version, and the next run completes the new one', (__, more) => {
    const state = states[0]!
    copy(before, site.repoDir)
    const [oldListing, oldSerial] = serials()
    const wanted = publishedObjects(state).map((o) => [o.path, o.sha256])
    const newListing = JSON.stringify(wanted.sort(([a], [b]) => (a! < b! ? -1 : 1)))
    expect(newListing).not.toBe(oldListing)
    const total = operationsOf(more)
    expect(total).toBeGreaterThan(30)
    for (const n of sampled(numbersTo(total), 12)) {
      copy(before, site.repoDir)
      const { disk, operations } = failingDisk(n, forEver, 'EIO')
      const error = attempt(() => site.write({ disk, ...more }))
      expect(codeOf(error)).toBe('repository-write')
      expect(operations()).toBeGreaterThanOrEqual(n)
      const [listing, serial] = serials()
      expect([oldListing, newListing]).toContain(listing)
      expect([oldSerial, state.serial]).toContain(serial)
      site.write({ disk: quickDisk })
      expect(serials()).toEqual([newListing, state.serial])
      expect(verifyTree(site.options())).toEqual([])
      expect(site.write({ disk: quickDisk }).changed).toBe(false)
    }
  })
})

it('a new session after a rebuild that failed half-way trusts no tree that was being built', async () => {
  copy(before, site.repoDir)
  const kept = site.server.state
  for (const n of sampled(numbersTo(60), 12)) {
    copy(before, site.repoDir)
    site.server.state = kept
    attempt(() => site.write({ disk: failingDisk(n, true).disk, rebuild: true }))
    site.later(4000)
    await site.desire('acme', { ...filler, 'v.mft': `after ${n}` })
    site.write({ disk: quickDisk })
    expect(verifyTree(site.options())).toEqual([])
  }
  site.server.state = kept
})

const numbersTo = (last: number): readonly number[] => Array.from({ length: last }, (_, i) => i + 1)

/** How many operations it takes to write the present state over the tree before it. */
function operationsOf(more: { readonly rebuild?: boolean }): number {
  copy(before, site.repoDir)
  const { disk, operations } = failingDisk(Number.POSITIVE_INFINITY, false)
  site.write({ disk, ...more })
  return operations()
}

function attempt(work: () => unknown): unknown {
  try {
    work()
    return undefined
  } catch (error) {
    return error
  }
}

/** Links stand in for copies: the writer changes no file in place, or the checks would show it. */
function copy(from: string, to: string): void {
  fs.rmSync(to, { recursive: true, force: true })
  fs.mkdirSync(to)
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (entry.isDirectory()) copy(source, target)
    else if (entry.isSymbolicLink()) fs.symlinkSync(fs.readlinkSync(source), target)
    else fs.linkSync(source, target)
  }
}
