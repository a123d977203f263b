/** Which tests `npm run test:quick` selects for a change (bin/test-quick.js). */
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'

const { touchedBy } = createRequire(import.meta.url)('../../bin/test-quick.js') as {
  touchedBy(changed: readonly string[], topics: readonly string[]): readonly string[]
}
const TOPICS = ['est', 'ha', 'roa', 'tick']

it.each([
  ['a command', 'src/commands/roa/add.ts', ['test/e2e/roa/**/*.test.ts']],
  ['a command without a folder', 'src/commands/tick.ts', ['test/e2e/tick/**/*.test.ts']],
  [
    'a use case, by its name',
    'src/core/app/authority/roas.ts',
    ['test/unit/app/authority/*.process.test.ts', 'test/e2e/roa/**/*.test.ts'],
  ],
  ['a rule, by its folder', 'src/core/ha/select.ts', ['test/unit/ha/*.process.test.ts', 'test/e2e/ha/**/*.test.ts']],
  ['a backend', 'src/core/backends/cfssl.ts', ['test/unit/backends/*.process.test.ts']],
  ['an e2e test', 'test/e2e/roa/refused.test.ts', ['test/e2e/roa/refused.test.ts']],
  ['what e2e tests of a topic share', 'test/e2e/backup/given.ts', ['test/e2e/backup/**/*.test.ts']],
  ['a test of the rules, which run anyway', 'test/unit/ha/select.test.ts', []],
  ['a document', 'README.md', []],
])('%s', (_, path, touched) => {
  expect(touchedBy([path], TOPICS)).toEqual(touched)
})
