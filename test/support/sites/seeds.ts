/**
 * Data directories that the program makes once in a run and that tests copy: a copy costs milliseconds, a data directory seconds, most of them
 * for its keys. The folder of the seeds is made by the global set-up of vitest, and removed at the end of the run.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Instant } from '../../../src/core/base/time.js'
import { readMarker } from '../../../src/core/store/directory/data-dir.js'
import { thisInstallation, writeInstallationId } from '../../../src/core/store/directory/installation-id.js'
import { layoutOf } from '../../../src/core/store/disk/paths.js'
import { copyDir } from '../processes/cli.js'
import { buildWorker } from '../processes/workers.js'
import { FIXED_KEYS, fixedKey, fixedPkcs8 } from '../rpki/fixed-keys.js'

const VARIABLE = 'BRINE_TEST_SEEDS'

/** The global set-up. Vitest calls it once for each project; the first call makes the folder, with the program of the workers. */
export async function setup(): Promise<(() => void) | undefined> {
  if (process.env[VARIABLE] !== undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), 'brine-seeds-'))
  process.env[VARIABLE] = folder
  await buildWorker(folder)
  return () => rmSync(folder, { recursive: true, force: true })
}

export interface SeedOptions {
  /** With a pool of one-time keys, so that the commands of a test make none. */
  readonly pool?: boolean
  /** The copy is a primary that takes the real clock; else it has to be made by `init --test`, whose copies are always live. */
  readonly primary?: boolean
}

/** Makes `into` a copy of the seed `name`, which `make` makes where no test has needed it yet. */
export async function copySeed(
  name: string,
  into: string,
  make: (dataDir: string) => Promise<unknown>,
  { pool = false, primary = false }: SeedOptions = {},
): Promise<void> {
  const folder = process.env[VARIABLE]
  if (folder === undefined) throw new Error(`${VARIABLE} is not set: the global set-up did not run`)
  const seed = join(folder, name.replaceAll(/[^\w-]/g, '-'))
  await makeOnce(seed, make)
  copyDir(seed, into)
  if (pool) fillPool(into)
  if (!primary) return
  // both name the directory that wrote them, which tells a copy
  rmSync(layoutOf(into).head, { force: true })
  rmSync(join(into, 'repo', '.state', 'primary.json'), { force: true })
  const now = new Date().toISOString().replace(/\.\d+/, '') as Instant
  writeInstallationId(into, thisInstallation(into, readMarker(into).generation, now))
}

/** Runs `make` unless the seed is there; of several processes one does it, and the others wait. */
async function makeOnce(seed: string, make: (dataDir: string) => Promise<unknown>): Promise<void> {
  while (!existsSync(seed)) {
    if (!claimed(`${seed}.claim`)) {
      await setTimeout(20)
      continue
    }
    try {
      if (existsSync(seed)) return
      await make(`${seed}.new`)
      renameSync(`${seed}.new`, seed)
    } finally {
      rmSync(`${seed}.new`, { recursive: true, force: true })
      rmdirSync(`${seed}.claim`)
    }
  }
}

function claimed(path: string): boolean {
  try {
    mkdirSync(path)
    return true
  } catch {
    return false
  }
}

/** How many fixed keys are left for the lasting keys that the commands of a test make. */
const LASTING = 12

/** Puts the fixed keys that a data directory does not use into its pool, but for the last ones. */
export function fillPool(dataDir: string): void {
  const layout = layoutOf(dataDir)
  for (let n = 0; n < FIXED_KEYS - LASTING; n++) {
    const { id } = fixedKey(n)
    if (existsSync(layout.key(id))) continue
    writeFileSync(layout.poolKey(id), fixedPkcs8(n), { mode: 0o600 })
  }
}
