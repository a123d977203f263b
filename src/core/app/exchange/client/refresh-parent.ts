/**
 * Use case of `brine parent refresh`: what a parent lists is taken over, and what the CA needs of it is requested (RFC 6492).
 * Invariants: no message is sent under the lock; each answer is a commit of its own, so that a lost one leaves its request open; an error of the
 * transport and a refusal withdraw nothing.
 */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { entry } from '../../../base/record.js'
import type { Instant } from '../../../base/time.js'
import { siaOf } from '../../../ca/classes.js'
import type { RemoteParent } from '../../../ca/state/contacts.js'
import type { OpenRequest } from '../../../ca/state/requests.js'
import { type CaState, type ClassKey, type Doubt, type ResourceClass, repositoryOf } from '../../../ca/state/state.js'
import type { KeyId } from '../../../crypto/ports.js'
import { Work } from '../../../eventsourcing/work.js'
import { spkiOf } from '../../../issuing/stored.js'
import {
  type ProvisioningBody,
  type ProvisioningClass,
  PROVISIONING_STATUS as STATUS,
} from '../../../protocols/provisioning/types.js'
import type { ResourceText } from '../../../resources/types.js'
import { signCertificationRequest } from '../../../rpki/certification-request.js'
import { localChildren, syncResources } from '../../authority/resource-sync.js'
import { knownCa, runCa, type TransactionContext } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { withMessageSigner } from '../../session/signing.js'
import { afterChange } from '../../transaction/errors.js'
import { transact } from '../../transaction/transact.js'
import { acceptCertificates, listedKeys } from './accept-certificate.js'
import type { Deliver } from './deliver.js'
import { HOST_DOWN } from './host-queues.js'
import { openAt } from './open-at-parent.js'
import { askParent, type Failure, failureText, invalidAnswer } from './parent-messages.js'

export interface AskedRequest {
  readonly kind: OpenRequest['kind']
  /** The CA's own name of the class. */
  readonly class: string
  readonly ski: KeyId
  /** `waiting`: the parent answers it later; `refused` and `failed`: it stays open. */
  readonly outcome: 'issued' | 'revoked' | 'waiting' | 'refused' | 'failed'
  /** Status of an `error_response`. */
  readonly status: number | null
  readonly message: string | null
}

export interface ListedRow {
  readonly class: string
  readonly parentClass: string
  /** Resources of the certificate of the current key; null before it has come. */
  readonly resources: ResourceText | null
  readonly notAfter: Instant | null
  readonly doubt: Doubt | null
  /** Keys that the parent lists and the CA does not know, with the time from which on they are revoked. */
  readonly unexpected: readonly { readonly ski: KeyId; readonly revokeAt: Instant }[]
}

export interface RefreshReport {
  readonly ca: Handle
  readonly parent: Handle
  readonly changed: boolean
  readonly requests: readonly AskedRequest[]
  readonly classes: readonly ListedRow[]
}

export interface RefreshOptions {
  readonly deliver: Deliver
  /** True if the operator accepts that resources are lost. */
  readonly acceptLoss?: boolean
}

interface Exchange extends RefreshOptions {
  readonly session: Session
  readonly ca: Handle
  readonly parent: Handle
  /** True after the first commit. */
  changed: boolean
}

/** Refreshes a CA from one parent. Throws `ca-unknown`, `parent-unknown`, `parent-local`, `repository-missing` (rejected), `parent-refused`, and `remote` errors of a list. */
export async function refreshParent(
  session: Session,
  ca: Handle,
  parent: Handle,
  options: RefreshOptions,
): Promise<RefreshReport> {
  const exchange: Exchange = { session, ca, parent, ...options, changed: false }
  if ((await read(exchange)).state.repository === null) throw repositoryMissing(ca)
  try {
    const requests = await exchangeAll(exchange)
    const { classes } = (await read(exchange)).state
    const rows = Object.values(classes).filter((own) => own.parent === parent)
    return { ca, parent, changed: exchange.changed, requests, classes: rows.map(listedRow) }
  } catch (error) {
    throw exchange.changed ? afterChange(error) : error
  }
}

/**
 * Takes the list and sends what is open. Takes the list again after a revocation, which the parent confirms by it, and after the first certificate
 * of a class that has keys of others: they count from then on. The answer to any other request says what the list would.
 */
