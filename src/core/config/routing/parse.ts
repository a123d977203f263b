/** Reads the section `[routing]`. Invariant: every key that is left out has a default; no announcement is ignored twice. */
import { quoted } from '../../base/text.js'
import { parseAsn } from '../../resources/asn.js'
import { formatPrefix, parsePrefix } from '../../resources/prefix.js'
import { type PlacedFault, TableReader, tableName } from '../tables.js'
import { type IgnoredRoute, NO_ROUTING, type ProtectedPrefix, ROUTING_TABLE, type RoutingConfig } from './schema.js'

const DAY = 86400
const PROTECTED = 'protected_prefixes'
const HOST = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i
const SERVER = /^(?:\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?|[0-9a-f:]+|\[[0-9a-f:]+\](?::\d{1,5})?)$/i
const DATE = { pattern: /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$/, expected: 'a day such as "2026-12-02"' }
const ORIGIN = { pattern: /^(?:AS)?\d{1,10}$/i, expected: 'an AS number such as "AS64496"' }

/** Reads the tables; findings are added to `faults`. */
export function readRouting(root: Readonly<Record<string, unknown>>, faults: PlacedFault[]): RoutingConfig {
  const routing = new TableReader(root, [], faults).table(ROUTING_TABLE)
  const config: RoutingConfig = {
    bgp: absolute(routing, 'bgp'),
    vrps: routing.path('vrps'),
    minPeers: routing.integer('min_peers', 0, 65_534) ?? NO_ROUTING.minPeers,
    maxAge: routing.duration('max_age', 3600, 366 * DAY) ?? NO_ROUTING.maxAge,
    ignored: routing.tables('ignore').flatMap(readIgnored),
    protected: readProtected(routing),
    protectedHosts: matching(routing, 'protected_hosts', HOST, 'a host name such as "rpki.example.net"'),
    nameServers: matching(routing, 'name_servers', SERVER, 'an address such as "192.0.2.53" or "[2001:db8::1]:53"'),
    disabled: null,
  }
  routing.close()
  const seen = new Set<string>()
  for (const [n, { prefix, asn }] of config.ignored.entries()) {
    const route = `${prefix} of AS${asn}`
    if (seen.has(route))
      faults.push({ place: [ROUTING_TABLE, 'ignore', n], message: `${route} is in two [[routing.ignore]]` })
    seen.add(route)
  }
  return config
}

function absolute(table: TableReader, key: string): readonly string[] {
  const paths = table.texts(key) ?? []
  const wrong = paths.find((path) => !path.startsWith('/'))
  if (wrong !== undefined)
    table.wrong(
      key,
      `${key} of ${tableName(table.place)} must be a list of absolute paths, not ${JSON.stringify(wrong)}`,
    )
  return paths
}

/** Returns the values of a list. Each that does not match is a fault. */
function matching(table: TableReader, key: string, pattern: RegExp, expected: string): readonly string[] {
  const values = table.texts(key) ?? []
  const wrong = values.find((value) => !pattern.test(value))
  if (wrong !== undefined) table.wrong(key, `${key} must be a list, each ${expected}, not ${quoted(wrong)}`)
  return values
}

/** Returns the prefixes of lines such as `192.0.2.0/24 => AS64496` or `192.0.2.0/24`. Each that is neither is a fault. */
function readProtected(table: TableReader): readonly ProtectedPrefix[] {
  const found: ProtectedPrefix[] = []
  for (const text of table.texts(PROTECTED) ?? []) {
    const [prefixText = '', asnText, ...rest] = text.split('=>').map((part) => part.trim())
    const parsed = parsePrefix(prefixText)
    const asn = asnText === undefined ? undefined : parseAsn(asnText)
    const isReadable = rest.length === 0 && 'ok' in parsed && (asnText === undefined || asn !== undefined)
    if (isReadable) found.push({ prefix: formatPrefix(parsed.ok), asn, text })
    else table.wrong(PROTECTED, `${PROTECTED} has ${quoted(text)}: expected "PREFIX => ASN" or "PREFIX"`)
  }
  return found
}

/** Returns the announcement, or nothing with a fault. */
function readIgnored(table: TableReader): readonly IgnoredRoute[] {
  const prefix = table.required('prefix')
  const asn = parseAsn(table.required('asn', ORIGIN))
  const reason = table.required('reason')
  const date = table.required('date', DATE)
  table.close()
  const parsed = parsePrefix(prefix)
  if ('fault' in parsed) {
    if (prefix !== '') table.wrong('prefix', parsed.fault.message)
    return []
  }
  return asn === undefined ? [] : [{ prefix: formatPrefix(parsed.ok), asn, reason, date }]
}
