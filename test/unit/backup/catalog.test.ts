/** Expired backups of a folder: days, months, several of one second, names that resemble those of backups. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { listCatalog, type RetentionPolicy, selectExpired } from '../../../src/core/backup/catalog.js'

const NONE: RetentionPolicy = { last: 0, hourly: 0, daily: 0, weekly: 0, monthly: 0, yearly: 0 }
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'brine-catalog-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const put = (...stamps: readonly string[]): void => {
  for (const stamp of stamps) writeFileSync(join(folder, `brine-0123abcd-${stamp}.tar.gz.age`), 'x')
}
const stampsOf = (files: readonly { readonly file: string }[]): readonly string[] =>
  files.map(({ file }) => basename(file).slice('brine-0123abcd-'.length, -'.tar.gz.age'.length))
/** Returns the stamps of the backups that are kept, newest first. */
function kept(daily: number, monthly: number, more: Partial<RetentionPolicy> = {}): readonly string[] {
  const all = listCatalog(folder)
  const gone = selectExpired(all, { ...NONE, daily, monthly, ...more })
  return stampsOf(all.filter((backup) => !gone.includes(backup)))
}

it('of several backups of one second the one with the highest number is the newest', () => {
  put('20260301T120000Z', ...[2, 3, 9, 10, 11].map((n) => `20260301T120000Z-${n}`))
  expect(stampsOf(listCatalog(folder)).slice(0, 3)).toEqual([11, 10, 9].map((n) => `20260301T120000Z-${n}`))
  expect(kept(1, 1)).toEqual(['20260301T120000Z-11'])
  // rules that are not used up keep the oldest too
  expect(kept(7, 12)).toEqual(['20260301T120000Z-11', '20260301T120000Z'])
})

it('each month with a backup keeps its newest, whatever the length of the month and the day of its last backup', () => {
  put('20240131T235959Z', '20240201T000000Z', '20240228T120000Z', '20240229T235959Z', '20240301T000000Z')
  put('20240330T010203Z', '20240430T000000Z', '20241231T235959Z', '20250101T000000Z')
  expect(kept(0, 6)).toEqual([
    '20250101T000000Z',
    '20241231T235959Z',
    '20240430T000000Z',
    '20240330T010203Z',
    '20240229T235959Z',
    '20240131T235959Z',
  ])
  expect(kept(2, 0)).toEqual(['20250101T000000Z', '20241231T235959Z'])
})

it('days without a backup are not counted', () => {
  put('20260101T000000Z', '20260101T120000Z', '20260303T000000Z', '20260909T000000Z')
  expect(kept(3, 0)).toEqual(['20260909T000000Z', '20260303T000000Z', '20260101T120000Z'])
})

it('hours, weeks of ISO 8601, years and the last ones are rules of their own', () => {
  put('20251229T000000Z', '20260101T000000Z', '20260104T235959Z', '20260105T000000Z', '20260105T005959Z')
  put('20260105T010000Z', '20241230T000000Z', '20240101T000000Z', '20230601T000000Z')
  expect(kept(0, 0, { last: 2 })).toEqual(['20260105T010000Z', '20260105T005959Z'])
  expect(kept(0, 0, { hourly: 2 })).toEqual(['20260105T010000Z', '20260105T005959Z'])
  // 2025-12-29 to 2026-01-04 is one week, and 2024-12-30 is in the first of 2025
  expect(kept(0, 0, { weekly: 3 })).toEqual(['20260105T010000Z', '20260104T235959Z', '20241230T000000Z'])
  expect(kept(0, 0, { yearly: 3 })).toEqual(['20260105T010000Z', '20251229T000000Z', '20241230T000000Z'])
  expect(kept(0, 0)).toEqual(['20260105T010000Z'])
})

it('an invalid date, a folder, a link and an unfinished file are ignored', () => {
  put('20260230T000000Z', '20260101T250000Z', '20260101T000000Z-0', '20260101T000000Z-01')
  mkdirSync(join(folder, 'brine-0123abcd-20260101T000000Z.tar.gz'))
  symlinkSync('/etc/hostname', join(folder, 'brine-0123abcd-20260102T000000Z.tar.gz'))
  writeFileSync(join(folder, '.brine-0123abcd-20260103T000000Z.tar.gz.partial-0123456789ab'), 'x')
  writeFileSync(join(folder, 'brine-0123abcd-20260103T000000Z.tar.gz\n'), 'x')
  expect(listCatalog(folder)).toEqual([])
})
