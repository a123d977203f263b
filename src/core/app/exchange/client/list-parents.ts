/** Use cases of `brine parent list` and `brine parent show`: contact, last exchange, classes, doubts and open requests. Pure reads. */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { didYouMean } from '../../../base/nearest.js'
import { entry } from '../../../base/record.js'
import type { Instant } from '../../../base/time.js'
import type { LocalParent, Parent, RemoteParent } from '../../../ca/state/contacts.js'
import type { OpenRequest } from '../../../ca/state/requests.js'
import { type CaState, currentKey } from '../../../ca/state/state.js'
import type { KeyId } from '../../../crypto/ports.js'
import { formatAggregateId } from '../../../eventsourcing/types.js'
import { Work } from '../../../eventsourcing/work.js'
import { type PeerContact, peerDer } from '../../../identity/contact.js'
import type { IdEnds, IdLink } from '../../../identity/id-ends.js'
import type { LastExchange } from '../../../peers/last-exchange.js'
import { fromResourceText, NO_RESOURCES, toResourceText, union } from '../../../resources/resource-set.js'
import type { ResourceText } from '../../../resources/types.js'
import { knownCa } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { suspendedAt } from '../../session/suspended-by.js'
import { openAt } from '../parent/open-at-parent.js'
import { rowOf } from './due-parents.js'
import { type ListedRow, listedRow } from './refresh-parent.js'

/** The last exchange with a parent, as reports show it. */
export interface ExchangeRow {
  readonly at: Instant
  readonly outcome: LastExchange['outcome']
  readonly since: Instant
  readonly lastSuccess: Instant | null
  readonly code: string | null
  readonly message: string | null
  /** Software of the parent. */
  readonly agent: string | null
}

export interface ParentRow {
  readonly parent: Handle
  readonly transport: Parent['transport']
  /** Null for a parent in this data directory. */
  readonly serviceUri: string | null
  /** Resources that it certified. */
  readonly resources: ResourceText
  readonly doubts: number
  readonly openRequests: number
  /** Null if it was never asked, and for a parent in this data directory. */
  readonly exchange: ExchangeRow | null
  /** When `tick` asks it next; null: at its next run, or never for a parent in this data directory. */
  readonly nextDue: Instant | null
  /** Since when a parent in this data directory has suspended the CA; null if it has not, and for one elsewhere. */
  readonly suspended: Instant | null
  /** Ends of the ID certificates; null for a parent in this data directory. */
  readonly idUntil: IdEnds | null
}

export interface ParentListReport {
  readonly ca: Handle
  readonly parents: readonly ParentRow[]
}

/** Lists the parents of a CA by name. Throws `ca-unknown` (rejected). */
export async function listParents(session: Session, ca: Handle): Promise<ParentListReport> {
  const { idEnds } = await import('../../../identity/id-ends.js')
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = knownCa(work, ca)
    const names = (Object.keys(state.parents) as Handle[]).sort()
    const parents = names.flatMap((name) => {
      const contact = entry(state.parents, name)
      return contact === undefined ? [] : [parentRow({ session, work, state, idEnds }, name, contact)]
    })
    return { ca, parents }
  })
}

/** Reads the ends of ID certificates; loaded where a report needs it. */
type ReadEnds = (state: CaState, link: IdLink) => IdEnds | null

interface Revision {
  readonly session: Session
  readonly work: Work
  readonly state: CaState
  readonly idEnds: ReadEnds
}

function parentRow({ session, work, state, idEnds }: Revision, parent: Handle, contact: Parent): ParentRow {
  const held = toResourceText(
    Object.values(state.classes)
      .filter((own) => own.parent === parent)
      .flatMap((own) => currentKey(own)?.certificate ?? [])
      .reduce((all, { resources }) => union(all, fromResourceText(resources)), NO_RESOURCES),
  )
  const { transport } = contact
  const common = { parent, transport, resources: held }
  if (contact.transport === 'local') {
    const suspended = suspendedAt({ work }, state, parent) ?? null
    const never = { serviceUri: null, doubts: 0, openRequests: 0, exchange: null, nextDue: null }
    return { ...common, ...never, suspended, idUntil: null }
  }
  const { doubts, open, exchange, nextDue } = rowOf(session, work, state, parent, contact)
  const { serviceUri } = contact.contact
  return {
    ...{ ...common, serviceUri, doubts: doubts.length, openRequests: open },
    ...{ exchange: exchangeRow(exchange), nextDue: nextDue ?? null, suspended: null },
    idUntil: idEnds(state, contact.contact),
  }
}

