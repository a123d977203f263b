/**
 * Verifies by replay that a restored tree is complete and is what its backup claims. Invariant: a tree that does not replay to the commit and
 * to the digest named in the backup is refused as a whole.
 */
import { sourceName } from '../../backup/source.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { KeyId } from '../../crypto/ports.js'
import { writeMarker } from '../../store/directory/data-dir.js'
import { layoutOf } from '../../store/disk/paths.js'
import { replaceFile } from '../../store/disk/write-file.js'
import { type AuditedAggregate, auditVerify } from '../proof/audit.js'
import type { Digest } from '../proof/digest.js'
import { openSession } from '../transaction/session.js'
import type { UnpackedSource } from './restore-source.js'

export interface VerifiedTree {
  readonly digest: Digest
  readonly aggregates: readonly (Pick<AuditedAggregate, 'kind' | 'version' | 'commands' | 'events' | 'stateDigest'> & {
    readonly handle: Handle
    readonly sequence: number
  })[]
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
  const { test: _, ...marker } = unpacked.marker
  // without `test` it opens as a stand-by: a directory made by init --test would be live
  writeMarker(dir, marker)
  const config = verificationConfig(dir)
  replaceFile(config, new Uint8Array(), { sync: false })
  const { nowOverride: _now, configPath: _config, ...rest } = options
  const session = await openSession({ ...rest, dataDir: dir, configPath: config, onNotice: () => undefined })
  const { publicKeys } = unpacked
  // the key files are empty here
  if (publicKeys !== undefined) Object.assign(session.store.keys, { publicKeyOf: (id: KeyId) => publicKeys.get(id) })
  const report = await auditVerify(session)
  const name = sourceName(source)
  const findings = [...report.problems, ...report.aggregates.flatMap((a) => a.problems)]
  const [first] = findings
  if (first !== undefined || report.digest === null)
    throw verificationFailed(name, first ?? 'not every state can be replayed', findings)
  if (report.commits !== unpacked.commit || report.head !== unpacked.head)
    throw verificationFailed(name, `it replays to commit ${report.commits}, not to commit ${unpacked.commit}`, [])
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
  return { digest: report.digest, aggregates }
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
