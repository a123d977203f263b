/** Registry of aggregates by kind, for code that replays or archives any history. */
import type { CaCommand } from '../../ca/aggregate.js'
import { est } from '../../est/aggregate.js'
import type { EstCommand } from '../../est/commands.js'
import type { Aggregate, DomainCommand, DomainEvent, Kind } from '../../eventsourcing/types.js'
import { type HaCommand, ha } from '../../ha/aggregate.js'
import { type PubdCommand, pubd } from '../../pubd/aggregate.js'
import type { TaCommand } from '../../ta/aggregate.js'
import { CA, TA } from './context.js'

/** The part of an aggregate that replay and comparison need. */
export type ReplayRules = Pick<
  Aggregate<unknown, DomainCommand, DomainEvent, never>,
  'kind' | 'events' | 'initial' | 'evolve' | 'logical'
>

/** The rules by kind; a kind that this version does not know has none. */
export const RULES: Readonly<Partial<Record<Kind, ReplayRules>>> = {
  ca: CA as ReplayRules,
  ta: TA as ReplayRules,
  pubd: pubd as ReplayRules,
  ha: ha as ReplayRules,
  est: est as ReplayRules,
}

/** Does a command do nothing but publish what is wanted already: manifests, CRLs, renewals, a serial? Such may be archived. */
const CA_PUBLISHES: Readonly<Record<CaCommand['type'], boolean>> = {
  'ca.add': false,
  'ca.remove': false,
  'repository.configure': false,
  'parent.add': false,
  'child.add': false,
  'child.update': false,
  'child.remove': false,
  'child.certify': false,
  'parent.sync': false,
  'certificate.receive': false,
  'roas.update': false,
  republish: true,
  'numbers.raise': false,
}
const TA_PUBLISHES: Readonly<Record<TaCommand['type'], boolean>> = {
  'ta.init': false,
  'child.add': false,
  'child.update': false,
  'child.remove': false,
  'child.certify': false,
  republish: true,
  'numbers.raise': false,
}
const PUBD_PUBLISHES: Readonly<Record<PubdCommand['type'], boolean>> = {
  'pubserver.init': false,
  'publisher.add': false,
  'publisher.remove': false,
  publish: true,
  'session.reset': false,
}

/** Probes and enrolments are what an auditor asks for. */
const HA_PUBLISHES: Readonly<Record<HaCommand['type'], boolean>> = {
  'enroll.start': false,
  'enroll.direct': false,
  'enroll.finish': false,
  'probes.start': false,
  'probes.finish': false,
  'resume.finish': false,
  'override.set': false,
  'override.end': false,
}

/** So are certificates and who may have them. */
const EST_PUBLISHES: Readonly<Record<EstCommand['type'], boolean>> = {
  'request.open': false,
  'request.ask': false,
  'request.serve': false,
  'certificate.record': false,
  'request.wait': false,
  'request.lose': false,
  'request.end': false,
  'certificate.revoke': false,
  'password.create': false,
  'password.revoke': false,
  'crl.number': false,
}

/** By kind and by type of command; the type checker wants all of them. */
export const PUBLISHES: Readonly<Partial<Record<Kind, Readonly<Record<string, boolean>>>>> = {
  ca: CA_PUBLISHES,
  ta: TA_PUBLISHES,
  pubd: PUBD_PUBLISHES,
  ha: HA_PUBLISHES,
  est: EST_PUBLISHES,
}

/** What this version does not know stays. */
export function isPublication(kind: Kind, type: string): boolean {
  const table = PUBLISHES[kind] ?? {}
  return Object.hasOwn(table, type) && table[type] === true
}
