/**
 * Base URIs, and the names that a publisher may use below its own: text rules only, since a URL parser resolves `..` before it can be refused.
 * Invariant: base + name is one rsync URI (RFC 5781) that no validator normalises, of at most 2048 characters.
 */
import type { Violation } from '../base/errors.js'
import { encodeHandle, type Handle } from '../base/handle.js'
import { quoted } from '../base/text.js'

/** The longest URI that rpki-client accepts. */
export const MAX_URI_LENGTH = 2048
/** The longest name that every file system accepts. */
const MAX_SEGMENT_LENGTH = 255
/**
 * The deepest name; repositories use fewer than ten folders. Each name is compared with all of its folders, so that without a limit one message
 * of 32 MiB with thousands of long names has millions of them.
 */
export const MAX_FOLDERS = 32

const HOST = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/
const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

/** Returns the base of a publisher: `<rsyncBase><encoded handle>/`. The encoding is injective and has no slash, so bases never nest. */
export function publisherBase(rsyncBase: string, publisher: Handle): string {
  return `${rsyncBase}${encodeHandle(publisher)}/`
}

/** Returns why `name` cannot be used below `base`, as the end of a sentence; undefined when it can. */
export function objectNameProblem(base: string, name: string): string | undefined {
  const segments = name.split('/', MAX_FOLDERS + 2)
  if (segments.length > MAX_FOLDERS + 1) return `lies in more than ${MAX_FOLDERS} folders`
  if (segments.some((s) => s === '')) return 'has an empty path segment'
  if (segments.some((s) => s.startsWith('.'))) return 'has a path segment that starts with a dot'
  if (!segments.every((s) => SEGMENT.test(s))) return 'has a character other than A-Z a-z 0-9 . _ - between slashes'
  if (segments.some((s) => s.length > MAX_SEGMENT_LENGTH)) return `has a segment over ${MAX_SEGMENT_LENGTH} characters`
  if (base.length + name.length > MAX_URI_LENGTH) return `makes a URI over ${MAX_URI_LENGTH} characters`
  return undefined
}

/** Returns true if an object may have this name below `base`. */
export function isObjectName(base: string, name: string): boolean {
  return objectNameProblem(base, name) === undefined
}

/** Returns the name below `base` that an rsync URI denotes; undefined when it is not below it. Scheme and host compare without case (RFC 3986 section 6.2.2.1). */
export function nameBelow(base: string, uri: string): string | undefined {
  const hostEnd = base.indexOf('/', 'rsync://'.length)
  if (uri.slice(0, hostEnd).toLowerCase() !== base.slice(0, hostEnd).toLowerCase()) return undefined
  if (!uri.startsWith(base.slice(hostEnd), hostEnd)) return undefined
  const name = uri.slice(base.length)
  return isObjectName(base, name) ? name : undefined
}

/**
 * Returns why validators skip a URI by default, as the end of a sentence; undefined if they fetch it. Routinator refuses these hosts unless it
 * is configured to accept them, and certificates contain the URI for years.
 */
export function skippedBecause(uri: string): string | undefined {
  const [, host = '', port] = /^[a-z]+:\/\/(\[[^\]]*\]|[^/:]*)(?::(\d+))?/i.exec(uri) ?? []
  const name = host.toLowerCase().replace(/\.$/, '')
  if (name.startsWith('[') || /^[0-9.]+$/.test(name)) return 'the host is an IP address'
  if (name === 'localhost' || name.endsWith('.localhost')) return 'the host is localhost'
  if (!name.includes('.')) return 'the host is no full domain name'
  return port === undefined ? undefined : `it contains a port (${port})`
}

/** Returns a warning for each of the URIs that validators skip by default. */
export function skippedUris(uris: readonly string[]): readonly string[] {
  return uris.flatMap((uri) => {
    const why = skippedBecause(uri)
    if (why === undefined) return []
    return [
      `validators skip ${uri} by default, since ${why}; it is embedded in certificates and cannot be changed later`,
    ]
  })
}

/** Returns the violations of the two base URIs: `rsync://host/module/` and `https://host/path/`, each with its final slash. */
export function baseViolations(rsyncBase: string, rrdpBase: string): readonly Violation[] {
  const found: Violation[] = []
  const rsync = baseProblem(rsyncBase, 'rsync://', 1)
  if (rsync !== undefined) found.push(uriInvalid('rsync base', rsyncBase, rsync))
  const rrdp = baseProblem(rrdpBase, 'https://', 0)
  if (rrdp !== undefined) found.push(uriInvalid('RRDP base', rrdpBase, rrdp))
  return found
}

function baseProblem(uri: string, scheme: string, minSegments: number): string | undefined {
  if (!uri.startsWith(scheme)) return `must start with ${scheme}`
  if (!uri.endsWith('/')) return 'must end with a slash'
  if (uri.length > 1024) return 'is over 1024 characters'
  const [host = '', ...segments] = uri.slice(scheme.length, -1).split('/')
  const match = HOST.exec(host)
  if (match === null || Number(match[1] ?? '1') > 65535 || match[1] === '0')
    return `has no valid host in ${JSON.stringify(host)}`
  if (segments.length < minSegments) return 'names no rsync module'
  if (!segments.every((s) => SEGMENT.test(s)))
    return 'has a path segment that is empty, starts with a dot or has a character other than A-Z a-z 0-9 . _ -'
  return undefined
}

function uriInvalid(name: string, uri: string, problem: string): Violation {
  return { code: 'uri-invalid', message: `${name} ${quoted(uri, 200)} ${problem}`, details: { uri } }
}
