/**
 * Where benchmarks keep their data: on the project's own disk, never in a temporary folder. That may be memory, where a sync is free;
 * and where tests have just removed thousands of files, some file systems make new ones at a tenth of their speed for minutes.
 */
import { mkdirSync, mkdtempSync } from 'node:fs'
import { join } from 'node:path'

/** A new folder below `BENCH_DIR`, or below the cache beside the packages. The caller removes it. */
export function newFolder(): string {
  const base = process.env['BENCH_DIR'] ?? join(process.cwd(), 'node_modules', '.cache')
  mkdirSync(base, { recursive: true })
  return mkdtempSync(join(base, 'brine-bench-'))
}
