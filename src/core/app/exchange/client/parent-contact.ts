/** Use cases of `brine parent request` and `brine parent add --response`: parents elsewhere, by the files of RFC 8183. */
import { toBase64 } from '../../../base/bytes.js'
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { entry } from '../../../base/record.js'
import type { Instant } from '../../../base/time.js'
import { offeredId, offeredToParent, offeredUntil } from '../../../ca/ids.js'
import type { RemoteParent } from '../../../ca/state/contacts.js'
import type { CaState, OfferedTo } from '../../../ca/state/state.js'
import type { KeyId } from '../../../crypto/ports.js'
import { type PeerContact, peerDer } from '../../../identity/contact.js'
import { heldUntil, type IdKey, idKey, idsOf, newestId, untilToRecord } from '../../../identity/id-keys.js'
import { hostKeyOf } from '../../../peers/host.js'
import { type Outcome, outcomeOf } from '../../changes/outcome.js'
import { caState, knownCa, runCa } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { transact } from '../../transaction/transact.js'
import { checkHosts, readSetupFile } from '../setup-files.js'

export interface ParentRequest {
  readonly ca: Handle
  /** The parent that it is for; null: not named. */
  readonly parent: Handle | null
  /** XML of the child_request for the parent. */
  readonly request: string
}

/**
 * Returns the child_request of a CA, which gets its first ID key with it; the key is recorded for the parent, if it is named. Throws `ca-unknown`
 * (rejected).
 */
export async function parentRequest(session: Session, ca: Handle, parent?: Handle): Promise<ParentRequest> {
  const { encodeSetup } = await import('../../../protocols/setup/encode.js')
  const id = await idForRequest(session, ca, 'parents', parent)
  return { ca, parent: parent ?? null, request: encodeSetup({ kind: 'child_request', childHandle: ca, id }) }
}

/**
 * Returns the DER of the newest ID certificate of a CA, which gets its first ID key if it has none, and records that a request was written with
 * it. Throws `ca-unknown` (rejected).
 */
export async function idForRequest(session: Session, ca: Handle, to: OfferedTo, parent?: Handle): Promise<Uint8Array> {
  const { result: id } = await transact(session, async (tx) => {
    knownCa(tx.work, ca)
    await runCa(tx, ca, { type: 'id.add', ifNone: true })
    await runCa(tx, ca, { type: 'id.offer', to, ...(parent === undefined ? {} : { parent }) })
    return newestId(caState(tx.work, ca))
  })
  if (id === undefined) throw new TypeError('id.add leaves an ID key')
  return peerDer(id.certificate)
}

/** Permissions of the operator toward a peer. */
export type PeerPermissions = Pick<PeerContact, 'tlsCa' | 'tlsInsecure' | 'acceptStaleCrl' | 'allowPrivate'>

/** The ID key of ours toward a peer that was added or changed. */
export interface IdChoice {
  readonly id: KeyId
  /** End of the certificate of that key which the peer holds. */
  readonly idUntil: Instant
  /** The ID key before, if it was another one. */
  readonly formerId: KeyId | null
  /** For a new peer: other ID keys, with which the request may have been written that it answered. */
  readonly otherIds: readonly KeyId[]
}

type KnownId = Pick<PeerContact, 'id' | 'idUntil'>

/**
 * Returns the ID key toward a peer that has answered: the one of the newest request for its kind. `known` is the contact until now.
 * Throws `id-none` (rejected).
 */
export function chooseId(state: CaState, to: OfferedTo, known: KnownId | undefined): IdChoice {
  const id = offeredId(state, to)
  if (id !== undefined) {
    const until = state.offered?.[to] === id.ski ? offeredUntil(state, to) : undefined
    return choiceOf(id, until, known, idsOf(state))
  }
  const [command, peer] = to === 'parents' ? ['parent', 'parent'] : ['repo', 'repository']
  throw new AppError('rejected', 'id-none', `${state.handle} has no ID key, so the response is not for it`, {
    hint: `brine ${command} request ${state.handle} writes the request that the ${peer} answers`,
  })
}

/** Returns the ID key toward a parent that has answered: the one of the newest request that names it, else as `chooseId`. */
function chooseForParent(state: CaState, parent: Handle, known: KnownId | undefined): IdChoice {
  const id = offeredToParent(state, parent)
  if (id === undefined) return chooseId(state, 'parents', known)
  return choiceOf(id, offeredUntil(state, 'parents', parent), known, [])
}

/** Returns the choice of a key whose certificate in the request ends at `until`. A peer that holds a later one of this key keeps it. */
function choiceOf(
  id: IdKey,
  until: Instant | undefined,
  known: KnownId | undefined,
  candidates: readonly IdKey[],
): IdChoice {
  const requested = heldUntil(id, until)
  const held = known?.id === id.ski ? heldUntil(id, known.idUntil) : requested
  return {
    id: id.ski,
    idUntil: held > requested ? held : requested,
    formerId: known === undefined || known.id === id.ski ? null : known.id,
    otherIds: known === undefined ? candidates.flatMap(({ ski }) => (ski === id.ski ? [] : [ski])) : [],
  }
}

/** Returns the members of a contact that record an ID key and the certificate of it which the peer holds. */
export function contactIdOf(state: CaState, { id: ski, idUntil }: Pick<IdChoice, 'id' | 'idUntil'>): KnownId {
  const id = idKey(state, ski)
  return { id: ski, ...(id === undefined ? {} : untilToRecord(id, idUntil)) }
}

export interface ParentContactReport extends Outcome, IdChoice {
  readonly ca: Handle
  readonly parent: Handle
  readonly serviceUri: string
  readonly childName: string
  readonly parentName: string
}

/**
 * Adds a parent that takes RFC 6492 messages, or changes the contact of one. Throws `setup-invalid`, `setup-kind`, `peer-uri-invalid` (usage),
 * `peer-private-address` (remote), `ca-unknown`, `id-none`, `parent-duplicate`, `parent-twin` (rejected).
 */
export async function addRemoteParent(
  session: Session,
  ca: Handle,
  parent: Handle,
  { response, permissions }: { readonly response: Uint8Array; readonly permissions: PeerPermissions },
  options: { readonly dryRun?: boolean } = {},
): Promise<ParentContactReport> {
  const { serviceUri, childHandle, parentHandle, id: peer } = await readSetupFile(response, 'parent_response')
  // throws where no message could be sent to it
  hostKeyOf(serviceUri)
  checkHosts({ service_uri: serviceUri }, permissions)
  const done = await transact(
    session,
    async (tx) => {
      const state = knownCa(tx.work, ca)
      const known = entry(state.parents, parent)
      const used = known?.transport === 'rfc6492' ? known.contact : undefined
      const choice = chooseForParent(state, parent, used)
      const contact: RemoteParent = {
        transport: 'rfc6492',
        contact: { serviceUri, ...contactIdOf(state, choice), peer: toBase64(peer), ...permissions },
        ...{ childName: childHandle, parentName: parentHandle },
      }
      await runCa(tx, ca, { type: 'parent.contact', parent, contact })
      return choice
    },
    options,
  )
  const names = { serviceUri, childName: childHandle, parentName: parentHandle }
  return { ca, parent, ...names, ...done.result, ...outcomeOf(done, 'ca', ca, null, options.dryRun) }
}
