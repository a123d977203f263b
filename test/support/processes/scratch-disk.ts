/** Where the tests keep their files: in memory, where there is enough of it. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const MEMORY = '/dev/shm'
const ENOUGH = 4 * 2 ** 30

/** Returns `/dev/shm` if it has 4 GiB free and programs in it can be run, as in few containers; else the system's folder. */
export function scratchDisk(): string {
  try {
    const { bavail, bsize } = statfsSync(MEMORY)
    if (bavail * bsize >= ENOUGH && canRun(MEMORY)) return MEMORY
  } catch {
    // there is none, or it is not writable
  }
  return tmpdir()
}

function canRun(place: string): boolean {
  const folder = mkdtempSync(join(place, 'brine-run-'))
  try {
    const program = join(folder, 'program')
    writeFileSync(program, '#!/bin/sh\n', { mode: 0o755 })
    return spawnSync(program).status === 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
