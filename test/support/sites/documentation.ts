/** The texts of TOML in the documentation of high availability, as they stand there; read when a test runs, so that nothing is copied. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'vitest'

const DOCUMENT = join(import.meta.dirname, '../../../../shared/docs/kipuka-high-availability.txt')

/** From a table's head on, as long as lines are TOML. Ends the test, visibly, where the documentation is not there. */
export function documented(context: Pick<TestContext, 'skip'>): readonly string[] {
  if (!existsSync(DOCUMENT)) return context.skip('missing: the documentation of kipuka in ../shared')
  const blocks: string[][] = []
  let block: string[] | undefined
  for (const line of readFileSync(DOCUMENT, 'utf8').split('\n')) {
    const isHead = /^\[\[?[a-z.]+\]\]?$/.test(line)
    if (block === undefined && isHead) {
      block = []
      blocks.push(block)
    }
    if (isHead || /^(#|[a-z_]+ = |$)/.test(line)) block?.push(line)
    else block = undefined
  }
  return blocks.map((lines) => lines.join('\n'))
}

/** The one text in which all of `words` stand. */
export function documentedOne(context: Pick<TestContext, 'skip'>, ...words: readonly string[]): string {
  const found = documented(context).filter((text) => words.every((word) => text.includes(word)))
  if (found.length !== 1 || found[0] === undefined) throw new Error(`${found.length} texts with ${words.join(', ')}`)
  return found[0]
}