/** Returns the members of an exchange that reports show. */
export function exchangeRow(exchange: LastExchange | undefined): ExchangeRow | null {
  if (exchange === undefined) return null
  const { at, outcome, since, lastSuccess, code = null, message = null, agent = null } = exchange
  return { at, outcome, since, lastSuccess, code, message, agent }
}

/** Contact of a parent or repository elsewhere, as reports show it. */
export interface PeerContactRow {
  readonly serviceUri: string
  /** The ID key that signs messages to it, and the end of the certificate of that key which the peer has. */
  readonly id: { readonly ski: KeyId; readonly notAfter: Instant | null }
  /** The ID certificate of the peer. */
  readonly peer: { readonly ski: KeyId; readonly notAfter: Instant }
  readonly tlsCa: boolean
  readonly tlsInsecure: boolean
  readonly acceptStaleCrl: boolean
  readonly allowPrivate: boolean
}

export interface ContactRow extends PeerContactRow {
  /** The parent's name for the CA. */
  readonly childName: Handle
  /** The parent's name for itself. */
  readonly parentName: Handle
}

export interface ParentShowReport extends Omit<ParentRow, 'openRequests' | 'doubts' | 'serviceUri'> {
  readonly ca: Handle
  /** A parent in this data directory, as in `history`: `ca/acme`. */
  readonly aggregate: string | null
  /** Null for a parent in this data directory. */
  readonly contact: ContactRow | null
  readonly classes: readonly ListedRow[]
  readonly requests: readonly OpenRequest[]
}

/** Shows one parent. Throws `ca-unknown`, `parent-unknown` (rejected). */
export async function showParent(session: Session, ca: Handle, parent: Handle): Promise<ParentShowReport> {
  const [{ idEnds }, { readIdCertificate }] = await Promise.all([
    import('../../../identity/id-ends.js'),
    import('../../../protocols/cms/id-certificate.js'),
  ])
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = knownCa(work, ca)
    const known = knownParent(state, parent)
    const {
      openRequests: _,
      doubts: __,
      serviceUri: ___,
      ...row
    } = parentRow({ session, work, state, idEnds }, parent, known)
    const classes = Object.values(state.classes).filter((own) => own.parent === parent)
    const isRemote = known.transport === 'rfc6492'
    return {
      ...{ ca, ...row, aggregate: isRemote ? null : aggregateOf(known) },
      contact: isRemote ? contactRow(row.idUntil, known, (der) => readIdCertificate(der)) : null,
      classes: classes.map(listedRow),
      requests: isRemote ? openAt(state, parent, session.now(), work) : [],
    }
  })
}

const aggregateOf = ({ aggregate }: LocalParent): string => formatAggregateId(aggregate)

/** Returns a parent of a CA. Throws `parent-unknown` (rejected). */
export function knownParent(state: CaState, parent: Handle): Parent {
  const found = entry(state.parents, parent)
  if (found !== undefined) return found
  const near = didYouMean(parent, Object.keys(state.parents))
  throw new AppError('rejected', 'parent-unknown', `${state.handle} has no parent ${parent}${near}`, {
    hint: `brine parent list ${state.handle}`,
  })
}

type ReadId = (der: Uint8Array) => { readonly ski: KeyId; readonly notAfter: Instant }

function contactRow(ends: IdEnds | null, { contact, childName, parentName }: RemoteParent, readId: ReadId): ContactRow {
  const { serviceUri, ...row } = peerContactRow(ends, contact, readId)
  return { serviceUri, childName, parentName, ...row }
}

/** Returns the members of a contact that reports show. */
export function peerContactRow(ends: IdEnds | null, contact: PeerContact, readId: ReadId): PeerContactRow {
  const { serviceUri, id, peer, tlsCa, tlsInsecure, acceptStaleCrl, allowPrivate } = contact
  const { ski, notAfter } = readId(peerDer(peer))
  return {
    ...{ serviceUri, id: { ski: id, notAfter: ends?.own ?? null } },
    ...{ peer: { ski, notAfter }, tlsCa: tlsCa !== undefined, tlsInsecure: tlsInsecure === true },
    ...{ acceptStaleCrl: acceptStaleCrl === true, allowPrivate: allowPrivate === true },
  }
}
