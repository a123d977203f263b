/**
 * Builds the data directory that a backup or a plain copy contains, in a separate empty folder, without its marker. `verifyTree` verifies the
 * result before it is used.
 */
import { captureRevision, readCapturedFiles } from '../../backup/capture.js'
import { listCatalog } from '../../backup/catalog.js'
import type { DecryptionKeys } from '../../backup/encryption.js'
import { type BackupHeader, backupDamaged } from '../../backup/format.js'
import { readSource, sourceName } from '../../backup/source.js'
import { assertFreeSpace, createTreeBuilder, type TreeBuilder } from '../../backup/tree-builder.js'
import { unpackBackup } from '../../backup/unpack.js'
import type { CommandContext } from '../../base/context.js'
import { AppError } from '../../base/errors.js'
import type { Instant } from '../../base/time.js'
import { importPkcs8 } from '../../crypto/key-maker.js'
import type { PublicKey, Sha256 } from '../../crypto/ports.js'
import { openCopy } from '../../store/commit/copy-fallback.js'
import { type AnyMarker, isPresent, parseAnyMarker, readAnyMarker } from '../../store/directory/data-dir.js'
import { isCorrupt } from '../../store/disk/damage.js'
import { statIfExists } from '../../store/disk/fs.js'
import type { HeldTree } from '../../store/disk/held-files.js'
import { keyFiles } from '../../store/disk/key-files.js'
import { layoutOf } from '../../store/disk/paths.js'
import { hasAllReferences } from '../session/revision-completeness.js'

/** Description of the tree that was built. Its marker is not written yet. */
export interface UnpackedSource {
  readonly marker: AnyMarker
  readonly commit: number
  readonly head: Sha256 | null
  readonly cutAt: Instant | null
  /** Digest of all states that the backup names; null for a copy. */
  readonly digest: Sha256 | null
  /** SHA-256 of the manifest; null for a copy. */
  readonly manifest: Sha256 | null
  /** Null for a copy. */
  readonly encrypted: boolean | null
  /** Number of newer commits of a copy that are incomplete. */
  readonly dropped: number
  /** The public keys by SKI if the files of private keys were left empty. */
  readonly publicKeys: PublicKeys | undefined
}

type PublicKeys = ReadonlyMap<string, PublicKey>

export interface UnpackRequest {
  /** A backup, `-`, or a folder that is a copy of a data directory. */
  readonly source: string
  readonly keys: DecryptionKeys
  readonly options: CommandContext
  /** An empty folder. */
  readonly dir: string
  /** Writes private keys as empty files. */
  readonly withoutSecrets?: boolean
  /** Holds up to this many bytes of records and objects in memory, and writes the rest to `dir`. */
  readonly held?: { readonly tree: HeldTree; readonly bytes: number }
  /** Called with the header before the first file is written. It throws to stop. */
  readonly onHeader?: (header: Pick<BackupHeader, 'id'>) => void
}

const MEBIBYTE = 1024 * 1024

/** Throws `backup-is-folder` (usage) for a folder that contains backups and is not itself a copy of a data directory. */
export function refuseFolderOfBackups(source: string): void {
  if (statIfExists(layoutOf(source).marker) !== undefined) return
  const [newest] = listCatalog(source)
  if (newest === undefined) return
  throw new AppError('usage', 'backup-is-folder', `${source} is a folder of backups: name one of them`, {
    hint: `the newest one is ${newest.file}`,
    details: { path: source },
  })
}

/** Returns true if the source is a folder, and so a copy of a data directory and not a backup. */
export function isCopy(source: string): boolean {
  return source !== '-' && statIfExists(source.replace(/(?<=.)\/+$/, '/.'))?.isDirectory() === true
}

/** Unpacks a backup, or copies the newest complete revision of a copy. Throws `backup-damaged`, `format-newer`, `backup-key-wrong`, `io`. */
export async function unpackSource(request: UnpackRequest): Promise<UnpackedSource> {
  return isCopy(request.source) ? copyRevision(request) : unpackArchive(request)
}

