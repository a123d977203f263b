/**
 * Golden objects: the mini repository of one fixed instant, byte for byte, a text dump for review beside each.
 * BRINE_WRITE_GOLDEN=1 writes them anew: read the change of every dump before you commit it.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import { findProgram, runOffline, skipUnlessValidators } from '../../support/peers/validators.js'
import { buildMiniRepo } from '../../support/rpki/mini-repo.js'
import { dumpDer } from './der-dump.js'

const FOLDER = fileURLToPath(new URL('../../golden/der/repo', import.meta.url))
const NOW = '2026-01-01T00:00:00Z' as Instant
const repo = await buildMiniRepo(NOW)

beforeAll(async () => {
  if (process.env['BRINE_WRITE_GOLDEN'] !== '1') return
  await rm(FOLDER, { recursive: true, force: true })
  for (const [path, bytes] of repo.files) {
    await mkdir(dirname(join(FOLDER, 'rsync', path)), { recursive: true })
    await mkdir(dirname(join(FOLDER, 'text', path)), { recursive: true })
    await writeFile(join(FOLDER, 'rsync', path), bytes)
    await writeFile(join(FOLDER, 'text', `${path}.txt`), dumpDer(bytes))
  }
  await writeFile(join(FOLDER, 'ta.tal'), repo.tal)
})

describe.each([...repo.files])('%s', (path, bytes) => {
  test('reads as it did', async () => {
    expect(dumpDer(bytes)).toBe(await readFile(join(FOLDER, 'text', `${path}.txt`), 'utf8'))
  })

  test('has the octets it had', async () => {
    expect(Buffer.compare(bytes, await readFile(join(FOLDER, 'rsync', path)))).toBe(0)
  })
})

test('the TAL is the same text', async () => {
  expect(repo.tal).toBe(await readFile(join(FOLDER, 'ta.tal'), 'utf8'))
})

test('no golden file is left over', async () => {
  const entries = await readdir(join(FOLDER, 'rsync'), { recursive: true, withFileTypes: true })
  const files = entries.filter((e) => e.isFile()).map((e) => join(e.parentPath, e.name).slice(FOLDER.length + 7))
  expect(files.sort()).toEqual([...repo.files.keys()].sort())
})

test('validators, set to that instant, accept the golden files', async (context) => {
  skipUnlessValidators(context)
  if (findProgram('faketime') === undefined) context.skip('missing: faketime')
  const run = await runOffline(join(FOLDER, 'rsync'), join(FOLDER, 'ta.tal'), repo.vrps, { at: Date.parse(NOW) / 1000 })
  expect(run.ok, run.output).toBe(true)
})