async function exchangeAll(exchange: Exchange): Promise<readonly AskedRequest[]> {
  const hasForeignKeys = await takeList(exchange)
  const requests: AskedRequest[] = []
  for (const request of await openNow(exchange)) {
    const asked = await carryOut(exchange, request)
    requests.push(asked)
    if (isDone(asked)) exchange.changed = true
    // the next one would wait for the same time-out
    if (asked.outcome === 'failed') break
  }
  const revoked = requests.filter(({ outcome }) => outcome === 'revoked').map(({ ski }) => ski)
  if (revoked.length > 0 || (hasForeignKeys && requests.some(isDone))) await takeList(exchange, revoked)
  return requests
}

const isDone = ({ outcome }: AskedRequest): boolean => outcome === 'issued' || outcome === 'revoked'

/** Returns what a class holds and what is in doubt. */
export function listedRow({ name, parentClass, keys, doubt, listed }: ResourceClass): ListedRow {
  const certificate = keys.find((key) => key.state === 'current')?.certificate ?? null
  const { resources = null, notAfter = null } = certificate ?? {}
  const unexpected = Object.entries(listed?.unexpected ?? {}).map(([ski, revokeAt]) => ({
    ski: ski as KeyId,
    revokeAt,
  }))
  return { class: name, parentClass, resources, notAfter, doubt: doubt ?? null, unexpected }
}

interface Known {
  readonly state: CaState
  readonly contact: RemoteParent
  readonly work: Work
}

/** Runs `use` with the state as committed. Throws `ca-unknown`, `parent-unknown`, `parent-local` (rejected). */
function withKnown<T>({ session, ca, parent }: Exchange, use: (known: Known) => T): Promise<T> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = knownCa(work, ca)
    const contact = entry(state.parents, parent)
    if (contact === undefined)
      throw new AppError('rejected', 'parent-unknown', `${ca} has no parent ${parent}`, {
        hint: `brine ca show ${ca} shows its parents`,
      })
    if (contact.transport === 'local')
      throw new AppError('rejected', 'parent-local', `${parent} is in this data directory: no messages are sent to it`)
    return use({ state, contact, work })
  })
}

const read = (exchange: Exchange): Promise<Known> => withKnown(exchange, (known) => known)

async function ask(exchange: Exchange, { state, contact }: Known, body: ProvisioningBody): Promise<ProvisioningBody> {
  return askParent(exchange.session, { state, parent: exchange.parent, contact }, body, exchange.deliver)
}

/**
 * Asks for the list and takes it over in one commit. `revoked`: keys whose revocation the parent just confirmed. Returns true if it names keys that the
 * CA does not have.
 */
async function takeList(exchange: Exchange, revoked: readonly KeyId[] = []): Promise<boolean> {
  const { session, ca, parent, acceptLoss } = exchange
  const answer = await ask(exchange, await read(exchange), { type: 'list' })
  if (answer.type === 'error_response') throw refusedList(parent, answer)
  if (answer.type !== 'list_response') throw invalidAnswer(`${answer.type} to a list (RFC 6492 section 3.3)`)
  const classes = answer.classes.map((offer) => {
    const { className, resources, notAfter } = offer
    return { className, resources, notAfter, skis: listedKeys(offer) }
  })
  const { changed } = await transact(session, async (tx) => {
    let touched = false
    for (const offer of answer.classes) if (await receive(tx, exchange, offer)) touched = true
    const listing = {
      type: 'parent.list',
      parent,
      classes,
      revoked,
      ...(acceptLoss === true ? { acceptLoss } : {}),
    } as const
    if ((await runCa(tx, ca, listing)).length > 0) touched = true
    if (touched) await syncResources(tx, localChildren(tx, ca))
  })
  if (changed) exchange.changed = true
  const { state } = await read(exchange)
  const own = new Set(Object.values(state.classes).flatMap(({ keys }) => keys.map(({ ski }) => ski)))
  return classes.some(({ skis }) => skis.some((ski) => !own.has(ski)))
}

function repositoryMissing(ca: Handle): AppError {
  return new AppError('rejected', 'repository-missing', `${ca} has no repository, and a certificate must name one`, {
    hint: `brine repo request ${ca} --out publisher-request.xml, or brine repo configure ${ca} --local`,
  })
}

function refusedList(parent: Handle, failure: Failure): AppError {
  return new AppError('remote', 'parent-refused', `${parent} refused the list: ${failureText(failure)}`, {
    ...{ details: { status: failure.status }, retry: true, retryAfter: 300 },
  })
}

/** Takes the certificates of a class that are for keys of the CA. Returns true if one was new. */
async function receive(tx: TransactionContext, { ca, parent }: Exchange, offer: ProvisioningClass): Promise<boolean> {
  const own = Object.values(knownCa(tx.work, ca).classes).find(
    (c) => c.parent === parent && c.parentClass === offer.className,
  )
  if (own === undefined) return false
  let changed = false
  for (const { der, notBefore, ...facts } of acceptCertificates(offer, own.keys, tx.ports.clock.now())) {
    const { ski, ...received } = facts
    const certificate = { ...received, sha256: tx.ports.objects.put(der, notBefore) }
    const events = await runCa(tx, ca, { type: 'certificate.receive', className: own.name, ski, certificate })
    if (events.length > 0) changed = true
  }
  return changed
}

