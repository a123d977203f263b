/** Steps that a list and a request share: reading the parent as committed, asking it, taking its certificates, keeping what was lost by them. */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { entry } from '../../../base/record.js'
import { classFor } from '../../../ca/classes.js'
import type { RemoteParent } from '../../../ca/state/contacts.js'
import type { OpenRequest } from '../../../ca/state/requests.js'
import type { CaState } from '../../../ca/state/state.js'
import { Work } from '../../../eventsourcing/work.js'
import type { ProvisioningBody, ProvisioningClass } from '../../../protocols/provisioning/types.js'
import { type Impact, impactName, impactsOf } from '../../authority/impact.js'
import { knownCa, runCa, type TransactionContext } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { transact } from '../../transaction/transact.js'
import type { Deliver } from '../client/deliver.js'
import { askParent } from '../client/parent-messages.js'
import { acceptCertificates } from './accept-certificate.js'
import { objectionTo, type ParentFinding } from './parent-findings.js'

export interface RefreshOptions {
  readonly deliver: Deliver
  /** True if the operator accepts that resources are lost. */
  readonly acceptLoss?: boolean
}

export interface Exchange extends RefreshOptions {
  readonly session: Session
  readonly ca: Handle
  readonly parent: Handle
  /** True after the first commit. */
  changed: boolean
  readonly findings: Map<string, ParentFinding>
  /** Keys whose listed certificate was not taken over: another one is requested, since the parent may have shrunk and grown meanwhile. */
  readonly refused: Map<string, OpenRequest>
  /** ROAs and ASPAs that lost their certificate; the key is the CA with the ROA or ASPA. */
  readonly lost: Map<string, Impact>
}

export interface Known {
  readonly state: CaState
  readonly contact: RemoteParent
  readonly work: Work
}

/** Runs `use` with the state as committed. Throws `ca-unknown`, `parent-unknown`, `parent-local` (rejected). */
export function withKnown<T>({ session, ca, parent }: Exchange, use: (known: Known) => T): Promise<T> {
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

export const read = (exchange: Exchange): Promise<Known> => withKnown(exchange, (known) => known)

export async function ask(
  exchange: Exchange,
  { state, contact }: Known,
  body: ProvisioningBody,
): Promise<ProvisioningBody> {
  return askParent(exchange.session, { state, parent: exchange.parent, contact }, body, exchange.deliver)
}

/** Runs a use case that receives certificates or a list, and keeps which ROAs and ASPAs were lost by it. */
export async function transactLosing(
  exchange: Exchange,
  run: (tx: TransactionContext) => Promise<void>,
): Promise<boolean> {
  const { session, lost } = exchange
  const { changed, result } = await transact(session, async (tx) => {
    await run(tx)
    return impactsOf(tx.work)
  })
  if (!changed) return false
  for (const one of result.lost) lost.set(impactKey(one), one)
  for (const one of result.regained) lost.delete(impactKey(one))
  return true
}

const impactKey = (one: Impact): string => `${one.ca} ${impactName(one)}`

/**
 * Takes the certificates of a class that are for keys of the CA, but for those that contradict the list. Returns true if one was new. `isAnswer`: the
 * class is the answer to a request.
 */
export async function receive(
  tx: TransactionContext,
  { ca, parent, findings, refused }: Exchange,
  offer: ProvisioningClass,
  isAnswer = false,
): Promise<boolean> {
  const state = knownCa(tx.work, ca)
  const own = classFor(state, parent, offer.className)
  if (own === undefined) return false
  let changed = false
  for (const accepted of acceptCertificates(offer, own.keys, tx.ports.clock.now())) {
    const { der, notBefore, ski, ...received } = accepted
    const objection = objectionTo(state, own, offer, accepted, isAnswer)
    if (objection !== undefined) {
      const { isRefused, ...finding } = objection
      // the same again if the transaction is
      findings.set(`${own.name} ${ski}`, finding)
      if (isRefused && !isAnswer) refused.set(ski, { kind: 'issue', class: own.name, ski })
      if (isRefused) continue
    } else if (isAnswer) findings.delete(`${own.name} ${ski}`)
    const certificate = { ...received, sha256: tx.ports.objects.put(der, notBefore) }
    const events = await runCa(tx, ca, { type: 'certificate.receive', className: own.name, ski, certificate })
    if (events.length > 0) changed = true
  }
  return changed
}
