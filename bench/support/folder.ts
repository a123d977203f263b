/**
 * Folder for the data of benchmarks: on the project's disk, never in a temporary folder. That may be memory, where fsync is free, and some
 * file systems create files at a tenth of their speed for minutes after tests have removed thousands of them.
 */
import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'

/** Creates a folder below `BENCH_DIR`, or below the cache beside the packages. The caller removes it. */
export function newFolder(): string {
  const base = process.env['BENCH_DIR'] ?? join(process.cwd(), 'node_modules', '.cache')
  mkdirSync(base, { recursive: true })
  return mkdtempSync(join(base, 'brine-bench-'))
}