/** Returns the requests that are open now. */
function openNow(exchange: Exchange): Promise<readonly OpenRequest[]> {
  return withKnown(exchange, ({ state, work }) => openAt(state, exchange.parent, exchange.session.now(), work))
}

/** Sends one request and records its answer. */
async function carryOut(exchange: Exchange, request: OpenRequest): Promise<AskedRequest> {
  const asked = (outcome: AskedRequest['outcome'], status: number | null = null, message: string | null = null) => ({
    ...request,
    ...{ outcome, status, message },
  })
  const known = await read(exchange)
  const own = entry(known.state.classes, request.class)
  const key = own?.keys.find(({ ski }) => ski === request.ski)
  const isKnown = key !== undefined || (request.kind === 'revoke' && entry(own?.listed?.unexpected ?? {}, request.ski))
  if (own === undefined || !isKnown) return asked('failed', null, 'the key was removed meanwhile')
  try {
    const body: ProvisioningBody =
      request.kind === 'issue' && key !== undefined
        ? { type: 'issue', className: own.parentClass, limit: {}, csr: await csrOf(exchange, known.state, own, key) }
        : { type: 'revoke', className: own.parentClass, ski: request.ski }
    const answer = await ask(exchange, known, body)
    if (answer.type === 'error_response') {
      const { status } = answer
      if (request.kind === 'revoke' && GONE.has(status)) return asked(await finish(exchange, request), status)
      return asked(LATER.has(status) ? 'waiting' : 'refused', status, failureText(answer))
    }
    return asked(await takeAnswer(exchange, request, own, answer))
  } catch (error) {
    // a request that was not sent is no failed one
    if (!(error instanceof AppError) || error.kind !== 'remote' || error.code === HOST_DOWN) throw error
    return asked('failed', null, error.message)
  }
}

/** The key is not certified any more, which is what was asked for. */
export const GONE: ReadonlySet<number> = new Set([STATUS.revokeNoClass, STATUS.revokeNoKey])
const LATER: ReadonlySet<number> = new Set([STATUS.processing, STATUS.scheduled])

async function csrOf(
  { session }: Exchange,
  state: CaState,
  { name }: ResourceClass,
  key: ClassKey,
): Promise<Uint8Array> {
  const { ski, spki } = key
  const repository = repositoryOf(state, key)
  if (repository === null) throw new TypeError(`${state.handle} has no repository, so that nothing is open`)
  const request = { ski, spki: spkiOf(spki), sia: { kind: 'ca', ...siaOf(repository, name, ski) } } as const
  return withMessageSigner(session, (signer) => signCertificationRequest(request, (tbs) => signer.sign(ski, tbs)))
}

async function takeAnswer(
  exchange: Exchange,
  request: OpenRequest,
  own: ResourceClass,
  answer: ProvisioningBody,
): Promise<'issued' | 'revoked'> {
  const { session, ca } = exchange
  if (request.kind === 'revoke') {
    if (answer.type !== 'revoke_response' || answer.className !== own.parentClass || answer.ski !== request.ski)
      throw invalidAnswer('it does not confirm the revocation (RFC 6492 section 3.5.2)')
    return finish(exchange, request)
  }
  if (answer.type !== 'issue_response' || answer.class.className !== own.parentClass)
    throw invalidAnswer('it is not for the class that was asked for (RFC 6492 section 3.4.2)')
  const keys = own.keys.filter(({ ski }) => ski === request.ski)
  if (acceptCertificates(answer.class, keys, session.now()).length === 0)
    throw invalidAnswer('its certificate is not for the key that was asked for (RFC 6492 section 3.4.2)')
  await transact(session, async (tx) => {
    if (!(await receive(tx, exchange, answer.class))) return
    await syncResources(tx, localChildren(tx, ca))
  })
  return 'issued'
}

async function finish({ session, ca }: Exchange, { class: className, ski }: OpenRequest): Promise<'revoked'> {
  await transact(session, async (tx) => {
    const own = entry(knownCa(tx.work, ca).classes, className)
    // another refresh may have finished it
    if (own?.keys.some((key) => key.ski === ski && key.state === 'old') !== true) return
    await runCa(tx, ca, { type: 'keyroll.finish', className, ski })
  })
  return 'revoked'
}
