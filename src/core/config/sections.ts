/**
 * Sections of enrolment, of repository servers and of routing of `brine.toml`, and sections that are unknown: what can be used of them, and every fault with its line.
 * Invariant: a key of the file itself that stands in a section is never ignored, since it may say where the tree is published.
 */
import { nearest } from '../base/nearest.js'
import type { FaultyBlock } from './blocks.js'
import { readEnrolment } from './enrolment/parse.js'
import { ENROLMENT_TABLES, type Enrolment, NO_ENROLMENT } from './enrolment/schema.js'
import {
  type LocatedFault,
  type SectionNames,
  sectionNames,
  sectionOf,
  usableEnrolment,
  withNames,
} from './enrolment/usable.js'
import { validateEnrolment } from './enrolment/validate.js'
import { readHooks } from './hooks/parse.js'
import { HOOKS_TABLE, type HooksConfig, NO_HOOKS } from './hooks/schema.js'
import { lineAt, linesOf, type Place } from './lines.js'
import { readRepository } from './repository/parse.js'
import { NO_REPOSITORY, REPOSITORY_TABLE, type RepositoryConfig } from './repository/schema.js'
import { readRouting } from './routing/parse.js'
import { NO_ROUTING, ROUTING_TABLE, type RoutingConfig } from './routing/schema.js'
import { KEYS } from './schema.js'
import { type ConfigFault, isTable, type PlacedFault } from './tables.js'

export interface Sections {
  readonly enrolment: Enrolment
  readonly repository: RepositoryConfig
  readonly routing: RoutingConfig
  readonly hooks: HooksConfig
  /** Keys that belong outside of every section. */
  readonly faults: readonly ConfigFault[]
  readonly sectionFaults: readonly ConfigFault[]
}

/** Reads the sections. `unread` are those that are not TOML, `unknown` the faults of tables that no section has the name of. */
export function readSections(
  text: string,
  table: Readonly<Record<string, unknown>>,
  unread: readonly FaultyBlock[],
  unknown: readonly PlacedFault[],
): Sections {
  const root = Object.fromEntries(Object.entries(table).filter(([name]) => ENROLMENT_TABLES.includes(name)))
  const own: PlacedFault[] = []
  const enrolment = Object.keys(root).length === 0 ? NO_ENROLMENT : readEnrolment(root, own)
  const placed = [...own, ...unknown, ...rulesBetween(enrolment, sectionNames(root), own, unread)]
  const ofServers: PlacedFault[] = []
  const servers = REPOSITORY_TABLE in table ? readRepository(table, ofServers) : NO_REPOSITORY
  const ofRouting: PlacedFault[] = []
  const routing = ROUTING_TABLE in table ? readRouting(table, ofRouting) : NO_ROUTING
  const ofHooks: PlacedFault[] = []
  const hooks = HOOKS_TABLE in table ? readHooks(table, ofHooks) : NO_HOOKS
  const lines = linesOf(text)
  const locate = (fault: PlacedFault): LocatedFault => ({
    ...fault,
    line: lineAt(lines, fault.place),
    key: fault.place.join('.'),
  })
  const misplaced = [
    ...misplacedKeys(table).map((place) => locate({ place, message: belongsAbove(String(place.at(-1))) })),
    ...[...placed, ...ofServers, ...ofRouting, ...ofHooks].filter(isLikeBaseKey).map(locate),
    ...unread.flatMap(misplacedLines),
  ]
  const isPlaced = (fault: PlacedFault) => !misplaced.some(({ key }) => key === fault.place.join('.'))
  const rest = placed.filter(isPlaced).map(locate)
  const serverFaults = ofServers.filter(isPlaced).map(locate)
  const routingFaults = ofRouting.filter(isPlaced).map(locate)
  const hookFaults = ofHooks.filter(isPlaced).map(locate)
  const blocks = unread.map(({ line, message, header, name }) => ({ line, message, key: null, header, name }))
  const ofTable = (name: string) => blocks.filter(({ header }) => isOf(name, header))
  const others = blocks.filter(
    ({ header }) => ![REPOSITORY_TABLE, ROUTING_TABLE, HOOKS_TABLE].some((name) => isOf(name, header)),
  )
  const isUsed = rest.length === 0 && others.length === 0
  return {
    enrolment: isUsed ? enrolment : usableEnrolment({ root, enrolment, faults: rest, unread: others }),
    repository: withFaults(servers, NO_REPOSITORY, [...serverFaults, ...ofTable(REPOSITORY_TABLE)]),
    routing: withFaults(routing, NO_ROUTING, [...routingFaults, ...ofTable(ROUTING_TABLE)]),
    hooks: withFaults(hooks, NO_HOOKS, [...hookFaults, ...ofTable(HOOKS_TABLE)]),
    faults: misplaced.map(plain),
    sectionFaults: [...rest, ...serverFaults, ...routingFaults, ...hookFaults, ...blocks].map(plain),
  }
}

