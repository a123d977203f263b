/** What our encoders write, judged by relying parties: rpki-client and FORT over a whole repository, and a strict DER lint. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { instantOf } from '../../src/core/base/time.js'
import { derlint, runOffline, skipUnlessValidators } from '../support/peers/validators.js'
import { buildMiniRepo, type MiniRepo, writeMiniRepo } from '../support/rpki/mini-repo.js'

let folder: string
let repo: MiniRepo
let paths: { readonly rsyncRoot: string; readonly tal: string }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'brine-mini-'))
  repo = await buildMiniRepo(instantOf(Date.now() / 1000))
  paths = await writeMiniRepo(folder, repo)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

test('validators accept every object and find exactly the VRPs of the ROAs', async (context) => {
  skipUnlessValidators(context)
  const run = await runOffline(paths.rsyncRoot, paths.tal, repo.vrps)
  expect(run.ok, run.output).toBe(true)
})

test('validators reject one flipped bit: the judge can say no', async (context) => {
  skipUnlessValidators(context)
  const name = [...repo.files.keys()].find((path) => path.endsWith('AS0.roa')) ?? ''
  const file = join(paths.rsyncRoot, name)
  const bytes = await readFile(file)
  const broken = Buffer.from(bytes)
  broken[broken.length - 1] = (broken.at(-1) ?? 0) ^ 1
  await writeFile(file, broken)
  const run = await runOffline(paths.rsyncRoot, paths.tal, repo.vrps)
  await writeFile(file, bytes)
  expect(run.ok, run.output).toBe(false)
})

test('the strict DER lint finds nothing, before and after 2050', async (context) => {
  expect(await derlint(context, [paths.rsyncRoot])).toBe('')
  const late = await buildMiniRepo(instantOf(2_540_000_000))
  const { rsyncRoot } = await writeMiniRepo(join(folder, 'late'), late)
  expect(await derlint(context, [rsyncRoot])).toBe('')
})
