/**
 * Enrolment without the sections that have faults: each is disabled alone, with the reason.
 * Invariant: nothing is guessed: a label is served only if its own section, its profile, its group or CA, and `[ha]` are without a fault.
 */
import { nearest } from '../../base/nearest.js'
import { type ConfigFault, isTable, type PlacedFault } from '../tables.js'
import { type DisabledSections, ENROLMENT_TABLES, type Enrolment, type LabelConfig } from './schema.js'

/** A fault with its place in the tables and its line in the text. */
export interface LocatedFault extends ConfigFault {
  readonly place: PlacedFault['place']
  readonly about?: string
}

/** A section that is not TOML: its header without brackets, and its name if it can be recognized. */
export interface UnreadSection extends ConfigFault {
  readonly header: string
  readonly name: string | undefined
}

/** Tables of the text, and what was found in them. */
export interface ReadEnrolment {
  readonly root: Readonly<Record<string, unknown>>
  readonly enrolment: Enrolment
  readonly faults: readonly LocatedFault[]
  readonly unread: readonly UnreadSection[]
}

const TABLES = { ca: 'id', 'ha.group': 'name', 'est.label': 'name', 'est.profile': 'name' } as const
type Repeated = keyof typeof TABLES
/** Names of the repeated sections as they stand in the file, also those that are not valid; empty if there is none. */
export type SectionNames = Readonly<Record<Repeated, readonly string[]>>

/** Returns the names of the repeated sections, in the order of the file. */
export function sectionNames(root: Readonly<Record<string, unknown>>): SectionNames {
  const names = (table: Repeated): readonly string[] => {
    let raw: unknown = root
    for (const part of table.split('.')) raw = isTable(raw) ? raw[part] : undefined
    const sections: readonly unknown[] = Array.isArray(raw) ? raw : []
    return sections.map((section) => {
      const name = isTable(section) ? section[TABLES[table]] : undefined
      return typeof name === 'string' ? name : ''
    })
  }
  return {
    ca: names('ca'),
    'ha.group': names('ha.group'),
    'est.label': names('est.label'),
    'est.profile': names('est.profile'),
  }
}

/** Returns the enrolment with the names as they stand in the file, so that a name that is not valid is not also unknown. */
export function withNames(e: Enrolment, names: SectionNames): Enrolment {
  const own = names['est.profile'].flatMap((name) => e.profiles.filter((profile) => profile.name === name))
  const [model] = e.profiles
  const unread = names['est.profile'].filter((name) => !own.some((profile) => profile.name === name))
  return {
    ...e,
    cas: e.cas.map((ca, n) => ({ ...ca, id: names.ca[n] ?? '' })),
    groups: e.groups.map((group, n) => ({ ...group, name: names['ha.group'][n] ?? '' })),
    labels: e.labels.map((label, n) => ({ ...label, name: names['est.label'][n] ?? '' })),
    profiles: [...e.profiles, ...(model === undefined ? [] : unread.map((name) => ({ ...model, name })))],
  }
}

/** Returns what can be used, with the reasons for everything else. */
export function usableEnrolment(read: ReadEnrolment): Enrolment {
  const names = sectionNames(read.root)
  const all = withNames(read.enrolment, names)
  const found = new Disabled(all, names, read)
  const cas = all.cas.filter(({ id }) => !found.cas.has(id))
  const used = new Set(cas.map(({ id }) => id))
  const groups = all.groups.flatMap((group) => {
    const caIds = group.caIds.filter((id) => used.has(id))
    const gone = group.caIds.filter((id) => !used.has(id))
    if (gone.length > 0) found.members.set(group.name, gone)
    if (found.groups.has(group.name)) return []
    if (caIds.length === 0) found.groups.set(group.name, `none of its CAs can be used: ${found.whyOf(gone)}`)
    const weights = Object.fromEntries(Object.entries(group.weights).filter(([id]) => used.has(id)))
    return caIds.length === 0 ? [] : [{ ...group, caIds, weights }]
  })
  const labels = all.labels.flatMap((label) => {
    const why = found.labels.get(label.name) ?? found.reasonFor(label, used)
    if (why !== undefined) found.labels.set(label.name, why)
    // its own CA may be a member that is not used
    return why === undefined ? [{ ...label, group: found.groupOf(label) }] : []
  })
  return { ...all, profiles: read.enrolment.profiles, cas, groups, labels, disabled: found.sections() }
}

class Disabled {
  readonly all: string | null
  readonly cas: Map<string, string>
  readonly groups: Map<string, string>
  readonly labels: Map<string, string>
  readonly members = new Map<string, readonly string[]>()
  readonly #enrolment: Enrolment
  readonly #ownProfiles: readonly string[]
  readonly #profiles: ReadonlyMap<string, string>
  /** Reason why no CA can be read. */
  readonly #noCa: string | undefined
  /** Reason why a profile of the file may change a built-in one, and cannot be read. */
  readonly #anyProfile: string | undefined
  /** Reason why a CA may be in a group that cannot be read. */
  readonly #anyGroup: string | undefined

