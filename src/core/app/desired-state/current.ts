/** The state of a data directory as desired state: what a file that changes nothing says. */
import type { Handle } from '../../base/handle.js'
import { entry } from '../../base/record.js'
import { configuredAspas } from '../../ca/aspas.js'
import { configuredRouters } from '../../ca/routers.js'
import type { CaState } from '../../ca/state/state.js'
import { aspaText } from '../../desired-state/aspas.js'
import { routerText } from '../../desired-state/routers.js'
import type { DesiredCa, DesiredState } from '../../desired-state/state.js'
import { formatAsn } from '../../resources/asn.js'
import { formatResources, fromResourceText } from '../../resources/resource-set.js'
import { routerName } from '../../resources/router-names.js'
import { childrenOf } from '../authority/children.js'
import { caState, isTa, type TransactionContext } from '../session/context.js'

type Reads = Pick<TransactionContext, 'work'>

/** Returns the state of those CAs of a file that exist. Throws the damage of one of them. */
export function currentState(tx: Reads, handles: Iterable<Handle>): DesiredState {
  const cas = new Map<Handle, DesiredCa>()
  for (const handle of handles) {
    const state = activeCa(tx, handle)
    if (state !== undefined) cas.set(handle, currentCa(tx, state))
  }
  return { cas }
}

/** Returns an active CA; undefined if there is none of this handle. */
export function activeCa({ work }: Reads, handle: Handle): CaState | undefined {
  const state = work.exists('ca', handle) ? caState(work, handle) : undefined
  return state?.status === 'active' ? state : undefined
}

/** Returns an active CA as a file describes it. */
export function currentCa(tx: Reads, state: CaState): DesiredCa {
  const { handle, parents, children, roas } = state
  const aspas = configuredAspas(state).map(
    (own) => [formatAsn(own.customer), aspaText(own.providers, own.comment)] as const,
  )
  const shares = Object.entries(parents).flatMap(([name, contact]) => {
    if (contact.transport !== 'local') return []
    const given = resourcesAt(tx, name as Handle, contact.childName)
    return given === undefined ? [] : [[name, given] as const]
  })
  const elsewhere = Object.entries(children).flatMap(([name, { resources }]) =>
    isChildHere(tx, handle, name as Handle) ? [] : [[name, formatResources(fromResourceText(resources))] as const],
  )
  return {
    handle,
    parents: new Map(shares),
    children: new Map(elsewhere),
    roas: new Map(Object.entries(roas).map(([text, { comment }]) => [text, comment])),
    aspas: new Map(aspas),
    routers: new Map(configuredRouters(state).map((own) => [routerName(own.asn, own.ski), routerText(own)])),
  }
}

/** Returns what a parent in this directory gives to a child; undefined if it has no such child. */
function resourcesAt(tx: Reads, parent: Handle, child: Handle): string | undefined {
  if (!isTa(tx.work, parent) && activeCa(tx, parent) === undefined) return undefined
  const found = entry(childrenOf(tx, parent), child)
  return found === undefined ? undefined : formatResources(fromResourceText(found.resources))
}

/** Returns true if a child is a CA of this directory that has this parent: then it is that CA's parent, and not listed as a child. */
export function isChildHere(tx: Reads, parent: Handle, child: Handle): boolean {
  const contact = entry(activeCa(tx, child)?.parents ?? {}, parent)
  return contact?.transport === 'local'
}
