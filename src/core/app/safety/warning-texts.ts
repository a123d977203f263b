/** Warnings about a change of VRPs as sentences: the fact, then what could be done. */
import type { Violation } from '../../base/errors.js'
import { formatPrefix } from '../../resources/prefix.js'
import { formatRoaPayload } from '../../resources/roa-payload.js'
import type { RoaPayload } from '../../resources/types.js'
import type { RouteChange } from '../../routing/effect.js'
import type { Disallowed, RoutingWarnings, TooPermissive } from '../../routing/warnings.js'

/** ROAs and routes that a sentence names. */
const MAX_NAMED = 3
/** Warnings of one kind that are given: a list of 100,000 ROAs must not fill the screen. */
const MAX_WARNINGS = 20

/** Returns a warning for each doubtful ROA, with the code `roa-too-permissive`, `roa-as0-announced` or `route-unprotected`. */
export function warningTexts({ tooPermissive, disallowed, unprotected }: RoutingWarnings): readonly Violation[] {
  return [
    ...limited(tooPermissive, permissiveText),
    ...limited(disallowed, disallowedText),
    ...(unprotected.length === 0 ? [] : [unprotectedText(unprotected)]),
  ]
}

function limited<T>(found: readonly T[], text: (one: T) => Violation): readonly Violation[] {
  const shown = found.slice(0, MAX_WARNINGS).map(text)
  const [last] = shown.slice(-1)
  const left = found.length - shown.length
  return left === 0 || last === undefined
    ? shown
    : [...shown.slice(0, -1), { ...last, message: `${last.message}; and ${left} more ROAs like this` }]
}

function permissiveText({ roa, unannounced, minimal }: TooPermissive): Violation {
  const text = formatRoaPayload(roa)
  const prefixes = unannounced === 1 ? '1 prefix' : `${unannounced} prefixes`
  return {
    code: 'roa-too-permissive',
    message: `"${text}" admits ${prefixes} that AS${roa.asn} does not announce and others could announce in its name (RFC 9319); enough is ${named(minimal)}, or a comment that begins with "permissive" says that it is meant so`,
    details: { roa: text, unannounced, minimal: minimal.map(formatRoaPayload) },
  }
}

function disallowedText({ roa, routes }: Disallowed): Violation {
  const text = formatRoaPayload(roa)
  const some = listed(routes.map(({ prefix, origin }) => `${formatPrefix(prefix)} of AS${origin}`))
  return {
    code: 'roa-as0-announced',
    message: `"${text}" says that nothing in it is announced (RFC 6483 section 4), and invalidates these announcements: ${some}`,
    details: { roa: text, announcements: routes.length },
  }
}

function unprotectedText(routes: readonly RouteChange[]): Violation {
  const some = listed(routes.map(({ prefix, origin, after }) => `${formatPrefix(prefix)} of AS${origin} (${after})`))
  return {
    code: 'route-unprotected',
    message: `announcements that no ROA makes valid any more: ${some}`,
    details: { announcements: routes.length },
  }
}

function named(roas: readonly RoaPayload[]): string {
  return listed(roas.map((roa) => `"${formatRoaPayload(roa)}"`))
}

function listed(texts: readonly string[]): string {
  const shown = texts.slice(0, MAX_NAMED).join(', ')
  const left = texts.length - MAX_NAMED
  return left > 0 ? `${shown} and ${left} more` : shown
}
