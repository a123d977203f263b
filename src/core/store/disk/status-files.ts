/**
 * Values that are not part of history: `status/<name>.json`, replaced atomically. Invariant: never trusted, and losing one does no harm.
 */
import { dirname, join } from 'node:path'
import type { Json } from '../../base/json.js'
import { isCorrupt, unlessCorrupt } from './damage.js'
import { listDir, makeDir, readIfExists, removeFile, statIfExists, syncDir } from './fs.js'
import type { Layout } from './paths.js'
import { encodeRecord, parseObject } from './records.js'
import { replaceFile } from './write-file.js'

export interface StatusFiles {
  /** Returns the value written last; undefined if there is none or it is damaged. */
  read(name: string): Json | undefined
  /** Replaces the value atomically; not synced unless `durable`, for a value that a command's report depends on. */
  write(name: string, value: Json, options?: { readonly durable?: boolean }): void
  remove(name: string): void
  /** Lists the files in `status/` and its folders that are no records: a command that needs one works without it. */
  damaged(): readonly string[]
  /** Lists the names in `status/`, or in a folder below it. */
  list(folder?: string): readonly string[]
}

const NAME = /^(?:[a-z0-9_-]{1,230}\/)?[a-z0-9_-]{1,230}$/

export function statusFiles(layout: Layout): StatusFiles {
  const pathOf = (name: string): string => {
    if (!NAME.test(name) || name === 'head' || name === 'origin') throw new TypeError(`not a status name: ${name}`)
    return join(layout.status, `${name}.json`)
  }
  return {
    read(name) {
      const path = pathOf(name)
      try {
        const bytes = readIfExists(path)
        return bytes === undefined ? undefined : parseObject(bytes, path)['value']
      } catch (error) {
        if (isCorrupt(error)) return undefined
        throw error
      }
    },
    write(name, value, { durable = false } = {}) {
      const path = pathOf(name)
      if (dirname(path) !== layout.status) makeDir(dirname(path))
      replaceFile(path, encodeRecord({ value }), { sync: durable })
      if (durable) syncDir(dirname(path))
    },
    remove: (name) => void removeFile(pathOf(name)),
    damaged: () => damagedBelow(layout.status),
    list(folder) {
      const names = listDir(folder === undefined ? layout.status : dirname(pathOf(`${folder}/x`)))
      return names.flatMap((name) => (/^[a-z0-9_-]+\.json$/.test(name) ? [name.slice(0, -5)] : []))
    },
  }
}

function damagedBelow(folder: string): readonly string[] {
  return listDir(folder).flatMap((name) => {
    const path = join(folder, name)
    if (statIfExists(path)?.isDirectory() === true) return damagedBelow(path)
    if (!/^[a-z0-9_-]+\.json$/.test(name)) return []
    const isDamaged =
      unlessCorrupt(() => [readIfExists(path)].flatMap((b) => (b ? [parseObject(b, path)] : []))) === undefined
    return isDamaged ? [path] : []
  })
}
