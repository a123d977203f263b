/**
 * Use cases of audit checkpoints: create the key that signs them, sign the head of history, compare kept checkpoints with this history.
 * Invariant: a history is read completely just before its checkpoint is signed.
 */
import {
  type Checkpoint,
  checkpointProblem,
  checkpointText,
  type LogIdentity,
  originOf,
  parseCheckpoint,
  rootRecorder,
} from '../../audit/checkpoint.js'
import { readCommitChain } from '../../audit/commits.js'
import type { Finding } from '../../audit/finding.js'
import { directorySource } from '../../audit/source.js'
import { toBase64 } from '../../base/bytes.js'
import { AppError } from '../../base/errors.js'
import { quoted } from '../../base/text.js'
import { formatVerifierKey, type NoteKey, parseVerifierKey } from '../../crypto/signed-note.js'
import { readUserFile } from '../../store/disk/user-files.js'
import { refuseStandby } from '../session/role.js'
import type { Session } from '../session/session.js'
import { type Proof, refuseBroken } from './prove-history.js'

export interface AuditKeyReport {
  /** `name+id+base64`, for `--verifier-key`; null in a dry run that would create the key. */
  readonly verifierKey: string | null
  /** False if the key existed already. */
  readonly changed: boolean
  readonly dryRun: boolean
}

export interface CheckpointReport {
  readonly origin: string
  /** Number of commits that it covers. */
  readonly size: number
  /** Root hash of the Merkle tree over all commits, base64. */
  readonly root: string
  readonly verifierKey: string
  /** The signed note. */
  readonly note: string
}

/** A checkpoint that was kept elsewhere, and the file it was read from. */
export interface KeptCheckpoint {
  readonly file: string
  readonly checkpoint: Checkpoint
}

/** Result of a checkpoint in the report of `audit verify`. */
export interface CheckpointRow {
  readonly file: string
  readonly origin: string
  readonly size: number
  readonly ok: boolean
}

/**
 * Creates the key that signs checkpoints, unless it exists, and returns the verifier key. An existing key is made durable first, since the verifier
 * key is handed out. Throws `standby`, `io`, `locked`, `audit-key-uncertain`.
 */
export async function initAuditKey(session: Session, options: { readonly dryRun: boolean }): Promise<AuditKeyReport> {
  refuseStandby(session)
  const { store } = session
  const { dryRun } = options
  const missing = store.auditKey.publicKey() === undefined
  if (!missing && !dryRun) store.auditKey.makeDurable()
  const changed = missing && (dryRun || (await store.exclusive(async () => store.auditKey.make())))
  if (changed && !dryRun && session.options.watch !== undefined) session.options.watch.changed = 'yes'
  const publicKey = store.auditKey.publicKey()
  const verifierKey =
    publicKey === undefined ? null : formatVerifierKey({ name: originOf(identity(session)), publicKey })
  return { verifierKey, changed, dryRun }
}

/** Returns a signed checkpoint over every commit. Throws `audit-key-missing` (rejected), `standby`, `audit-broken` (corrupt). */
export async function makeCheckpoint(session: Session): Promise<CheckpointReport> {
  refuseStandby(session)
  const { store } = session
  const publicKey = store.auditKey.publicKey()
  if (publicKey === undefined)
    throw new AppError('rejected', 'audit-key-missing', 'no audit key exists to sign a checkpoint with', {
      hint: 'brine audit key init',
    })
  return store.read(async (reader) => {
    const roots = rootRecorder([reader.head])
    const { problems } = readCommitChain(directorySource(store.layout, reader), { leaf: roots.add })
    refuseBroken(problems)
    const log = identity(session)
    const root = roots.at(reader.head) ?? new Uint8Array(32)
    const origin = originOf(log)
    const note = store.auditKey.sign(origin, checkpointText(log, reader.head, root)) ?? ''
    const verifierKey = formatVerifierKey({ name: origin, publicKey })
    return { origin, size: reader.head, root: toBase64(root), verifierKey, note }
  })
}

export function identity({ store: { marker } }: Session): LogIdentity {
  return { instance: marker.id, generation: marker.generation }
}

/** Reads the checkpoints of these files. Throws `file-unreadable`, `checkpoint-invalid` (usage). */
export function readCheckpoints(files: readonly string[]): readonly KeptCheckpoint[] {
  return files.map((file) => {
    const checkpoint = parseCheckpoint(readUserFile(file))
    if (checkpoint !== undefined) return { file, checkpoint }
    throw new AppError('usage', 'checkpoint-invalid', `${file}: not a checkpoint of brine`, {
      hint: 'give a file that brine audit checkpoint has written',
      details: { path: file },
    })
  })
}

/** Returns the given verifier keys, or the directory's own key if none is given. Throws `verifier-key-invalid`, `verifier-key-missing` (usage). */
export function verifierKeys(
  given: readonly string[],
  own: () => Uint8Array | undefined,
): readonly Pick<NoteKey, 'publicKey'>[] {
  if (given.length > 0) return given.map(parseKey)
  const publicKey = own()
  if (publicKey !== undefined) return [{ publicKey }]
  throw new AppError('usage', 'verifier-key-missing', 'a key to verify the checkpoint is required', {
    hint: 'give the key that brine audit key init printed: --verifier-key KEY',
  })
}

function parseKey(text: string): NoteKey {
  const key = parseVerifierKey(text.trim())
  if (key !== undefined) return key
  throw new AppError('usage', 'verifier-key-invalid', `not a verifier key: ${quoted(text)}`, {
    hint: 'verifier keys look like brine/…/1+1a2b3c4d+AQ…: brine audit key init prints it',
  })
}

/** Compares each checkpoint with the history that was just read. */
export function compareCheckpoints(
  kept: readonly KeptCheckpoint[],
  log: LogIdentity,
  keys: readonly Pick<NoteKey, 'publicKey'>[],
  { chain, roots }: Pick<Proof, 'chain' | 'roots'>,
): { readonly rows: readonly CheckpointRow[]; readonly problems: readonly Finding[] } {
  const problems: Finding[] = []
  const rows = kept.map(({ file, checkpoint }) => {
    const { origin, size } = checkpoint
    const problem = checkpointProblem(checkpoint, { log, commits: chain.count, root: roots.at(size), keys })
    if (problem !== undefined) problems.push({ file, path: '$', problem })
    return { file, origin, size, ok: problem === undefined }
  })
  return { rows, problems }
}
