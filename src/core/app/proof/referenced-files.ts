/** What states name beside history: objects, private keys and the served tree must be there and be what was meant. */
import { type Finding, noting, reasonOf, shaped } from '../../audit/finding.js'
import type { HistorySource } from '../../audit/source.js'
import { toBase64 } from '../../base/bytes.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import { type CaState, publishedFiles } from '../../ca/state.js'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import { estObjects } from '../../est/objects.js'
import type { EstState } from '../../est/state.js'
import { type AggregateId, formatAggregateId } from '../../eventsourcing/types.js'
import { replay, Work } from '../../eventsourcing/work.js'
import { objectsInUse } from '../../pubd/content.js'
import type { PubdState } from '../../pubd/state.js'
import { verifyTree } from '../../publication/verify.js'
import type { StoreReader } from '../../store/commit/store-reader.js'
import type { KeyFiles } from '../../store/disk/key-files.js'
import { type TaState, taPublishedFiles } from '../../ta/state.js'
import { pubdState } from '../transaction/context.js'
import { publicationTarget } from '../transaction/publish-tree.js'
import type { Session } from '../transaction/session.js'
import { rulesOf, type Summary, summaryOf } from './digest.js'
import type { Audited } from './prove-history.js'

/** What commands load, from snapshot and cache, must be what the events make. */
export function loadFaults(reader: StoreReader, id: AggregateId, summary: Summary | undefined): readonly Finding[] {
  if (summary === undefined) return []
  const problems: Finding[] = []
  const rules = rulesOf(id)
  const file = formatAggregateId(id)
  const loaded = noting(problems, file, () => summaryOf(id, rules, replay(rules, id.handle, reader.load(id))))
  if (loaded !== undefined && loaded.stateDigest !== summary.stateDigest)
    problems.push({ file, path: '$', problem: 'loads with another state than its events make' })
  return problems
}

/** Every object that a state names, by hash, with who names it. */
export function objectsOf(audited: readonly Audited[], problems: Finding[]): ReadonlyMap<Sha256, string> {
  const named = new Map<Sha256, string>()
  for (const { id, replayed } of audited) {
    const { state } = replayed
    if (state === undefined) continue
    const file = formatAggregateId(id)
    for (const [sha256, name] of shaped(problems, file, () => namedObjects(id, state.value)) ?? [])
      if (!named.has(sha256)) named.set(sha256, `${file} ${name}`.trim())
  }
  return named
}

/** Every object that a state names must be there with its hash. */
export function objectFaults(
  source: Pick<HistorySource, 'object'>,
  audited: readonly Audited[],
  onProgress: CommandContext['onProgress'],
): readonly Finding[] {
  const problems: Finding[] = []
  const named = objectsOf(audited, problems)
  let done = 0
  for (const [sha256, name] of named) {
    done += 1
    if (done % 500 === 0) onProgress?.(done, named.size, 'objects')
    const file = `objects/${sha256.slice(0, 2)}/${sha256}`
    const found: Finding[] = []
    noting(found, file, () => source.object(sha256))
    for (const { problem } of found) problems.push({ file, path: '$', problem: `${problem} (${name})` })
  }
  return problems
}

/** Hash and name of each object that a state names. */
export function namedObjects({ kind }: AggregateId, state: unknown): readonly (readonly [Sha256, string])[] {
  switch (kind) {
    case 'ca':
      return publishedFiles(state as CaState).map((f) => [f.sha256, f.name])
    case 'ta': {
      const { certificate } = state as TaState
      const own = taPublishedFiles(state as TaState).map((f) => [f.sha256, f.name] as const)
      return certificate === null ? own : [...own, [certificate.sha256, 'ta.cer']]
    }
    case 'pubd':
      return [...objectsInUse(state as PubdState)].map((sha256) => [sha256, ''])
    case 'est':
      return estObjects(state as EstState)
    default:
      return []
  }
}

/** Every private key that a state names must be there, closed to others, and be the one that was meant. Says nothing of what is in it. */
export function keyFaults(keys: Pick<KeyFiles, 'publicKeyOf'>, audited: readonly Audited[]): readonly Finding[] {
  const problems: Finding[] = []
  for (const { id, replayed } of audited)
    for (const { ski, spki } of replayed.state === undefined ? [] : namedKeys(id, replayed.state.value)) {
      const problem = keyFault(keys, ski, spki)
      if (problem !== undefined)
        problems.push({ file: `keys/${ski}`, path: '$', problem: `${problem} (${formatAggregateId(id)})` })
    }
  return problems
}

function keyFault(keys: Pick<KeyFiles, 'publicKeyOf'>, ski: KeyId, spki: string): string | undefined {
  try {
    const found = keys.publicKeyOf(ski)
    if (found === undefined) return 'the private key is not there'
    return found.id === ski && toBase64(found.spki) === spki ? undefined : `is another key: ${found.id}`
  } catch (error) {
    if (!(error instanceof AppError) || (error.kind !== 'corrupt' && error.kind !== 'credentials')) throw error
    return reasonOf(error)
  }
}

export function namedKeys(
  { kind }: AggregateId,
  state: unknown,
): readonly { readonly ski: KeyId; readonly spki: string }[] {
  if (kind === 'ca') return Object.values((state as CaState).classes).flatMap((c) => c.keys)
  const key = kind === 'ta' ? (state as TaState).key : null
  return key === null ? [] : [key]
}

/** The served tree of a primary; a stand-by serves nothing. */
export function servedFaults(session: Session, reader: StoreReader): readonly Finding[] {
  const problems: Finding[] = []
  noting(problems, 'repo', () => problems.push(...servedDifferences(session, reader)))
  return problems
}

/** Where the served tree is other than the publication server's state says. Throws `corrupt` where that cannot be read. */
export function servedDifferences(session: Session, reader: StoreReader): readonly Finding[] {
  const work = new Work(reader)
  const found = verifyTree(publicationTarget(session, { work }, pubdState(work)))
  return found.map(({ path, problem }) => ({ file: `repo/${path}`, path: '$', problem }))
}
