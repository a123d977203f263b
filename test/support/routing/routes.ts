/** Announcements and ROAs of tests, written as text. */
import { ALL_RESOURCES } from '../../../src/core/resources/resource-set.js'
import { parseRoaPayload } from '../../../src/core/resources/roa-payload.js'
import type { RoaPayload } from '../../../src/core/resources/types.js'
import type { OwnRoa } from '../../../src/core/routing/analysis.js'
import type { Announcements } from '../../../src/core/routing/announcements.js'
import { type Dump, DumpReader } from '../../../src/core/routing/dump-reader.js'

/** Reads a dump in one piece, everything in scope. */
export function dumpOf(text: string, options: Partial<ConstructorParameters<typeof DumpReader>[0]> = {}): Dump {
  const reader = new DumpReader({ scope: ALL_RESOURCES, minPeers: 0, ...options })
  reader.push(Buffer.from(text))
  reader.endFile()
  return reader.dump()
}

/** Returns the tables of routes such as `192.0.2.0/24 64496`. */
export function tablesOf(...routes: readonly string[]): readonly Announcements[] {
  const { ipv4, ipv6 } = dumpOf(routes.map((route) => route.split(' ').toReversed().join(',')).join('\n'))
  return [ipv4, ipv6]
}

export function roaOf(text: string): RoaPayload {
  const parsed = parseRoaPayload(text)
  if ('faults' in parsed) throw new Error(`not a ROA: ${text}`)
  return parsed.ok.payload
}

export function ownRoa(text: string, rest: Partial<OwnRoa> = {}): OwnRoa {
  return { payload: roaOf(text), held: true, permissive: false, ...rest }
}
