/** The last lines of a test run: what was skipped, the seed of the samples, then `N passed, N failed`. */
import type { Reporter, TestCase, TestModule } from 'vitest/node'

interface Count {
  passed: number
  failed: number
  readonly skipped: Map<string, number>
}

function groupOf(test: TestCase): string {
  const parent = test.parent.type === 'suite' ? ` > ${test.parent.fullName}` : ''
  return `${test.module.relativeModuleId}${parent}`
}

function addTest(count: Count, test: TestCase): void {
  const { state } = test.result()
  if (state === 'passed') count.passed += 1
  else if (state === 'skipped') count.skipped.set(groupOf(test), (count.skipped.get(groupOf(test)) ?? 0) + 1)
  else count.failed += 1
}

/** Counts a file that failed outside its tests (it does not load, a hook throws, it has no test) as one failure. */
function addModule(count: Count, module: TestModule): void {
  const before = count.failed
  for (const test of module.children.allTests()) addTest(count, test)
  if (module.state() === 'failed' && count.failed === before) count.failed += 1
}

/** Returns the closing lines of a run: one for each skipped group, the seed, the totals. */
export function closingLines(modules: Iterable<TestModule>, unhandled: number): readonly string[] {
  const count: Count = { passed: 0, failed: unhandled, skipped: new Map() }
  for (const module of modules) addModule(count, module)
  const skipped = [...count.skipped.values()].reduce((sum, n) => sum + n, 0)
  const totals = `${count.passed} passed, ${count.failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`
  return [
    ...[...count.skipped].map(([group, n]) => `skipped: ${group} (${n})`),
    process.env['SLOW'] === '1'
      ? 'sweeps: every case (SLOW=1)'
      : `sweeps: a sample, repeated by SAMPLE_SEED=${process.env['SAMPLE_SEED']}; every case with SLOW=1`,
    totals,
  ]
}

export class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    process.stdout.write(`${closingLines(modules, unhandled.length).join('\n')}\n`)
  }
}
