/**
 * Content that a repository elsewhere confirmed last, by hash: `status/confirmed/`, one file for each CA. Invariant: no part of history and never
 * trusted; a file that is missing, damaged or of another content than the CA recorded counts as unknown.
 */
import { AppError } from '../base/errors.js'
import { encodeHandle, type Handle } from '../base/handle.js'
import type { Json } from '../base/json.js'
import { isObject } from '../base/shape.js'
import { type Instant, parseInstant } from '../base/time.js'
import { layoutOf } from '../store/disk/paths.js'
import { statusFiles } from '../store/disk/status-files.js'

interface NewContent extends Omit<ConfirmedContent, 'objects'> {
  readonly hashes: readonly string[]
  /** True: of the repository that the CA leaves. */
  readonly isLeft?: boolean
}

export interface ConfirmedContent {
  /** Digest of names and hashes, as the CA records it. */
  readonly content: string
  /** Time at which the first manifest or CRL of it goes stale; null if it has none. */
  readonly staleAt: Instant | null
  readonly objects: ConfirmedObjects
}

/** Hashes of the objects that a repository has. */
export interface ConfirmedObjects {
  readonly size: number
  has(sha256: string): boolean
}

const FOLDER = 'confirmed'
const LEFT_FOLDER = 'confirmed-left'

/** Hexadecimal digits that are kept of a hash: 64 bits tell the objects of one CA apart. */
const KEPT_DIGITS = 16

/** Replaces what the repository of a CA confirmed, or the one that it leaves. A file that cannot be written is reported to `warn`. */
export function recordConfirmed(
  dataDir: string,
  ca: Handle,
  { content, staleAt, hashes, isLeft = false }: NewContent,
  warn?: (text: string) => void,
): void {
  const objects = hashes.map((hash) => hash.slice(0, KEPT_DIGITS)).sort()
  try {
    statusFiles(layoutOf(dataDir)).write(isLeft ? leftNameOf(ca) : nameOf(ca), {
      ca,
      content,
      staleAt,
      objects: objects.join(''),
    })
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    warn?.(`cannot write what the repository of ${ca} has: ${error.message}`)
  }
}

/** Keeps what the repository confirmed that the CA leaves, before the record of the new one replaces it. */
export function keepLeft(dataDir: string, ca: Handle, content: string, warn?: (text: string) => void): void {
  const value = readQuietly(dataDir, nameOf(ca))
  if (value === undefined || !isObject(value) || value['content'] !== content) return
  try {
    statusFiles(layoutOf(dataDir)).write(leftNameOf(ca), value)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    warn?.(`cannot write what the repository that ${ca} leaves has: ${error.message}`)
  }
}

/** Returns what a repository of a CA confirmed, if that is the content with this digest. */
export function readConfirmed(dataDir: string, ca: Handle, content: string | undefined): ConfirmedContent | undefined {
  if (content === undefined) return undefined
  // what the repository confirmed before it was left is in the file of its time
  const values = [nameOf(ca), leftNameOf(ca)].map((name) => readQuietly(dataDir, name))
  const value = values.find((v) => isObject(v) && v['ca'] === ca && v['content'] === content)
  if (!isObject(value)) return undefined
  const { staleAt, objects } = value
  if (typeof objects !== 'string' || !/^(?:[0-9a-f]{16})*$/.test(objects)) return undefined
  const kept = new Set(objects.match(/.{16}/g) ?? [])
  return {
    content,
    staleAt: typeof staleAt === 'string' ? (parseInstant(staleAt) ?? null) : null,
    objects: { size: kept.size, has: (sha256) => kept.has(sha256.slice(0, KEPT_DIGITS)) },
  }
}

function readQuietly(dataDir: string, name: string): Json | undefined {
  try {
    return statusFiles(layoutOf(dataDir)).read(name)
  } catch (error) {
    if (error instanceof AppError) return undefined
    throw error
  }
}

function nameOf(ca: Handle): string {
  return `${FOLDER}/${encodeHandle(ca)}`
}

function leftNameOf(ca: Handle): string {
  return `${LEFT_FOLDER}/${encodeHandle(ca)}`
}
