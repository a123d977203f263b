/** Checks of RPKI URIs (RFC 5781, RFC 6487 section 4.8, RFC 8182 section 3.2), as strict as relying parties are. */
import { quoted } from '../../base/text.js'
import type { ObjectFinding } from '../../der/findings.js'

const MAX_LENGTH = 2048

/** Returns the findings about `uri`, named `what`, which must have one of `schemes`. `/.` is refused anywhere: it would let a path leave its directory in a validator's cache. */
export function checkUri(
  what: string,
  uri: string,
  schemes: readonly ('rsync' | 'https')[],
  rule: string,
): readonly ObjectFinding[] {
  const finding = (message: string): readonly ObjectFinding[] => [
    { rule, message: `${what} ${quoted(uri)} ${message}` },
  ]
  if (uri.length > MAX_LENGTH) return finding(`is longer than ${MAX_LENGTH} characters`)
  if (!/^[\x21-\x7e]*$/.test(uri)) return finding('has a character that is not allowed in a URI')
  const scheme = schemes.find((s) => uri.startsWith(`${s}://`))
  if (scheme === undefined) return finding(`is not an ${schemes.join(' or ')} URI`)
  const rest = uri.slice(scheme.length + 3)
  if (!/^[A-Za-z0-9[]/.test(rest)) return finding('has no host')
  if (uri.includes('/.')) return finding('has a path segment that starts with a dot')
  if (!/^[^/]+\/[^/]/.test(rest)) return finding('has no path')
  return rest.replace(/\/$/, '').includes('//') ? finding('has an empty path segment') : []
}

/** Returns the part after the last slash. */
export function lastSegment(uri: string): string {
  return uri.slice(uri.lastIndexOf('/') + 1)
}