  constructor(enrolment: Enrolment, names: SectionNames, { faults, unread }: ReadEnrolment) {
    const named = (table: Repeated) => reasonsOf(table, names[table], faults, unread)
    const lists = faults.filter(({ place }) => sectionOf(place).index === undefined)
    const of = (table: string, known: (key: unknown) => boolean = () => true): string | undefined =>
      [
        ...lists.filter(({ place }) => likely(String(place[0])) === table && known(place[1])),
        ...unread.filter(({ header }) => likely(header) === table),
      ].map(reason)[0]
    this.#enrolment = enrolment
    this.#ownProfiles = names['est.profile']
    this.all = of('ha') ?? null
    this.cas = named('ca')
    this.groups = named('ha.group')
    this.labels = named('est.label')
    this.#profiles = named('est.profile')
    this.#noCa = of('ca', () => true)
    const isLabel = (key: unknown): boolean =>
      key === 'default_label' || (typeof key === 'string' && nearest(key, ['label', 'profile']) === 'label')
    this.#anyProfile = this.#profiles.get('') ?? of('est', (key) => !isLabel(key))
    const unreadable = enrolment.groups.filter(({ caIds }) => caIds.length === 0).map(({ name }) => name)
    const unreadGroups = unread.filter(({ header }) => likely(header) === 'ha.group').map(({ name }) => name ?? '')
    this.#anyGroup = ['', ...unreadable, ...unreadGroups].flatMap((name) => this.groups.get(name) ?? [])[0]
  }

  /** Returns the reason why a label without a fault of its own cannot be served; undefined if it can. */
  reasonFor(label: LabelConfig, used: ReadonlySet<string>): string | undefined {
    if (this.all !== null) return this.all
    const profile = this.#profiles.get(label.profile)
    if (profile !== undefined) return `its profile ${label.profile}: ${profile}`
    if (this.#anyProfile !== undefined && !this.#ownProfiles.includes(label.profile)) return this.#anyProfile
    const group = this.groupOf(label)
    if (group === undefined) {
      if (this.#anyGroup !== undefined) return this.#anyGroup
      return used.has(label.caId) ? undefined : this.whyOf([label.caId])
    }
    const why = this.groups.get(group)
    return why === undefined ? undefined : `its group ${group}: ${why}`
  }

  /** Returns the name of the group that serves a label; undefined for a CA outside of every group. */
  groupOf(label: LabelConfig): string | undefined {
    return label.group ?? this.#enrolment.groups.find(({ caIds }) => caIds.includes(label.caId))?.name
  }

  /** Returns why these CAs cannot be used. */
  whyOf(cas: readonly string[]): string {
    const absent = this.#noCa ?? 'there is no [[ca]] with this id'
    return cas.map((id) => `${id}: ${this.cas.get(id) ?? absent}`).join('; ')
  }

  sections(): DisabledSections {
    const { all, cas, groups, labels, members } = this
    return { all, cas, groups, labels, members }
  }
}

/** Returns the reasons by name, for one kind of section. A name that cannot be read is the empty string. */
function reasonsOf(
  table: Repeated,
  names: readonly string[],
  faults: readonly LocatedFault[],
  unread: readonly UnreadSection[],
): Map<string, string> {
  const reasons = new Map<string, string>()
  const add = (name: string, fault: ConfigFault): void => {
    if (!reasons.has(name)) reasons.set(name, reason(fault))
  }
  for (const fault of unread) if (likely(fault.header) === table) add(fault.name ?? '', fault)
  for (const fault of faults) {
    const at = sectionOf(fault.place)
    // an unknown CA in a group disables only that member
    const isMember = table === 'ha.group' && fault.about !== undefined
    if (at.table === table && at.index !== undefined && !isMember) add(names[at.index] ?? '', fault)
  }
  return reasons
}

/** Returns the kind of section of a place, and its number among the sections of that kind. */
export function sectionOf(place: PlacedFault['place']): { readonly table: string; readonly index?: number } {
  const [first, second, third] = place
  if (typeof second === 'number') return { table: String(first), index: second }
  if (typeof third === 'number') return { table: `${first}.${second}`, index: third }
  return { table: String(first) }
}

/** Returns the known header that a header is likely to mean; undefined if it resembles none. */
function likely(header: string): string | undefined {
  const known = [...ENROLMENT_TABLES, ...Object.keys(TABLES)]
  if (known.includes(header)) return header
  const [first = ''] = header.split('.')
  return nearest(header, known) ?? (ENROLMENT_TABLES.includes(first) ? first : nearest(first, ENROLMENT_TABLES))
}

function reason({ line, message }: ConfigFault): string {
  return `line ${line}: ${message}`
}
