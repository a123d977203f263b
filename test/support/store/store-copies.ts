/** One small intact store, and a new copy of it for each test to damage. */
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest'
import type { FileWriter } from '../../../src/core/store/commit/writer.js'
import { add, metaAt, scratch, stageRejected } from './store.js'

export interface Copies {
  /** The intact store itself. */
  readonly sound: string
  /** The copy of the current test. */
  readonly dir: string
}

/** Adds the commits of `fill`, then a rejected one and one of another aggregate. The folders exist only while a test runs. */
export function storeCopies(fill: (writer: FileWriter) => void): Copies {
  const source = scratch({ test: true })
  const made = { sound: source.dir, dir: '' }
  let count = 0
  beforeAll(async () => {
    await source.open().write(async (w) => {
      fill(w)
      w.commit({ meta: metaAt(12), aggregates: [stageRejected(w, 'x')], objects: new Map() })
      add(w, { other: ['o'] })
    })
  })
  beforeEach(() => {
    count += 1
    made.dir = join(source.dir, `../copy-${count}`)
    cpSync(source.dir, made.dir, { recursive: true })
  })
  afterEach(() => rmSync(made.dir, { recursive: true }))
  afterAll(() => source.remove())
  return made
}
