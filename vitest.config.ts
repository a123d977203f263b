/**
 * Tests in four projects: `rules` runs pure code and files in processes that are used again, `process` what starts programs, each file in a
 * process of its own; `crash` fails and kills at file operations; `interop` asks other implementations. All of them in UTC, without retries.
 */
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { CountReporter } from './test/support/processes/reporter.js'
import { scratchDisk } from './test/support/processes/scratch-disk.js'

/** The number of commits; where git cannot tell, the number of days since 1970. */
function defaultSeed(): string {
  const { status, stdout } = spawnSync('git', ['rev-list', '--count', 'HEAD'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : String(Math.floor(Date.now() / 86_400_000))
}

// everything that the tests write: a commit takes fifty syncs, which cost 1 to 10 ms each on a disk and nothing in memory
process.env['TMPDIR'] ||= scratchDisk()
// inherited by every test process (test/support/processes/sample.ts)
process.env['SAMPLE_SEED'] ||= defaultSeed()

const RULES = ['test/unit/**/*.test.ts', 'test/property/**/*.test.ts']
const PROCESS = ['test/unit/**/*.process.test.ts', 'test/property/**/*.process.test.ts']

/** Patterns of the tests that start programs, for `npm run test:quick`; undefined for every other run. */
const touched = process.env['BRINE_TEST_QUICK']?.split(',')

/** Returns the patterns of a project, or those touched below its folders. */
function programs(include: string[], folders: string[]): string[] {
  return touched?.filter((pattern) => folders.some((folder) => pattern.startsWith(`test/${folder}/`))) ?? include
}

export default defineConfig({
  test: {
    projects: [
      { extends: true, test: { name: 'rules', include: RULES, exclude: PROCESS, isolate: false } },
      {
        extends: true,
        test: {
          name: 'process',
          include: programs([...PROCESS, 'test/e2e/**/*.test.ts'], ['unit', 'property', 'e2e']),
        },
      },
      { extends: true, test: { name: 'crash', include: programs(['test/crash/**/*.test.ts'], ['crash']) } },
      { extends: true, test: { name: 'interop', include: programs(['test/interop/**/*.test.ts'], ['interop']) } },
    ],
    globalSetup: ['test/support/sites/seeds.ts'],
    // forks and not threads: tests set the umask and environment variables
    pool: 'forks',
    watch: false,
    // a quarter of the time of the rules is their transformation; the cache lies in node_modules and goes by content
    experimental: { fsModuleCache: true },
    // most tests wait for processes, syncs and peers of theirs: with one worker a core, cores stay idle
    maxWorkers: availableParallelism() + 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    env: { TZ: 'UTC', NODE_EXTRA_CA_CERTS: '' },
    reporters: ['default', new CountReporter()],
  },
})
