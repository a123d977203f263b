/** The last line of a test run: `N passed, N failed`, with what was skipped or passed only when tried again named above it, so that none is missed. */
import type { Reporter, TestCase, TestModule } from 'vitest/node'

interface Count {
  passed: number
  failed: number
  readonly skipped: Map<string, number>
  readonly again: string[]
}

function groupOf(test: TestCase): string {
  const parent = test.parent.type === 'suite' ? ` > ${test.parent.fullName}` : ''
  return `${test.module.relativeModuleId}${parent}`
}

function addTest(count: Count, test: TestCase): void {
  const { state } = test.result()
  if (test.diagnostic()?.flaky === true) count.again.push(`${groupOf(test)} > ${test.name}`)
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

/** The closing lines of a run: one for each skipped group and each test that failed first, then the totals. */
export function closingLines(modules: Iterable<TestModule>, unhandled: number): readonly string[] {
  const count: Count = { passed: 0, failed: unhandled, skipped: new Map(), again: [] }
  for (const module of modules) addModule(count, module)
  const skipped = [...count.skipped.values()].reduce((sum, n) => sum + n, 0)
  const totals = `${count.passed} passed, ${count.failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`
  return [
    ...[...count.skipped].map(([group, n]) => `skipped: ${group} (${n})`),
    ...count.again.map((test) => `passed when tried again: ${test}`),
    totals,
  ]
}

export class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly unknown[]): void {
    process.stdout.write(`${closingLines(modules, unhandled.length).join('\n')}\n`)
  }
}
