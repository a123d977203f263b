/** Writes the repository in the layout of a validator's cache: `DIR/<host>/<module path>/…` and `DIR/ta/<tal>/<certificate>`, as `rpki-client -n -d DIR` reads it. */
import { basename, join } from 'node:path'
import { chmodSync, emptyDirSync, ensureDirSync, outputFileSync, statSync, utimesSync } from 'fs-extra'
import { AppError } from '../base/errors.js'
import { encodeHandle } from '../base/handle.js'
import { publishedObjects } from '../pubd/content.js'
import { namesIn, unlessAbsent } from './served-files.js'
import { type PublicationTarget, readObject, type TrustAnchorFiles, writeError } from './target.js'

export interface ValidatorCacheOptions extends Pick<PublicationTarget, 'state' | 'objectPath'> {
  readonly into: string
  readonly ta: readonly TrustAnchorFiles[]
}

export interface ValidatorCacheReport {
  readonly files: number
  readonly bytes: number
}

/** Name of the marker in a folder that this program filled and may clear. */
const MARKER = '.brine-layout'

/**
 * Copies every published object and trust anchor certificate, readable by every user, with the objects' own times.
 * Throws `layout-dir-foreign` (usage) if `into` contains files that this function did not write.
 */
export function writeValidatorCache(options: ValidatorCacheOptions): ValidatorCacheReport {
  try {
    return layOut(options)
  } catch (error) {
    throw writeError(error, options.into)
  }
}

function layOut(options: ValidatorCacheOptions): ValidatorCacheReport {
  const { into, state, ta } = options
  takeOver(into)
  const report = { files: 0, bytes: 0 }
  const host = state.rsyncBase.slice('rsync://'.length)
  for (const object of publishedObjects(state)) {
    const bytes = readObject(options.objectPath, object)
    const { atime, mtime } = statSync(options.objectPath(object.sha256))
    place(into, join(host, object.path), bytes, report)
    utimesSync(join(into, host, object.path), atime, mtime)
  }
  for (const anchor of ta)
    place(into, join('ta', encodeHandle(anchor.handle), certificateName(anchor.tal)), anchor.certificate, report)
  return report
}

function takeOver(into: string): void {
  const stat = unlessAbsent(() => statSync(into))
  if (stat !== undefined && !stat.isDirectory())
    throw new AppError('usage', 'layout-dir-foreign', `${into} is not a directory`, { hint: 'name a new directory' })
  const names = namesIn(into)
  if (names.length > 0 && !names.includes(MARKER)) {
    throw new AppError('usage', 'layout-dir-foreign', `${into} contains other files: ${names.slice(0, 3).join(', ')}`, {
      hint: 'name a new or an empty directory',
    })
  }
  emptyDirSync(into)
  folder(into)
  outputFileSync(join(into, MARKER), '')
}

function place(into: string, path: string, bytes: Uint8Array, report: { files: number; bytes: number }): void {
  const parts = path.split('/')
  for (let n = 1; n < parts.length; n++) folder(join(into, ...parts.slice(0, n)))
  const full = join(into, path)
  outputFileSync(full, bytes)
  chmodSync(full, 0o644)
  report.files += 1
  report.bytes += bytes.length
}

/** Creates a folder that every user may enter, regardless of the umask. */
function folder(path: string): void {
  ensureDirSync(path)
  chmodSync(path, 0o755)
}

/** Returns the name of the certificate, the last segment of the TAL's URIs (RFC 8630 section 2.3). */
function certificateName(tal: string): string {
  const uri = tal.split(/\r?\n/).find((line) => /^(?:https|rsync):\/\//.test(line)) ?? 'ta.cer'
  return basename(uri.trim())
}