function isOf(table: string, header: string): boolean {
  return header === table || header.startsWith(`${table}.`)
}

/**
 * Returns a section as it is read, or nothing of it if it has a fault: a pool file without one server would take that server out, and
 * announcements without one file would be read as "not announced".
 */
function withFaults<T extends { readonly disabled: string | null }>(
  read: T,
  none: T,
  faults: readonly ConfigFault[],
): T {
  const [first] = [...faults].sort((a, b) => a.line - b.line)
  return first === undefined ? read : { ...none, disabled: `line ${first.line}: ${first.message}` }
}

/** Returns the faults of rules between sections, without those that follow from another fault. */
function rulesBetween(
  enrolment: Enrolment,
  names: SectionNames,
  own: readonly PlacedFault[],
  unread: readonly FaultyBlock[],
): readonly PlacedFault[] {
  const faulty = new Set(own.map(({ place }) => sectionId(place)))
  const isFaultyGroup = (name: string): boolean =>
    names['ha.group'].some((group, n) => group === name && faulty.has(`ha.group.${n}`))
  return validateEnrolment(withNames(enrolment, names)).filter(({ place, about }) => {
    if (faulty.has(sectionId(place))) return false
    if (about === undefined) return true
    const isAboutCa = String(place.at(-1)).startsWith('ca_id')
    return !unread.some(({ name }) => name === about) && !(isAboutCa && faulty.has('ca')) && !isFaultyGroup(about)
  })
}

function sectionId(place: Place): string {
  const { table, index } = sectionOf(place)
  return index === undefined ? table : `${table}.${index}`
}

/** Returns the places of keys in tables that are keys of the file itself. */
function misplacedKeys(table: Readonly<Record<string, unknown>>): readonly Place[] {
  const below = (value: unknown, place: Place): readonly Place[] => {
    if (Array.isArray(value)) return value.flatMap((item: unknown, n) => below(item, [...place, n]))
    if (!isTable(value)) return []
    return Object.entries(value).flatMap(([key, inner]) =>
      KEYS.has(key) ? [[...place, key]] : below(inner, [...place, key]),
    )
  }
  return Object.entries(table).flatMap(([name, value]) => (KEYS.has(name) ? [] : below(value, [name])))
}

/** Returns true for an unknown key that resembles a key of the file itself and none of its section. */
function isLikeBaseKey({ place, unknown }: PlacedFault): boolean {
  const key = String(place.at(-1))
  return unknown === true && !KEYS.has(key) && nearest(key, KEYS.keys()) !== undefined
}

/** Returns the faults of lines of a section that is not TOML which set a key of the file itself. */
function misplacedLines({ text, line, header }: FaultyBlock): readonly ConfigFault[] {
  return text.split('\n').flatMap((content) => {
    const key = /^\s*["']?([A-Za-z0-9_-]+)["']?\s*=/.exec(content)?.[1]
    if (key === undefined || !KEYS.has(key)) return []
    return [{ line, key, message: `${belongsAbove(key)}; the section [${header}] is not TOML` }]
  })
}

function belongsAbove(key: string): string {
  return `${key} is set in a section: move it above the first [section] of the file`
}

function plain({ line, key, message }: ConfigFault): ConfigFault {
  return { line, key, message }
}
