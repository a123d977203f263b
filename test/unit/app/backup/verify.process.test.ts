/** `backup verify` in memory: nothing of history and no object is written to the scratch folder, and it finds what a copy on disk shows. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createBackup } from '../../../../src/core/app/backup/create.js'
import { type VerifyReport, verifyBackup } from '../../../../src/core/app/backup/verify.js'
import { AppError } from '../../../../src/core/base/errors.js'
import { newTestbed, quickSession } from '../../../support/sites/testbed.js'
import { entriesOf, rewritten, type TarEntry } from '../../../support/store/backups.js'
import { fastest } from '../../../support/store/store.js'

const NOW = '2026-01-01T00:00:00Z'
const folder = mkdtempSync(join(fastest(), 'brine-verify-'))
const [dir, scratch, source] = [join(folder, 'data'), join(folder, 'scratch'), join(folder, 'intact.tar.gz')]
let entries: readonly TarEntry[]
afterAll(() => rmSync(folder, { recursive: true, force: true }))

beforeAll(async () => {
  mkdirSync(scratch)
  await newTestbed(dir, NOW)
  await createBackup(await quickSession(dir, NOW), { to: source, encryption: { type: 'plain' }, compression: 'gzip' })
  entries = await entriesOf(readFileSync(source))
})

const filesIn = (path: string): readonly string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true }).flatMap((e) => (e.isFile() ? [e.name] : []))

/** Verifies, and returns what the scratch folder held while history was replayed. */
async function verify(file: string, memory?: number): Promise<{ report: VerifyReport; onDisk: readonly string[] }> {
  const seen = new Set<string>()
  const { options } = await quickSession(dir, NOW)
  const onProgress = (): void => {
    for (const name of filesIn(scratch)) seen.add(name)
  }
  const request = { source: file, keys: {}, scratch, ...(memory === undefined ? {} : { memory }) }
  const report = await verifyBackup({ ...options, onProgress }, request)
  return { report, onDisk: [...seen] }
}

const RECORD = /^(?:\d+\.json|(?:command|event|snapshot)-\d+\.json|[0-9a-f]{64})$/

it('only what is not part of history is on disk meanwhile, without the content of keys', async () => {
  const { report, onDisk } = await verify(source)
  expect(report.ok).toBe(true)
  expect(onDisk).toContain('info.json')
  expect(onDisk.filter((name) => RECORD.test(name))).toEqual([])
  expect(filesIn(scratch)).toEqual([])
})

it('what does not fit in memory is on disk, and the result is the same', async () => {
  const whole = await verify(source)
  const size = entries.reduce((sum, { body }) => sum + body.length, 0)
  for (const memory of [0, size / 8, size / 4]) {
    const part = await verify(source, memory)
    expect(part.report).toEqual(whole.report)
    expect(part.onDisk.some((name) => RECORD.test(name))).toBe(true)
  }
})

it('a folder that is a copy is verified in memory as well', async () => {
  const { report, onDisk } = await verify(dir)
  expect([report.ok, onDisk.filter((name) => RECORD.test(name))]).toEqual([true, []])
})

describe('damage that the lists of the backup do not show is found alike', () => {
  const failure = async (file: string, memory?: number): Promise<unknown> =>
    verify(file, memory).then(
      () => 'accepted',
      (error: unknown) =>
        error instanceof AppError ? unnamed(JSON.stringify([error.code, error.message, error.details])) : error,
    )
  // the scratch folder has another name each time
  const unnamed = (text: string): string => text.replace(/brine-backup-\w{6}/g, 'SCRATCH')

  it.each([
    /^commits\/1\.json$/,
    /command-1\.json$/,
    /event-0\.json$/,
    /snapshot-\d+\.json$/,
    /^objects\/..\/[0-9a-f]{64}$/,
  ])(
    'in each file like %s: another octet, no content, white space',
    async (pattern) => {
      const names = entries.map((e) => e.header.name).filter((name) => pattern.test(name))
      let found = 0
      for (const name of names) {
        const text = entries.find((e) => e.header.name === name)?.body.toString('latin1') ?? ''
        for (const change of [text.replace(/\d/, (d) => String((Number(d) + 1) % 10)), '', ` ${text}`]) {
          const file = join(folder, 'damaged.tar.gz')
          writeFileSync(file, await rewritten(entries, { [name]: change }))
          const inMemory = await failure(file)
          expect(inMemory, name).toEqual(await failure(file, 0))
          if (inMemory !== 'accepted') found += 1
        }
      }
      expect(found).toBeGreaterThan(names.length)
      expect(filesIn(scratch)).toEqual([])
    },
    60_000,
  )
})
