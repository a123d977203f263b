/**
 * Digest of all aggregates, which compares two data directories without moving the data.
 * Invariant: `full` covers the states, `logical` the part that two machines with different keys share. History is in neither, so a rejected
 * command changes neither.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { jsonDigest } from '../../crypto/digest.js'
import type { Sha256 } from '../../crypto/ports.js'
import { type AggregateId, kindWord } from '../../eventsourcing/types.js'
import { replay } from '../../eventsourcing/work.js'
import type { Session } from '../session/session.js'
import { type ReplayRules, RULES } from './aggregate-registry.js'

export interface Digest {
  readonly logical: Sha256
  readonly full: Sha256
}

export interface DigestReport extends Digest {
  readonly aggregates: readonly {
    readonly kind: string
    readonly handle: Handle
    readonly version: number
    readonly stateDigest: Sha256
    readonly logicalDigest: Sha256
  }[]
}

export interface Summary {
  readonly id: AggregateId
  readonly stateDigest: Sha256
  readonly logicalDigest: Sha256
}

/** Formats a digest as `logical=<hex> full=<hex>`. */
export function digestLine(digest: Digest): string {
  return `logical=${digest.logical} full=${digest.full}`
}

export function summaryOf(id: AggregateId, rules: ReplayRules, state: unknown): Summary {
  return { id, stateDigest: jsonDigest(state), logicalDigest: jsonDigest(rules.logical(state)) }
}

/** Returns the digest over all aggregates, in the order of kind and handle. */
export function digestOf(summaries: readonly Summary[]): Digest {
  const key = ({ id }: Summary): string => `${id.kind} ${id.handle}`
  const sorted = [...summaries].sort((a, b) => (key(a) < key(b) ? -1 : 1))
  return {
    logical: jsonDigest(sorted.map(({ id, logicalDigest }) => [id.kind, id.handle, logicalDigest])),
    full: jsonDigest(sorted.map(({ id, stateDigest }) => [id.kind, id.handle, stateDigest])),
  }
}

/** Returns the rules that replay an aggregate. Throws `format-newer` for a kind that this version does not know. */
export function rulesOf(id: AggregateId): ReplayRules {
  const rules = RULES[id.kind]
  if (rules !== undefined) return rules
  throw new AppError('format', 'format-newer', `aggregates of kind ${id.kind} need a newer version of brine`)
}

/** Returns the digest of the states as commands load them, from snapshots. Throws `corrupt`. */
export async function auditDigest(session: Session): Promise<DigestReport> {
  return session.store.read(async (reader) => {
    const rows = reader.roster().map((id) => {
      const loaded = reader.load(id)
      const rules = rulesOf(id)
      return { ...summaryOf(id, rules, replay(rules, id.handle, loaded)), version: loaded?.version ?? 0 }
    })
    const aggregates = rows.map(({ id, version, stateDigest, logicalDigest }) => ({
      kind: kindWord(id.kind),
      handle: id.handle,
      version,
      stateDigest,
      logicalDigest,
    }))
    return { ...digestOf(rows), aggregates }
  })
}