async function unpackArchive({ source, keys, options, dir, onHeader, ...how }: UnpackRequest): Promise<UnpackedSource> {
  const name = sourceName(source)
  const tree = builderFor(dir, name, how)
  const step = progressOf(options, 'MiB unpacked')
  let total = 0
  const {
    header,
    manifest: _,
    sha256,
    encrypted,
  } = await unpackBackup(readSource(source), {
    name,
    keys,
    onHeader(found) {
      onHeader?.(found)
      total = found.maxBytes
      // on average a file leaves half of its last block of 4096 bytes unused
      const onDisk = found.maxBytes + found.maxFiles * 2048
      assertFreeSpace(dir, Math.max(0, onDisk - (how.held?.bytes ?? 0)))
    },
    onFile(file) {
      tree.add(file)
      step(file.bytes.length, total)
    },
  })
  const marker = markerOf(tree, name)
  if (marker.id !== header.id || marker.generation !== header.generation || marker.test !== header.test)
    throw backupDamaged(name, 'its marker and its header belong to different data directories')
  tree.complete()
  const { commit, head, cutAt, digest } = header
  const { publicKeys } = tree
  return { marker, commit, head, cutAt, digest, manifest: sha256, encrypted, dropped: 0, publicKeys }
}

interface BuilderWithKeys extends TreeBuilder {
  readonly publicKeys: PublicKeys | undefined
}

function builderFor(
  dir: string,
  name: string,
  { withoutSecrets = false, held }: Pick<UnpackRequest, 'withoutSecrets' | 'held'>,
): BuilderWithKeys {
  // a tree of an older format is migrated, which writes to it
  const mayHold = (marker: Uint8Array): boolean => isPresentMarker(marker)
  const tree = createTreeBuilder(dir, name, {
    withoutSecrets,
    ...(held === undefined ? {} : { held: held.tree, mayHold }),
  })
  if (!withoutSecrets) return { ...tree, publicKeys: undefined }
  const publicKeys = new Map<string, PublicKey>()
  const add: TreeBuilder['add'] = (file) => {
    const ski = /^keys\/([0-9A-F]{40})$/.exec(file.path)?.[1]
    if (ski !== undefined) publicKeys.set(ski, publicKeyOf(file.bytes, name, file.path))
    tree.add(file)
  }
  return { ...tree, add, publicKeys }
}

function isPresentMarker(bytes: Uint8Array): boolean {
  try {
    return isPresent(parseAnyMarker(bytes, 'brine.json'))
  } catch {
    // `markerOf` reports it
    return false
  }
}

function publicKeyOf(pkcs8: Uint8Array, name: string, path: string): PublicKey {
  try {
    const { id, spki } = importPkcs8(pkcs8)
    return { id, spki }
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    throw backupDamaged(name, `${path}: ${cause.message}`)
  }
}

function markerOf(tree: TreeBuilder, name: string): AnyMarker {
  const bytes = tree.marker()
  if (bytes === undefined) throw backupDamaged(name, 'its marker, brine.json, is missing')
  try {
    return parseAnyMarker(bytes, `${name}: brine.json`)
  } catch (error) {
    throw isCorrupt(error) ? backupDamaged(name, 'its marker, brine.json, is damaged', error) : error
  }
}

async function copyRevision({ source, options, dir, onHeader, ...how }: UnpackRequest): Promise<UnpackedSource> {
  refuseFolderOfBackups(source)
  const layout = layoutOf(source)
  const marker = readAnyMarker(source)
  onHeader?.(marker)
  const onWarning = (text: string): void => options.onNotice?.(text)
  const keys = keyFiles(layout, () => undefined)
  const complete = (at: Parameters<typeof hasAllReferences>[0]): boolean => hasAllReferences(at, { keys })
  const reader = openCopy(layout, {
    marker,
    warn: onWarning,
    complete: (at) => complete(at as Parameters<typeof hasAllReferences>[0]),
  })
  if (isPresent(marker)) reader.checkMarker()
  const tree = builderFor(dir, source, how)
  const step = progressOf(options, 'MiB copied')
  const capture = captureRevision(layout, reader, { onWarning })
  for (const file of readCapturedFiles(capture, { onWarning })) {
    tree.add(file)
    step(file.bytes.length)
  }
  tree.complete()
  const facts = { commit: capture.commit, head: capture.head, cutAt: reader.at ?? null, dropped: reader.behind }
  const { publicKeys } = tree
  return { marker: markerOf(tree, source), ...facts, digest: null, manifest: null, encrypted: null, publicKeys }
}

/** Returns a function that counts bytes and reports progress for each mebibyte. */
function progressOf(options: CommandContext, what: string): (bytes: number, total?: number) => void {
  let [done, shown] = [0, 0]
  return (bytes, total) => {
    done += bytes
    if (done - shown < MEBIBYTE) return
    shown = done
    const mebibytes = Math.floor(done / MEBIBYTE)
    options.onProgress?.(mebibytes, total === undefined ? mebibytes : Math.ceil(total / MEBIBYTE), what)
  }
}
