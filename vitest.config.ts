/** Tests run in processes of their own (locks and oclif keep process-wide state), in UTC, with no watch mode. */
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { CountReporter } from './test/support/processes/reporter.js'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    watch: false,
    // most tests wait for processes and syncs of theirs: a core kept free would stay idle
    maxWorkers: Math.max(2, availableParallelism()),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Tests of crashes, locks and validators start hundreds of processes: on a machine that others load, one may miss its moment once.
    // What passed only then is named at the end of the run.
    retry: (process.env['CI'] ?? '') === '' ? 0 : 1,
    env: { TZ: 'UTC', NODE_EXTRA_CA_CERTS: '' },
    reporters: ['default', new CountReporter()],
  },
})
