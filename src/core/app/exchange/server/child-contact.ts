/** Use cases of `brine child add --request` and `brine child response`: children elsewhere, by the files of RFC 8183. */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { entry } from '../../../base/record.js'
import type { CaState } from '../../../ca/state/state.js'
import { Work } from '../../../eventsourcing/work.js'
import { peerDer } from '../../../identity/contact.js'
import { heldUntil, type IdKey, idKey, newestId, untilToRecord } from '../../../identity/id-keys.js'
import { formatProtocolPath } from '../../../protocols/message-request.js'
import { NO_RESOURCES, toResourceText } from '../../../resources/resource-set.js'
import type { ResourceSet, ResourceText } from '../../../resources/types.js'
import { type Outcome, outcomeOf } from '../../changes/outcome.js'
import { caState, knownCa, runCa } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { transact } from '../../transaction/transact.js'
import { checkServiceBase, noticeOtherId, type RepeatedResponse, readSetupFile } from '../setup-files.js'

export interface ChildContactReport extends Outcome {
  readonly ca: Handle
  readonly child: Handle
  readonly resources: ResourceText
  /** XML of the parent_response for the child; null in a dry run, which makes no ID key. */
  readonly response: string | null
}

export interface RemoteChild {
  readonly child: Handle
  readonly resources: ResourceSet
  /** Octets of the child_request. */
  readonly request: Uint8Array
  /** URI of the server in front, with a slash at its end. */
  readonly serviceBase: string
}

/** Adds a child that sends RFC 6492 messages; the CA gets its first ID key with it. Throws `setup-invalid` (usage), `ca-unknown`, `child-duplicate`. */
export async function addRemoteChild(
  session: Session,
  ca: Handle,
  { child, resources, request, serviceBase }: RemoteChild,
  options: { readonly dryRun?: boolean } = {},
): Promise<ChildContactReport> {
  const { id: peer, tag } = await readSetupFile(request, 'child_request')
  checkServiceBase(serviceBase)
  const done = await transact(
    session,
    async (tx) => {
      knownCa(tx.work, ca)
      await runCa(tx, ca, { type: 'child.add', child, resources })
      await runCa(tx, ca, { type: 'id.add', ifNone: true })
      const id = newestId(caState(tx.work, ca))
      if (id === undefined) throw new TypeError('id.add leaves an ID key')
      await runCa(tx, ca, { type: 'child.contact', child, peer, id: id.ski, ...untilToRecord(id) })
      return id
    },
    options,
  )
  const response = options.dryRun === true ? null : await responseXml(ca, child, done.result, serviceBase, tag)
  const outcome = outcomeOf(done, 'ca', ca, null, options.dryRun)
  return { ca, child, resources: toResourceText(resources), response, ...outcome }
}

/**
 * Returns the parent_response of a child again, with the newest ID key of the CA. Answers are signed with the key that the child knows until
 * `ca id use`, which a notice says where they differ. Throws `ca-unknown`, `child-unknown`, `child-local`.
 */
export async function childResponse(
  session: Session,
  ca: Handle,
  child: Handle,
  serviceBase: string,
): Promise<RepeatedResponse> {
  checkServiceBase(serviceBase)
  const state = await session.store.read(async (reader) => knownCa(new Work(reader), ca))
  const known = idOfChild(state, child)
  const id = newestId(state) ?? known
  const report = { response: await responseXml(ca, child, id, serviceBase), id: id.ski, usedId: known.ski }
  noticeOtherId(session, report, `child ${child}`, `brine ca id use ${ca} ${id.ski} --child ${child}`)
  return report
}

/**
 * Replaces the ID certificate of a child elsewhere by the one of another request of it. Answers stay signed with the key that it knows. Throws
 * `setup-invalid` (usage), `ca-unknown`, `child-unknown`, `child-local`.
 */
export async function updateChildId(
  session: Session,
  ca: Handle,
  child: Handle,
  request: Uint8Array,
  { dryRun = false }: { readonly dryRun?: boolean } = {},
): Promise<Omit<ChildContactReport, 'response'>> {
  const { id: peer } = await readSetupFile(request, 'child_request')
  const done = await transact(
    session,
    async (tx) => {
      const state = knownCa(tx.work, ca)
      const known = idOfChild(state, child)
      const { idUntil, resources } = entry(state.children, child) ?? {}
      const until = untilToRecord(known, heldUntil(known, idUntil))
      await runCa(tx, ca, { type: 'child.contact', child, peer, id: known.ski, ...until })
      return resources ?? toResourceText(NO_RESOURCES)
    },
    { dryRun },
  )
  return { ca, child, resources: done.result, ...outcomeOf(done, 'ca', ca, null, dryRun) }
}

function idOfChild(state: CaState, child: Handle): IdKey {
  const known = entry(state.children, child)
  if (known === undefined)
    throw new AppError('rejected', 'child-unknown', `${state.handle} has no child ${child}`, {
      hint: `brine child list ${state.handle} shows its children`,
    })
  const id = known.id === undefined ? undefined : idKey(state, known.id)
  if (id !== undefined) return id
  throw new AppError('rejected', 'child-local', `child ${child} is a CA of this data directory: it needs no response`)
}

async function responseXml(ca: Handle, child: Handle, id: IdKey, serviceBase: string, tag?: string): Promise<string> {
  const { encodeSetup } = await import('../../../protocols/setup/encode.js')
  return encodeSetup({
    kind: 'parent_response',
    serviceUri: `${serviceBase.replace(/\/$/, '')}${formatProtocolPath({ service: 'rfc6492', handle: ca })}`,
    childHandle: child,
    parentHandle: ca,
    ...(tag === undefined ? {} : { tag }),
    ...{ id: peerDer(id.certificate), offer: false, referrals: [] },
  })
}
