/**
 * Export of a history as one file, and the verification of such a file on another machine, without keys and without a data directory.
 * Invariant: a history is proved just before it is exported, at the same revision.
 */
import { absencesOf, missingCommands } from '../../audit/archived.js'
import { openExport } from '../../audit/export-reader.js'
import { exportLines } from '../../audit/export-writer.js'
import { directorySource } from '../../audit/source.js'
import type { CommandContext } from '../../base/context.js'
import type { Sha256 } from '../../crypto/ports.js'
import { formatAggregateId } from '../../eventsourcing/types.js'
import { writeUserStream } from '../../store/disk/user-files.js'
import type { Session } from '../session/session.js'
import { type AuditOptions, type AuditReport, auditReport, unprovedLines } from './audit.js'
import { compareCheckpoints, identity, readCheckpoints, verifierKeys } from './checkpoint.js'
import { rulesOf } from './digest.js'
import { proveHistory, refuseBroken } from './prove-history.js'
import { objectFindings, objectsOf } from './referenced-files.js'

export interface ExportReport {
  readonly out: string
  readonly bytes: number
  readonly commits: number
  /** Hash of the newest commit. */
  readonly head: Sha256 | null
  /** False if commands of some aggregate are archived elsewhere. */
  readonly complete: boolean
  /** Number of published objects in the file. */
  readonly objects: number
}

/** Writes the whole history to a new file. Throws `file-exists` (usage), `audit-broken` (corrupt), `io`. */
export async function exportHistory(
  session: Session,
  out: string,
  options: { readonly objects: boolean },
): Promise<ExportReport> {
  const { store } = session
  const { onProgress } = session.options
  return store.read(async (reader) => {
    const source = directorySource(store.layout, reader)
    const { chain, audited } = proveHistory(source, { full: false, sizes: [], onProgress })
    refuseBroken([...chain.problems, ...audited.flatMap((a) => a.replayed.problems)])
    const objects = options.objects ? [...objectsOf(audited, []).keys()].sort() : []
    const { count: commits, head } = chain
    const missing = chain.roster.flatMap((id) => {
      const aggregate = formatAggregateId(id)
      const absences = absencesOf(source, id, chain.archive, rulesOf(id).publishesOnly)
      const commands = missingCommands(source, id, chain.commands.get(aggregate) ?? [], absences)
      return commands.length === 0 ? [] : [{ aggregate, commands }]
    })
    const header = { ...identity(session), commits, head, at: reader.at ?? null, missing, objects: options.objects }
    const step = (n: number): void => {
      if (n % 500 === 0) onProgress?.(n, commits, 'commits written')
    }
    const bytes = writeUserStream(out, exportLines(source, { header, objects, step }))
    return { out, bytes, commits, head, complete: missing.length === 0, objects: objects.length }
  })
}

/**
 * Verifies an exported history as `auditVerify` does a directory. Throws `file-unreadable`, `export-invalid`, `checkpoint-invalid`,
 * `verifier-key-missing` (usage), `export-damaged` (corrupt), `format`.
 */
export function verifyExport(
  path: string,
  options: AuditOptions,
  onProgress?: CommandContext['onProgress'],
): AuditReport {
  const kept = readCheckpoints(options.checkpoints)
  const keys = kept.length === 0 ? [] : verifierKeys(options.verifierKeys, () => undefined)
  const source = openExport(path, (done, total) => onProgress?.(done, total, 'bytes'))
  try {
    const { header } = source
    const sizes = kept.map(({ checkpoint }) => checkpoint.size)
    const proof = proveHistory(source, { full: options.full, sizes, onProgress })
    const checkpoints = compareCheckpoints(kept, header, keys, proof)
    const objects = header.objects ? objectFindings(source, proof.audited, onProgress) : []
    const problems = [...proof.chain.problems, ...checkpoints.problems, ...proof.unaccounted, ...objects]
    const skipped = [
      'private keys and the published tree were not checked: an export does not contain them',
      ...(kept.length > 0
        ? []
        : ['instance, generation and missing commands are claims of the export itself: only --checkpoint proves them']),
      ...unprovedLines(proof.audited),
      ...(header.objects ? [] : ['the published objects were not checked: the export was made without --objects']),
    ]
    return {
      ...auditReport({ chain: proof.chain, audited: proof.audited, problems }),
      checkpoints: checkpoints.rows,
      skipped,
      pending: null,
    }
  } finally {
    source.close()
  }
}
