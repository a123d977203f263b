/**
 * Base URIs and the jail of a publisher: text rules only, since a URL parser resolves `..` before anybody can refuse it.
 * Invariant: base + name is one rsync URI (RFC 5781) that no validator normalises, of at most 2048 characters.
 */
import type { Violation } from '../base/errors.js'
import { encodeHandle, type Handle } from '../base/handle.js'

/** What rpki-client takes. */
export const MAX_URI_LENGTH = 2048
/** What every file system takes. */
const MAX_SEGMENT_LENGTH = 255

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/
const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

/** The one place of a publisher: `<rsyncBase><encoded handle>/`. The encoding is injective and has no slash, so bases never nest. */
export function publisherBase(rsyncBase: string, publisher: Handle): string {
  return `${rsyncBase}${encodeHandle(publisher)}/`
}

/** Why `name` cannot stand below `base`; undefined when it can. */
export function objectNameFault(base: string, name: string): string | undefined {
  const segments = name.split('/')
  if (segments.some((s) => s === '')) return 'has an empty path segment'
  if (segments.some((s) => s.startsWith('.'))) return 'has a path segment that starts with a dot'
  if (!segments.every((s) => SEGMENT.test(s))) return 'has a character other than A-Z a-z 0-9 . _ - between slashes'
  if (segments.some((s) => s.length > MAX_SEGMENT_LENGTH)) return `has a segment over ${MAX_SEGMENT_LENGTH} characters`
  if (base.length + name.length > MAX_URI_LENGTH) return `makes a URI over ${MAX_URI_LENGTH} characters`
  return undefined
}

/** May an object stand under this name below `base`? */
export function isObjectName(base: string, name: string): boolean {
  return objectNameFault(base, name) === undefined
}

/** The name below `base` that an rsync URI means; undefined when it lies outside the jail. Scheme and host compare without case (RFC 3986 section 6.2.2.1). */
export function nameBelow(base: string, uri: string): string | undefined {
  const revision = base.indexOf('/', 'rsync://'.length)
  const head = uri.slice(0, revision)
  if (head.toLowerCase() !== base.slice(0, revision).toLowerCase()) return undefined
  if (!uri.startsWith(base.slice(revision), revision)) return undefined
  const name = uri.slice(base.length)
  return isObjectName(base, name) ? name : undefined
}

/** Every fault of the two base URIs: `rsync://host/module/` and `https://host/path/`, each with its final slash. */
export function baseFaults(rsyncBase: string, rrdpBase: string): readonly Violation[] {
  const faults: Violation[] = []
  const rsync = baseFault(rsyncBase, 'rsync://', 1)
  if (rsync !== undefined) faults.push(uriFault('rsync base', rsyncBase, rsync))
  const rrdp = baseFault(rrdpBase, 'https://', 0)
  if (rrdp !== undefined) faults.push(uriFault('RRDP base', rrdpBase, rrdp))
  return faults
}

function baseFault(uri: string, scheme: string, segmentsWanted: number): string | undefined {
  if (!uri.startsWith(scheme)) return `must start with ${scheme}`
  if (!uri.endsWith('/')) return 'must end with a slash'
  if (uri.length > 1024) return 'is over 1024 characters'
  const [host = '', ...segments] = uri.slice(scheme.length, -1).split('/')
  const match = HOST.exec(host)
  if (match === null || Number(match[1] ?? '1') > 65535 || match[1] === '0')
    return `has no valid host in ${JSON.stringify(host)}`
  if (segments.length < segmentsWanted) return 'names no rsync module'
  if (!segments.every((s) => SEGMENT.test(s)))
    return 'has a path segment that is empty, starts with a dot or has a character other than A-Z a-z 0-9 . _ -'
  return undefined
}

function uriFault(what: string, uri: string, why: string): Violation {
  return { code: 'uri-invalid', message: `${what} ${JSON.stringify(uri.slice(0, 200))} ${why}`, details: { uri } }
}
