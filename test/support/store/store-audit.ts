/** Reads everything that the commits reference, one by one, without caches: includes what a load may skip. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import { formatAggregateId } from '../../../src/core/eventsourcing/types.js'
import type { FileStore } from '../../../src/core/store/commit/file-store.js'
import type { StoreReader } from '../../../src/core/store/commit/store-reader.js'
import { parseFileName } from '../../../src/core/store/disk/paths.js'

/** Returns the words of each aggregate according to its complete history; throws if a link of any chain is broken. */
export async function wholeHistory(store: FileStore): Promise<Readonly<Record<string, readonly string[]>>> {
  return store.read(async (reader) => {
    let previous: string | null = null
    for (let n = 1; n <= reader.head; n++) {
      const { record, sha256 } = reader.commitAt(n)
      expect(record.previous).toBe(previous)
      previous = sha256
    }
    return Object.fromEntries(reader.roster().map((id) => [id.handle, wordsByHistory(reader, id)]))
  })
}

function wordsByHistory(reader: StoreReader, id: Parameters<StoreReader['load']>[0]): readonly string[] {
  const loaded = reader.load(id)
  const words: string[] = []
  let version = 0
  for (let s = 1; s <= (loaded?.sequence ?? 0); s++) {
    const record = reader.command(id, s)
    expect([record.version, record.sequence]).toEqual([version, s])
    for (const event of reader.eventsOf(id, record)) {
      const { word } = event as unknown as { word: string }
      words.push(word)
      reader.object(sha256Hex(`object of ${word}`))
      version += 1
    }
  }
  expect(version).toBe(loaded?.version)
  return words
}

/** Lists files in place that no commit references, of the aggregates in the roster. */
export async function strangers(store: FileStore): Promise<readonly string[]> {
  return store.read(async (reader) =>
    reader.roster().flatMap((id) => {
      const loaded = reader.load(id)
      const folder = store.layout.folder(id)
      return readdirSync(folder).flatMap((name) => {
        const file = parseFileName(name)
        if (file === undefined) return []
        const beyond =
          file.type === 'command'
            ? file.n > (loaded?.sequence ?? 0)
            : file.n > (loaded?.version ?? 0) - (file.type === 'event' ? 1 : 0)
        return beyond ? [join(formatAggregateId(id), name)] : []
      })
    }),
  )
}
