/**
 * `backup create`: one consistent cut, taken under the lock, streamed after it.
 * Invariants: the lock is held for names and small files alone; what could not be restored is not called a backup; no key of the pool is in it.
 */
import { type BackupCapture, filesOf, measureCapture, takeCapture } from '../../backup/capture.js'
import { backupTarget } from '../../backup/destination.js'
import type { BackupAggregate, BackupHeader } from '../../backup/format.js'
import { backupName, packBackup } from '../../backup/pack.js'
import { checkRecipients, type Seal } from '../../backup/seal.js'
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { kindWord } from '../../eventsourcing/types.js'
import { replay } from '../../eventsourcing/work.js'
import { digestOf, rulesOf, summaryOf } from '../proof/digest.js'
import type { Session } from '../transaction/session.js'
import { hasAllReferences } from '../transaction/snapshot-completeness.js'

export interface BackupReport {
  /** `-` for standard output. */
  readonly file: string
  readonly id: string
  readonly generation: number
  readonly cutAt: Instant
  /** The newest commit that is in it. */
  readonly commit: number
  /** Newer commits that are not whole here: more than 0 in a copy alone. */
  readonly behind: number
  readonly aggregates: readonly {
    readonly kind: string
    readonly handle: string
    readonly version: number
    readonly sequence: number
  }[]
  /** Of all states, as `audit digest` shows it: `full`. */
  readonly digest: Sha256
  /** SHA-256 of the manifest in the backup; null in a dry run. */
  readonly manifest: Sha256 | null
  readonly encrypted: boolean
  readonly files: number
  /** Before compression. */
  readonly bytes: number
  /** Of the backup; null in a dry run. */
  readonly size: number | null
  readonly dryRun: boolean
}

export interface BackupOptions {
  /** A new file, a folder, or `-`. */
  readonly to: string
  readonly seal: Seal
  readonly dryRun?: boolean
}

const MEBIBYTE = 1024 * 1024

/** Makes a backup. Throws `backup-incomplete`, `file-damaged` (corrupt), `file-exists`, `recipient-invalid` (usage), `locked`, `io`. */
export async function createBackup(session: Session, { to, seal, dryRun }: BackupOptions): Promise<BackupReport> {
  if (seal.type === 'recipients') await checkRecipients(seal.recipients)
  const { store } = session
  const sealed = seal.type !== 'plain'
  // what is wrong with the target is told before anything is read
  const sources = [store.dir, session.repoDir]
  backupTarget(to, backupName(store.marker.id, session.now(), sealed), sources)
  const capture = await cutOf(session)
  const header = headerOf(session, capture)
  const target = backupTarget(to, backupName(header.id, header.cutAt, sealed), sources)
  const report = reportOf(header, capture, target.file, sealed)
  if (dryRun === true) return report
  let [done, shown] = [0, 0]
  const total = Math.ceil(header.maxBytes / MEBIBYTE)
  let written: Pick<BackupReport, 'manifest' | 'files' | 'bytes'> = report
  const bytes = await packBackup({
    header,
    files: filesOf(capture, { onNotice: noticeOf(session) }),
    seal,
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
  const whole = await target.write(bytes, header.maxBytes)
  return { ...report, ...written, ...whole, dryRun: false }
}

function noticeOf(session: Session): (text: string) => void {
  return (text) => session.options.onNotice?.(text)
}

interface TakenCut extends BackupCapture {
  readonly at: Instant
}

/** Under the lock: names, and what can change. The reader goes on to read the same commit after it. */
async function cutOf(session: Session): Promise<TakenCut> {
  const { store } = session
  return store.exclusive(() =>
    store.read(async (reader) => ({
      ...takeCapture(store.layout, reader, { onNotice: noticeOf(session) }),
      at: session.clockFor(reader).now(),
    })),
  )
}

function headerOf(session: Session, capture: TakenCut): BackupHeader {
  const { marker } = session.store
  const { reader } = capture
  refuseIncomplete(session, capture)
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

function refuseIncomplete(session: Session, { reader, commit }: TakenCut): void {
  if (hasAllReferences(reader, session.store)) return
  throw new AppError(
    'corrupt',
    'backup-incomplete',
    `objects or keys that commit ${commit} names are not there: what is made of it could not be restored`,
    { hint: 'brine audit verify names them' },
  )
}

function reportOf(header: BackupHeader, capture: BackupCapture, file: string, encrypted: boolean): BackupReport {
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
  }
  return { ...facts, manifest: null, files, bytes, size: null, dryRun: true }
}
