/** Takes over what a parent lists (RFC 6492 section 3.3). Invariant: a list is one commit, and a refused one changes nothing. */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import type { KeyId } from '../../../crypto/ports.js'
import { localChildren, syncResources } from '../../authority/resource-sync.js'
import { runCa } from '../../session/context.js'
import { type Failure, failureText, invalidAnswer } from '../client/parent-messages.js'
import { listedKeys } from './accept-certificate.js'
import { ask, type Exchange, read, receive, transactLosing } from './parent-exchange.js'
import { leftClasses } from './parent-findings.js'

/**
 * Asks for the list and takes it over in one commit. `revoked`: keys whose revocation the parent just confirmed. Returns true if it names keys that the
 * CA does not have.
 */
export async function takeList(exchange: Exchange, revoked: readonly KeyId[] = []): Promise<boolean> {
  const { ca, parent, acceptLoss } = exchange
  const answer = await ask(exchange, await read(exchange), { type: 'list' })
  if (answer.type === 'error_response') throw refusedList(parent, answer)
  if (answer.type !== 'list_response') throw invalidAnswer(`${answer.type} to a list (RFC 6492 section 3.3)`)
  const classes = answer.classes.map((offer) => {
    const { className, resources, notAfter } = offer
    return { className, resources, notAfter, skis: listedKeys(offer) }
  })
  const changed = await transactLosing(exchange, async (tx) => {
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
  const left = leftClasses(state, parent, answer.classes)
  if (left !== undefined) exchange.findings.set(left.code, left)
  const own = new Set(Object.values(state.classes).flatMap(({ keys }) => keys.map(({ ski }) => ski)))
  return classes.some(({ skis }) => skis.some((ski) => !own.has(ski)))
}

function refusedList(parent: Handle, failure: Failure): AppError {
  return new AppError('remote', 'parent-refused', `${parent} refused the list: ${failureText(failure)}`, {
    ...{ details: { status: failure.status }, retry: true, retryAfter: 300 },
  })
}
