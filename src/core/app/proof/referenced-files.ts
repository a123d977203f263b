/** Checks of what states reference outside of history: objects, private keys and the published tree. */
import { accessFindings } from '../../audit/access.js'
import { type Finding, noteDamage, noteMalformed, reasonOf } from '../../audit/finding.js'
import type { HistorySource } from '../../audit/source.js'
import { toBase64 } from '../../base/bytes.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import { publishedFiles, receivedFiles } from '../../ca/state/files.js'
import type { CaState } from '../../ca/state/state.js'
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
import { pubdState } from '../session/context.js'
import type { Session } from '../session/session.js'
import { publicationTarget } from '../transaction/publish-tree.js'
import { rulesOf, type Summary, summaryOf } from './digest.js'
import type { ProvedAggregate } from './prove-history.js'

/** Checks that the state which commands load, from snapshot and cache, equals the replayed one. */
export function loadFindings(reader: StoreReader, id: AggregateId, summary: Summary | undefined): readonly Finding[] {
  if (summary === undefined) return []
  const problems: Finding[] = []
  const rules = rulesOf(id)
  const file = formatAggregateId(id)
  const loaded = noteDamage(problems, file, () => summaryOf(id, rules, replay(rules, id.handle, reader.load(id))))
  if (loaded !== undefined && loaded.stateDigest !== summary.stateDigest)
    problems.push({ file, path: '$', problem: 'loads a state that differs from the replayed one' })
  return problems
}

/** Returns every object that a state references, by hash, with the aggregate that references it. */
export function objectsOf(audited: readonly ProvedAggregate[], problems: Finding[]): ReadonlyMap<Sha256, string> {
  const named = new Map<Sha256, string>()
  for (const { id, replayed } of audited) {
    const { state } = replayed
    if (state === undefined) continue
    const file = formatAggregateId(id)
    for (const [sha256, name] of noteMalformed(problems, file, () => referencedObjects(id, state.value)) ?? [])
      if (!named.has(sha256)) named.set(sha256, `${file} ${name}`.trim())
  }
  return named
}

/** Checks that every object which a state references exists and matches its hash. */
export function objectFindings(
  source: Pick<HistorySource, 'object'>,
  audited: readonly ProvedAggregate[],
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
    noteDamage(found, file, () => source.object(sha256))
    for (const { problem } of found) problems.push({ file, path: '$', problem: `${problem} (${name})` })
  }
  return problems
}

/** Returns hash and name of each object that a state references. */
export function referencedObjects({ kind }: AggregateId, state: unknown): readonly (readonly [Sha256, string])[] {
  switch (kind) {
    case 'ca':
      return [...publishedFiles(state as CaState), ...receivedFiles(state as CaState)].map((f) => [f.sha256, f.name])
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

/** Checks that every private key which a state references exists, is closed to other users and has the recorded public key. Reports no key material. */
export function keyFindings(
  keys: Pick<KeyFiles, 'publicKeyOf'>,
  audited: readonly ProvedAggregate[],
): readonly Finding[] {
  const problems: Finding[] = []
  for (const { id, replayed } of audited)
    for (const { ski, spki } of replayed.state === undefined ? [] : referencedKeys(id, replayed.state.value)) {
      const problem = keyProblem(keys, ski, spki)
      if (problem !== undefined)
        problems.push({ file: `keys/${ski}`, path: '$', problem: `${problem} (${formatAggregateId(id)})` })
    }
  return problems
}

function keyProblem(keys: Pick<KeyFiles, 'publicKeyOf'>, ski: KeyId, spki: string): string | undefined {
  try {
    const found = keys.publicKeyOf(ski)
    if (found === undefined) return 'the private key is missing'
    return found.id === ski && toBase64(found.spki) === spki ? undefined : `is another key: ${found.id}`
  } catch (error) {
    if (!(error instanceof AppError) || (error.kind !== 'corrupt' && error.kind !== 'credentials')) throw error
    return reasonOf(error)
  }
}

export function referencedKeys(
  { kind }: AggregateId,
  state: unknown,
): readonly { readonly ski: KeyId; readonly spki: string }[] {
  if (kind === 'ca') {
    const { classes, ids } = state as CaState
    return [...Object.values(classes).flatMap((c) => c.keys), ...(ids ?? [])]
  }
  if (kind === 'pubd') return (state as PubdState).ids ?? []
  const key = kind === 'ta' ? (state as TaState).key : null
  return key === null ? [] : [key]
}

/** Checks that no other user can write the data directory or read its secrets; key files are left to `keyFindings`. */
export function exposureFindings(session: Session): readonly Finding[] {
  const found = accessFindings(session.store.dir, 'full').filter(({ path }) => !/^keys\/[0-9A-F]{40}$/.test(path))
  return found.map(({ path, problem }) => ({ file: path, path: '$', problem }))
}

/** Returns the differences between the published tree and the publication server's state. Throws `corrupt` if the state cannot be read. */
export function treeDifferences(session: Session, reader: StoreReader): readonly Finding[] {
  const work = new Work(reader)
  const found = verifyTree(publicationTarget(session, { work }, pubdState(work)))
  return found.map(({ path, problem }) => ({ file: `repo/${path}`, path: '$', problem }))
}
