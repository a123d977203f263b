/** Unfinished backups: those of dead processes are removed, those that a live process may be writing are kept. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { pruneBackups } from '../../../src/core/app/backup/catalog.js'
import { abandonedPartials, partialName } from '../../../src/core/backup/partial-files.js'
import { backupTarget } from '../../../src/core/backup/target.js'
import type { Instant } from '../../../src/core/base/time.js'

const NAME = 'brine-0123abcd-20260101T000000Z.tar.gz.age'
const HOUR = 3600
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'brine-partial-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const own = (): string => basename(partialName(join(folder, NAME)))
const parts = (name: string): readonly string[] => name.slice(name.indexOf('.partial-') + 9).split('-')
/** Returns a temporary name of a process of this machine that has ended. */
const ofDead = (): string => {
  const { pid } = spawnSync('true')
  const [, start, boot, random] = parts(own())
  return `.${NAME}.partial-${pid}-${start}-${boot}-${random}`
}
const ofReusedNumber = (): string => own().replace(/partial-(\d+)-\d+/, 'partial-$1-1')
const ofAnotherMachine = (): string => own().replace(/-[0-9a-f]{12}-/, '-000000000000-')
const ofOlderVersion = (): string => `.${NAME}.partial-0123456789ab`
const put = (name: string, hoursAgo: number): string => {
  const at = Date.now() / 1000 - hoursAgo * HOUR
  writeFileSync(join(folder, name), 'half')
  utimesSync(join(folder, name), at, at)
  return name
}
const dead = (): readonly string[] => abandonedPartials(folder, (of) => of === NAME).map(({ file }) => basename(file))

it('a file of a dead process counts as abandoned an hour after it last grew', () => {
  const [name, reused] = [put(ofDead(), 2), put(ofReusedNumber(), 2)]
  put(ofDead(), 0)
  expect(dead().toSorted()).toEqual([name, reused].toSorted())
})

it('a file of a live process is never abandoned, however long ago it last grew', () => {
  expect(parts(own())[0]).toBe(String(process.pid))
  put(own(), 1000)
  expect(dead()).toEqual([])
})

it('a file of another machine, or without a process id, is abandoned after a day', () => {
  const names = [ofAnotherMachine(), ofOlderVersion()]
  for (const name of names) put(name, 23)
  expect(dead()).toEqual([])
  for (const name of names) put(name, 25)
  expect(dead().toSorted()).toEqual(names.toSorted())
})

it('prune removes and counts them, and no other hidden file', async () => {
  const name = put(ofDead(), 2)
  put(NAME, 2)
  put(name.replace(NAME, 'notes.tar'), 1000)
  const living = put(own(), 1000)
  const keep = { keep: { daily: 1, monthly: 1 }, now: '2099-01-01T00:00:00Z' as Instant }
  expect(await pruneBackups(folder, { ...keep, dryRun: true })).toMatchObject({ changed: true, bytes: 4 })
  expect(readdirSync(folder).length).toBe(4)
  expect(await pruneBackups(folder, keep)).toMatchObject({
    unfinished: [{ file: join(folder, name), bytes: 4 }],
    removed: [],
  })
  expect(readdirSync(folder).toSorted()).toEqual([living, name.replace(NAME, 'notes.tar'), NAME].toSorted())
  expect(await pruneBackups(folder, keep)).toMatchObject({ changed: false, unfinished: [] })
})

it('the next backup into the folder, or to the same file, removes them', async () => {
  put(ofDead(), 2)
  const named = put(ofDead().replace(NAME, 'own.gz'), 2)
  const living = put(own(), 1000)
  await backupTarget(folder, NAME, []).write(Readable.from([Buffer.from('whole')]), 5)
  expect(readdirSync(folder).toSorted()).toEqual([named, living, NAME].toSorted())
  await backupTarget(join(folder, 'own.gz'), NAME, []).write(Readable.from([Buffer.from('whole')]), 5)
  expect(readdirSync(folder).toSorted()).toEqual([living, NAME, 'own.gz'].toSorted())
  expect(readFileSync(join(folder, NAME), 'utf8')).toBe('whole')
})
