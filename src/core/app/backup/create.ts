/**
 * `backup create`: captures one revision under the write lock and streams it after releasing the lock.
 * Invariants: the lock is held only to list names and to read the files that can change; an incomplete revision is refused; keys of the pool
 * are never backed up.
 */
import { type BackupCapture, captureRevision, measureCapture, readCapturedFiles } from '../../backup/capture.js'
import { type Compression, compressionToUse } from '../../backup/compression.js'
import { checkRecipients, type Encryption } from '../../backup/encryption.js'
import type { BackupAggregate, BackupHeader } from '../../backup/format.js'
import { backupName, packBackup } from '../../backup/pack.js'
import { backupTarget } from '../../backup/target.js'
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { kindWord } from '../../eventsourcing/types.js'
import { replay } from '../../eventsourcing/work.js'
import { digestOf, rulesOf, summaryOf } from '../proof/digest.js'
import { hasAllReferences } from '../session/revision-completeness.js'
import type { Session } from '../session/session.js'
import { recordBackup } from './last-backup.js'

export interface BackupReport {
  /** `-` for standard output. */
  readonly file: string
  readonly id: string
  readonly generation: number
  readonly cutAt: Instant
  /** Number of the newest commit in the backup. */
  readonly commit: number
  /** Number of newer commits that are incomplete here. Only a copy has such. */
  readonly behind: number
  readonly aggregates: readonly {
    readonly kind: string
    readonly handle: string
    readonly version: number
    readonly sequence: number
  }[]
  /** Digest of all states: the `full` digest of `audit digest`. */
  readonly digest: Sha256
  /** SHA-256 of the manifest in the backup; null in a dry run. */
  readonly manifest: Sha256 | null
  readonly encrypted: boolean
  readonly compression: Compression
  readonly files: number
  /** Size before compression; an upper bound in a dry run. */
  readonly bytes: number
  /** Size of the backup; null in a dry run. */
  readonly size: number | null
  readonly dryRun: boolean
  /** True: a backup is always a new file. */
  readonly changed: boolean
}

export interface BackupOptions {
  /** A new file, a folder, or `-`. */
  readonly to: string
  readonly encryption: Encryption
  /** Default: zstd where this Node has it, otherwise gzip. */
  readonly compression?: Compression | undefined
  readonly dryRun?: boolean
}

const MEBIBYTE = 1024 * 1024
/** Size of the buffer that objects are read into: nearly all are smaller. */
const READ_SIZE = 256 * 1024

/** Makes a backup. Throws `backup-incomplete`, `file-damaged` (corrupt), `file-exists`, `recipient-invalid` (usage), `locked`, `io`. */
export async function createBackup(
  session: Session,
  { to, encryption, dryRun, ...rest }: BackupOptions,
): Promise<BackupReport> {
  const compression = compressionToUse(rest.compression)
  if (encryption.type === 'recipients') await checkRecipients(encryption.recipients)
  const { store } = session
  const encrypted = encryption.type !== 'plain'
  // reports an invalid target before anything is read
  const sources = [store.dir, session.repoDir]
  backupTarget(to, backupName(store.marker.id, session.now(), encrypted, compression), sources)
  const capture = await captureNow(session)
  const header = headerOf(session, capture)
  const target = backupTarget(to, backupName(header.id, header.cutAt, encrypted, compression), sources)
  const report = reportOf(header, capture, { file: target.file, encrypted, compression })
  if (dryRun === true) return report
  let [done, shown] = [0, 0]
  const total = Math.ceil(header.maxBytes / MEBIBYTE)
  let written: Pick<BackupReport, 'manifest' | 'files' | 'bytes'> = report
  const bytes = await packBackup({
    header,
    files: readCapturedFiles(capture, { onWarning: warningsOf(session), into: new Uint8Array(READ_SIZE) }),
    encryption,
    compression,
    onFile(length) {
      done += length
      if (done - shown < MEBIBYTE) return
      shown = done
      session.options.onProgress?.(Math.floor(done / MEBIBYTE), total, 'MiB backed up')
    },
    onDone(manifest, sha256) {
      written = { manifest: sha256, files: manifest.files, bytes: manifest.bytes }
    },
  })
  const file = await target.write(bytes, header.maxBytes)
  recordBackup(session, { at: header.cutAt, file: target.file, encrypted })
  return { ...report, ...written, ...file, dryRun: false }
}

function warningsOf(session: Session): (text: string) => void {
  return (text) => session.options.onNotice?.(text)
}

interface TimedCapture extends BackupCapture {
  readonly at: Instant
}

/**
 * Captures names and changeable files under the write lock. The reader continues to read the same revision after the lock is released.
 */
async function captureNow(session: Session): Promise<TimedCapture> {
  const { store } = session
  return store.exclusive(() =>
    store.read(async (reader) => ({
      ...captureRevision(store.layout, reader, { onWarning: warningsOf(session) }),
      at: session.clockFor(reader).now(),
    })),
  )
}

function headerOf(session: Session, capture: TimedCapture): BackupHeader {
  const { marker } = session.store
  const { reader } = capture
  assertComplete(session, capture)
  const aggregates: BackupAggregate[] = []
  const summaries = reader.roster().map((id) => {
    const loaded = reader.load(id)
    aggregates.push({ ...id, version: loaded?.version ?? 0, sequence: loaded?.sequence ?? 0 })
    const rules = rulesOf(id)
    return summaryOf(id, rules, replay(rules, id.handle, loaded))
  })
  return {
    format: 1,
    id: marker.id,
    generation: marker.generation,
    ...(marker.test === true ? { test: true } : {}),
    commit: capture.commit,
    head: capture.head,
    cutAt: capture.at,
    aggregates,
    digest: digestOf(summaries).full,
    ...measureCapture(capture),
  }
}

function assertComplete(session: Session, { reader, commit }: TimedCapture): void {
  if (hasAllReferences(reader, session.store)) return
  throw new AppError(
    'corrupt',
    'backup-incomplete',
    `objects or keys that commit ${commit} references are missing, so a backup of it could not be restored`,
    { hint: 'to list them: brine audit verify' },
  )
}

function reportOf(
  header: BackupHeader,
  capture: BackupCapture,
  { file, encrypted, compression }: Pick<BackupReport, 'file' | 'encrypted' | 'compression'>,
): BackupReport {
  const { id, generation, cutAt, commit, aggregates, digest, maxFiles: files, maxBytes: bytes } = header
  const rows = aggregates.map((a) => ({ ...a, kind: kindWord(a.kind) }))
  const facts = {
    file,
    id,
    generation,
    cutAt,
    commit,
    behind: capture.reader.behind,
    aggregates: rows,
    digest,
    encrypted,
    compression,
  }
  return { ...facts, manifest: null, files, bytes, size: null, changed: true, dryRun: true }
}
