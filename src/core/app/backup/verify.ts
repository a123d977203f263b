/**
 * `backup verify`: proves that a backup or a copy can be restored, by reading it into memory, what does not fit into a scratch folder, and
 * replaying it.
 */
import { freemem, tmpdir } from 'node:os'
import type { ExistingDirectory } from '../../backup/destination.js'
import type { DecryptionKeys } from '../../backup/encryption.js'
import { makeScratchFolder, removeTree, removeTreeOnExit } from '../../backup/scratch.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import type { Sha256 } from '../../crypto/ports.js'
import { holdFiles } from '../../store/disk/held-files.js'
import { type UnpackedSource, unpackSource } from './restore-source.js'
import { type VerifiedTree, verifyTree } from './verify-tree.js'

export interface VerifyReport {
  readonly file: string
  readonly ok: true
  readonly id: string
  readonly generation: number
  readonly commit: number
  readonly cutAt: Instant | null
  readonly aggregates: VerifiedTree['aggregates']
  /** Digest of all states: the `full` digest of `audit digest`. */
  readonly digest: Sha256
  /** SHA-256 of the manifest in the backup; null for a copy. */
  readonly manifest: Sha256 | null
  readonly encrypted: boolean | null
}

export interface VerifyOptions {
  readonly source: string
  readonly keys: DecryptionKeys
  /** Parent of the scratch folder. Default: the temporary folder of the system. */
  readonly scratch?: string
  /** Most bytes that are held in memory. Default: 256 MiB, or a quarter of the free memory. */
  readonly memory?: number
}

/** Most bytes of a backup that are held in memory; less where the machine has less than four times as many. */
const MEMORY = 256 * 1024 * 1024

/** Restores to memory and a scratch folder, replays, and removes the folder. Throws `backup-damaged`, `backup-unproved`, `backup-key-wrong`, `io`. */
export async function verifyBackup(options: CommandContext, request: VerifyOptions): Promise<VerifyReport> {
  const { unpacked, verified } = await restoreToScratch(options, request, undefined)
  const { marker, commit, cutAt, manifest, encrypted } = unpacked
  const facts = { id: marker.id, generation: marker.generation, commit, cutAt, manifest, encrypted }
  return { file: request.source, ok: true, ...facts, aggregates: verified.aggregates, digest: verified.digest.full }
}

/** A tree that was restored and verified. */
export interface RestoredTree {
  readonly unpacked: UnpackedSource
  readonly verified: VerifiedTree
}

/** Restores and verifies in memory and a scratch folder, which is removed afterwards. `old` is the directory that the backup is to replace. */
export async function restoreToScratch(
  options: CommandContext,
  { source, keys, scratch, memory }: VerifyOptions,
  old: ExistingDirectory | undefined,
): Promise<RestoredTree> {
  const dir = makeScratchFolder(scratch ?? tmpdir())
  const unregister = removeTreeOnExit(dir)
  const bytes = memory ?? Math.min(MEMORY, Math.floor(freemem() / 4))
  const held = { tree: holdFiles(bytes), bytes }
  try {
    const onHeader = ({ id }: { readonly id: string }): void => assertSameInstance(old, id)
    const unpacked = await unpackSource({ source, keys, options, dir, withoutSecrets: true, held, onHeader })
    return { unpacked, verified: await verifyTree(dir, unpacked, source, options) }
  } finally {
    held.tree.release()
    unregister()
    removeTree(dir)
  }
}

/** Throws `restore-other-instance` (rejected) if the backup is not of the directory that it is to replace. */
export function assertSameInstance(old: ExistingDirectory | undefined, id: string): void {
  if (old?.marker === undefined || old.marker.id === id) return
  throw new AppError(
    'rejected',
    'restore-other-instance',
    `${old.dir} is instance ${old.marker.id}, but the backup is of instance ${id}`,
    { hint: 'restore it into a separate directory', details: { path: old.dir, id: old.marker.id, backup: id } },
  )
}
