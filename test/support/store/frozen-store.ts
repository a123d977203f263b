/** Frozen data directories (`test/golden/store`), copied with the file modes of a data directory, and the digests of their replay. */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Digest, digestOf, rulesOf, summaryOf } from '../../../src/core/app/proof/digest.js'
import type { Session } from '../../../src/core/app/session/session.js'
import { readCommitChain } from '../../../src/core/audit/commits.js'
import type { Finding } from '../../../src/core/audit/finding.js'
import { replayAggregate } from '../../../src/core/audit/replay.js'
import { directorySource } from '../../../src/core/audit/source.js'
import type { Instant } from '../../../src/core/base/time.js'
import { jsonDigest } from '../../../src/core/crypto/digest.js'
import type { Sha256 } from '../../../src/core/crypto/ports.js'
import { formatAggregateId, kindWord } from '../../../src/core/eventsourcing/types.js'
import { thisInstallation, writeInstallationId } from '../../../src/core/store/directory/installation-id.js'

export const frozenDir = join(import.meta.dirname, '../../golden/store')

/** Recorded digests and counts of a frozen directory. */
export interface Expected extends Digest {
  readonly aggregates: readonly {
    readonly kind: string
    readonly handle: string
    readonly version: number
    readonly commands: number
  }[]
}

export function expectedOf<T extends Expected = Expected>(format: number | string): T {
  return JSON.parse(readFileSync(join(frozenDir, `format-${format}.expected.json`), 'utf8')) as T
}

/** Result of a replay of every event with the present rules. */
export interface Measured extends Digest {
  readonly commits: number
  /** Hash of the newest commit. */
  readonly head: Sha256 | null
  readonly aggregates: readonly (Expected['aggregates'][number] & {
    /** Number of files in `archived/`. */
    readonly archived: number
    readonly state: Sha256
    /** Digest over the state after each command, so that a member of an intermediate state counts as well. */
    readonly trail: Sha256
    /** Number of replayed events by type. */
    readonly events: Readonly<Record<string, number>>
  })[]
}

/** Replays a data directory of the present format from event 0, through `archived/`. Throws if a file does not match its commit. */
export function measure({ store }: Session): Promise<Measured> {
  return store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const chain = readCommitChain(source)
    const problems: Finding[] = [...chain.problems]
    const rows = chain.roster.map((id) => {
      const rules = rulesOf(id)
      const trail: unknown[] = []
      const events: Record<string, number> = {}
      const replayed = replayAggregate({
        source,
        id,
        rules,
        commands: chain.commands.get(formatAggregateId(id)) ?? [],
        archive: chain.archive,
        full: true,
        watcher: {
          command: ({ sequence }, _before, after) =>
            trail.push([sequence, after === undefined ? null : jsonDigest(after.value)]),
          event: ({ type }) => {
            events[type] = (events[type] ?? 0) + 1
          },
        },
      })
      problems.push(...replayed.problems)
      const { version, commands, archived } = replayed
      const summary = summaryOf(id, rules, replayed.state?.value)
      const state = summary.stateDigest
      const sorted = Object.fromEntries(Object.entries(events).sort(([a], [b]) => (a < b ? -1 : 1)))
      const counts = { version, commands, archived, state, trail: jsonDigest(trail), events: sorted }
      return { summary, row: { kind: kindWord(id.kind), handle: id.handle, ...counts } }
    })
    if (problems.length > 0) throw new Error(problems.map((p) => `${p.file} ${p.path}: ${p.problem}`).join('\n'))
    const aggregates = rows.map(({ row }) => row)
    return { ...digestOf(rows.map(({ summary }) => summary)), commits: chain.count, head: chain.head, aggregates }
  })
}

/**
 * Creates a data directory of that format (`2`, or `2-issuers` for one that was frozen for new events) at `into`, as by `init --test`; `live`: one that uses the real clock, the primary unless it is
 * copied.
 */
export function thawStore(format: number | string, into: string, live = false): string {
  cpSync(join(frozenDir, `format-${format}`), into, { recursive: true })
  mkdirSync(join(into, 'status'), { recursive: true })
  setModes(into)
  chmodSync(into, 0o711)
  if (!live) return into
  const path = join(into, 'brine.json')
  const { test: _, ...marker } = JSON.parse(readFileSync(path, 'utf8')) as { test?: true; generation: number }
  writeFileSync(path, `${JSON.stringify(marker)}\n`)
  writeInstallationId(into, thisInstallation(into, marker.generation, '2026-11-21T12:00:00Z' as Instant))
  return into
}

function setModes(folder: string): void {
  chmodSync(folder, 0o700)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) setModes(path)
    else chmodSync(path, /\/objects\/([0-9a-f]{2}\/)?[0-9a-f]{64}$/.test(path) ? 0o644 : 0o600)
  }
}

/** Returns every file of a tree with its content as text, so that equal lists mean equal trees. */
export function contentsOf(dir: string, leaveOut: RegExp = /^$/): readonly string[] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
    .filter((name) => !leaveOut.test(name))
    .sort()
    .map((name) => `${name} ${readFileSync(join(dir, name)).toString('base64')}`)
}
