/** An idle rsync tree that somebody changed by hand is built anew before it is served again; one that nobody touched is not. */
import fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Disk } from '../../../src/core/publication/served-files.js'
import { verifyTree } from '../../../src/core/publication/verify.js'
import { quickDisk, type Site, siteWith } from './target.js'

let site: Site
let round = 0

/** One more publication, more than an hour after the last: the two trees take turns. */
async function publish(disk: Disk): Promise<{ readonly tree: string; readonly whole: boolean }> {
  round += 1
  // large, so that the deltas that lead from one tree to the next are worth keeping
  const still = { 'still.roa': 'still', 'sub/still.cer': 'certificate', 'large.cer': 'x'.repeat(9000) }
  await site.desire('acme', { ...still, 'a.roa': `a${round}`, ...(round % 2 === 0 ? { 'new/b.roa': 'b' } : {}) })
  await site.desire('beta', { 'far.roa': 'far' })
  site.later(7201)
  const { tree, whole } = site.write({ disk }).rsync
  expect(site.rsync()).toEqual(site.wanted())
  expect(verifyTree(site.options())).toEqual([])
  return { tree, whole }
}

/** In the tree that is not current. */
const idle = (path: string): string => {
  const current = fs.readlinkSync(join(site.repoDir, 'rsync/current'))
  return join(site.repoDir, 'rsync', current === 'a' ? 'b' : 'a', path)
}

const copying: Disk = {
  ...quickDisk,
  link: (from, to) => {
    if (from.includes('/objects/')) throw Object.assign(new Error('EXDEV'), { code: 'EXDEV' })
    fs.linkSync(from, to)
  },
}

/** As an editor saves: another file under the same name. */
function replace(path: string, text: string): void {
  fs.writeFileSync(`${path}.new`, text)
  fs.renameSync(`${path}.new`, path)
}

function addFile(path: string): void {
  fs.mkdirSync(dirname(path), { recursive: true })
  fs.writeFileSync(path, 'mine')
}

function emptied(path: string): string {
  fs.rmSync(path)
  return path
}

const DAMAGES: readonly (readonly [string, () => void])[] = [
  ['a file gone', () => fs.rmSync(idle('acme/still.roa'))],
  ['a file gone from a folder below', () => fs.rmSync(idle('acme/sub/still.cer'))],
  ['other bytes of the same length', () => replace(idle('acme/still.roa'), 'STILL')],
  ['an empty file', () => replace(idle('beta/far.roa'), '')],
  ['a file too many', () => addFile(idle('acme/extra.roa'))],
  ['a file too many at the top', () => addFile(idle('extra.roa'))],
  ['a folder too many', () => addFile(idle('acme/sub/deep/extra.roa'))],
  ['a folder gone', () => fs.rmSync(idle('beta'), { recursive: true })],
  ['a folder in the place of a file', () => addFile(join(emptied(idle('beta/far.roa')), 'x'))],
  ['a folder moved', () => fs.renameSync(idle('acme/sub'), idle('acme/bus'))],
  ['everything gone', () => fs.rmSync(idle(''), { recursive: true })],
  ['a record that is gone', () => fs.rmSync(join(site.repoDir, '.state', `tree-${basename(idle('.'))}.json`))],
]

beforeEach(async () => {
  site = await siteWith('acme', 'beta')
  round = 0
})
afterEach(() => site.remove())

describe.each([
  ['links', quickDisk],
  ['copies', copying],
] as const)('a tree of %s', (_, disk) => {
  it('is brought forward as long as nobody touches it', async () => {
    const seen = []
    for (let i = 0; i < 7; i++) seen.push(await publish(disk))
    expect(seen.map(({ tree, whole }) => `${tree}${whole ? '!' : ''}`)).toEqual(['a!', 'b!', 'a', 'b', 'a', 'b', 'a'])
  })

  it.each(DAMAGES)('with %s is built anew', async (__, damage) => {
    for (let i = 0; i < 4; i++) await publish(disk)
    damage()
    expect(await publish(disk)).toMatchObject({ whole: true })
    expect(await publish(disk)).toMatchObject({ whole: false })
    expect(await publish(disk)).toMatchObject({ whole: false })
  })
})

it.each([
  ['of another length', 'still and more'],
  ['of the same length', 'STILL'],
])('a copy that was written to, bytes %s, is built anew', async (_, text) => {
  for (let i = 0; i < 4; i++) await publish(copying)
  fs.writeFileSync(idle('acme/still.roa'), text)
  expect(await publish(copying)).toMatchObject({ whole: true })
  // the copies of both trees are links to each other
  expect(await publish(copying)).toMatchObject({ whole: true })
  expect(await publish(copying)).toMatchObject({ whole: false })
})

it('a damaged copy in the current tree is not taken over into the next', async () => {
  await publish(copying)
  fs.writeFileSync(join(site.repoDir, 'rsync/current/acme/still.roa'), 'STILL')
  expect(await publish(copying)).toMatchObject({ whole: true })
})
