/** A small aggregate and a scratch data directory for the tests of the store. */
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Rules } from '../../../src/core/audit/replay.js'
import { parseHandle } from '../../../src/core/base/handle.js'
import type { Json } from '../../../src/core/base/json.js'
import { isText } from '../../../src/core/base/shape.js'
import { epochOf, type Instant, instantOf } from '../../../src/core/base/time.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import type { Sha256 } from '../../../src/core/crypto/ports.js'
import type { CommitResult, Reader, Staged, Writer } from '../../../src/core/eventsourcing/store.js'
import type { AggregateId, CommitMeta, DomainEvent, NumberRange } from '../../../src/core/eventsourcing/types.js'
import { type FileStore, openStore, type StoreOptions } from '../../../src/core/store/commit/file-store.js'
import { keepRecords } from '../../../src/core/store/commit/kept-records.js'
import { initDataDir } from '../../../src/core/store/directory/init-data-dir.js'
import { commandName } from '../../../src/core/store/disk/paths.js'
import type { Planned } from '../../../src/core/store/recover/load.js'

export const T0 = '2026-11-21T23:20:00Z' as Instant

export function ca(name: string): AggregateId {
  return { kind: 'ca', handle: parseHandle(name) }
}

/** An aggregate that is a list of words: its state is all words ever added. */
export interface Words {
  readonly words: readonly string[]
}

interface Added extends DomainEvent {
  readonly type: 'added'
  readonly word: string
}

export function fold(loaded: Pick<Planned, 'snapshot' | 'events'> | undefined): Words {
  let words = (loaded?.snapshot?.state as Words | undefined)?.words ?? []
  for (const event of loaded?.events ?? []) words = [...words, (event as Added).word]
  return { words }
}

/** Members of the aggregate that replay needs. */
export const wordRules: Rules = {
  kind: 'ca',
  events: { added: { word: isText } },
  initial: () => ({ words: [] }),
  evolve: (state, event) => ({ words: [...(state as Words).words, (event as Added).word] }),
  publishesOnly: () => true,
}

export function wordsOf(reader: Reader, name: string): readonly string[] {
  return fold(reader.load(ca(name))).words
}

export function metaAt(n: number): CommitMeta {
  return {
    at: instantOf(epochOf(T0) + n),
    actor: 'tester',
    osUser: 'nobody',
    host: 'host.example',
    configDigest: sha256Hex('config'),
  }
}

/** Stages the addition of words to an aggregate. */
export function stage(reader: Reader, name: string, words: readonly string[]): Staged {
  const loaded = reader.load(ca(name))
  const events = words.map((word) => ({ type: 'added', word }))
  const state = { words: [...fold(loaded).words, ...words] } as unknown as Json
  return {
    id: ca(name),
    version: loaded?.version ?? 0,
    sequence: loaded?.sequence ?? 0,
    command: { type: 'add', args: { words } },
    effect: { result: 'accepted', events, state },
  }
}

export function stageRejected(reader: Reader, name: string): Staged {
  const loaded = reader.load(ca(name))
  return {
    id: ca(name),
    version: loaded?.version ?? 0,
    sequence: loaded?.sequence ?? 0,
    command: { type: 'add', args: { words: [] } },
    effect: { result: 'rejected', code: 'word-refused', message: 'no' },
  }
}

/** Returns one object for each word, as a CA has one for each ROA. */
export function objectsFor(words: readonly string[]): ReadonlyMap<Sha256, Uint8Array> {
  return new Map(
    words.map((word) => {
      const bytes = new TextEncoder().encode(`object of ${word}`)
      return [sha256Hex(bytes), bytes]
    }),
  )
}

/** Adds words to several aggregates in one commit. */
export function add(writer: Writer, changes: Readonly<Record<string, readonly string[]>>): CommitResult {
  const aggregates = Object.entries(changes).map(([name, words]) => stage(writer, name, words))
  return writer.commit({ meta: metaAt(writer.head), aggregates, objects: objectsFor(Object.values(changes).flat()) })
}

/** Returns a folder in memory if available: thousands of synced files that need not survive a power loss. */
export function fastest(): string {
  try {
    accessSync('/dev/shm', constants.W_OK)
    return '/dev/shm'
  } catch {
    return tmpdir()
  }
}

export interface Scratch {
  readonly dir: string
  open(options?: StoreOptions): FileStore
  remove(): void
}

/** Creates an initialized data directory below the system's temporary folder. */
export function scratch(init: { readonly test?: boolean } = {}): Scratch {
  const base = mkdtempSync(join(fastest(), 'brine-store-'))
  const dir = join(base, 'data')
  initDataDir(dir, { id: 'a1b2', createdAt: T0, ...init })
  return {
    dir,
    open: (options = {}) => openStore(dir, { lockTimeout: 10, ...options }),
    remove: () => rmSync(base, { recursive: true, force: true }),
  }
}

/** Archives commands of an aggregate as `archive` does, up to the removal: their records are kept, and a commit names them. */
export async function nameArchived(store: FileStore, name: string, ...commands: readonly NumberRange[]): Promise<void> {
  await store.write(async (writer) => {
    const { layout } = store
    for (const [from, to] of commands)
      for (let n = from; n <= to; n++)
        keepRecords(layout, ca(name), [readFileSync(join(layout.folder(ca(name)), commandName(n)))])
    writer.commitArchived({ at: writer.at ?? T0, archived: [{ ...ca(name), commands }], claimed: [] })
  })
}
