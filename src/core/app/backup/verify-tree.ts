/**
 * Verifies by replay that a restored tree is complete and is what its backup claims. Invariant: a tree that does not replay to the commit and
 * to the digest named in the backup is refused as a whole.
 */
import { sourceName } from '../../backup/source.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { sha256Hex } from '../../crypto/digest.js'
import type { KeyId, Sha256 } from '../../crypto/ports.js'
import { Work } from '../../eventsourcing/work.js'
import { listCommits } from '../../store/commit/commit-log.js'
import { isPresent, type Marker, writeMarker } from '../../store/directory/data-dir.js'
import { readIfExists } from '../../store/disk/fs.js'
import { layoutOf } from '../../store/disk/paths.js'
import { replaceFile } from '../../store/disk/write-file.js'
import { migrateUnpacked } from '../../upgrade/unpacked.js'
import { type AuditedAggregate, auditVerify } from '../proof/audit.js'
import type { Digest } from '../proof/digest.js'
import { readCas } from '../session/context.js'
import { openSession } from '../session/session.js'
import type { UnpackedSource } from './restore-source.js'

export interface VerifiedTree {
  /** The marker, which is written now: of the present format, to which an older tree was migrated. */
  readonly marker: Marker
  readonly digest: Digest
  readonly aggregates: readonly (Pick<AuditedAggregate, 'kind' | 'version' | 'commands' | 'events' | 'stateDigest'> & {
    readonly handle: Handle
    readonly sequence: number
  })[]
  /** CAs that were not removed. */
  readonly activeCas: readonly Handle[]
}

/** Returns the empty configuration below `dir` that `verifyTree` uses in place of the restored one. */
export function verificationConfig(dir: string): string {
  return `${layoutOf(dir).temp}/proof.toml`
}

/** Replays all history in `dir` and compares the result with the backup's header. Throws `backup-unproved` (corrupt). */
export async function verifyTree(
  dir: string,
  unpacked: UnpackedSource,
  source: string,
  options: CommandContext,
): Promise<VerifiedTree> {
  const name = sourceName(source)
  const { marker, commit, head } = presentTree(dir, unpacked, name, options)
  const config = verificationConfig(dir)
  replaceFile(config, new Uint8Array(), { sync: false })
  const { nowOverride: _now, configPath: _config, ...rest } = options
  // as a stand-by: a directory made by init --test would be live
  const session = await openSession({
    ...rest,
    dataDir: dir,
    configPath: config,
    asCopy: true,
    onNotice: () => undefined,
  })
  const { publicKeys } = unpacked
  // the key files are empty here
  if (publicKeys !== undefined) Object.assign(session.store.keys, { publicKeyOf: (id: KeyId) => publicKeys.get(id) })
  const report = await auditVerify(session)
  const findings = [...report.problems, ...report.aggregates.flatMap((a) => a.problems)]
  const [first] = findings
  if (first !== undefined || report.digest === null)
    throw verificationFailed(name, first ?? 'not every state can be replayed', findings)
  if (report.commits !== commit || report.head !== head)
    throw verificationFailed(name, `it replays to commit ${report.commits}, not to commit ${commit}`, [])
  if (unpacked.digest !== null && unpacked.digest !== report.digest.full)
    throw verificationFailed(name, 'the digest of the replayed states differs from the one in the backup', [])
  const aggregates = report.aggregates.map(({ kind, handle, version, commands, events, stateDigest }) => ({
    kind,
    handle,
    version,
    sequence: commands,
    commands,
    events,
    stateDigest,
  }))
  const activeCas = await session.store.read(async (reader) => readCas(new Work(reader)).cas.map((ca) => ca.handle))
  return { marker, digest: report.digest, aggregates, activeCas }
}

interface PresentTree extends Pick<UnpackedSource, 'commit' | 'head'> {
  readonly marker: Marker
}

/** Writes the marker, after migrating a tree of an older format. Returns the commit that the tree ends with now. */
function presentTree(
  dir: string,
  { marker, commit, head }: Pick<UnpackedSource, 'marker' | 'commit' | 'head'>,
  name: string,
  options: CommandContext,
): PresentTree {
  if (isPresent(marker)) {
    writeMarker(dir, marker)
    return { marker, commit, head }
  }
  const { commit: pathOf } = layoutOf(dir)
  const hashOf = (n: number): Sha256 | null => {
    const bytes = n === 0 ? undefined : readIfExists(pathOf(n))
    return bytes === undefined ? null : sha256Hex(bytes)
  }
  if (hashOf(commit) !== head) throw verificationFailed(name, `commit ${commit} does not match its recorded hash`, [])
  const warn = (text: string): void => options.onNotice?.(text)
  const present = migrateUnpacked(dir, marker, { warn, progress: () => undefined })
  const newest = listCommits(layoutOf(dir)).at(-1) ?? 0
  return { marker: present, commit: newest, head: hashOf(newest) }
}

type Finding = { readonly file: string; readonly path: string; readonly problem: string }

function verificationFailed(name: string, first: Finding | string, findings: readonly Finding[]): AppError {
  const what = typeof first === 'string' ? first : `${first.file}: ${first.problem}`
  const more = findings.length > 1 ? `, and ${findings.length - 1} more` : ''
  return new AppError('corrupt', 'backup-unproved', `${name}: ${what}${more}`, {
    hint: 'nothing was restored; use another backup of the series',
    details: { path: name, faults: findings.slice(0, 20).map((f) => ({ ...f })) },
  })
}
