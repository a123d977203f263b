/** Use cases of `brine router`: certify the keys of BGPsec routers, replace and remove them by one command, and list them with their state. */
import { AppError, faultsOf, rewrap } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import { quoted } from '../../base/text.js'
import { dueRemovals } from '../../ca/products/router-objects.js'
import { dueTimes } from '../../ca/publishing.js'
import {
  configuredRouters,
  nameOfAddition,
  type RouterAddition,
  type RouterChanges,
  routerOf,
} from '../../ca/routers.js'
import { isUnconfirmed, type Place, syncedAt } from '../../ca/state/places.js'
import type { CaState } from '../../ca/state/state.js'
import { Work } from '../../eventsourcing/work.js'
import { type ConfirmedObjects, readConfirmed } from '../../peers/confirmed-content.js'
import { parseRouterId, parseRouterName, routerName } from '../../resources/router-names.js'
import { LARGEST_ROUTER_REQUEST } from '../../rpki/router-request.js'
import type { ChangeRow } from '../changes/change-row.js'
import { changeRows } from '../changes/change-rows.js'
import { type Outcome, outcomeOf } from '../changes/outcome.js'
import { confirmedRouterRows, type RouterRow } from '../changes/router-rows.js'
import { caState, knownCa, runCa, type TransactionContext } from '../session/context.js'
import type { Session } from '../session/session.js'
import { hiddenClasses } from '../session/suspended-by.js'
import { transact } from '../transaction/transact.js'

export interface RouterUpdateReport extends Outcome {
  readonly ca: Handle
  /** Names `ROUTER-0000FBF0-<SKI>` of the keys that are new. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
  /** The keys of `added` as they are now, as `router list` describes them. */
  readonly addedRouters: readonly RouterRow[]
  /** True if a repository elsewhere has not confirmed everything that the CA wants published. */
  readonly unconfirmed: boolean
  readonly changes: readonly ChangeRow[]
}

export interface RouterListReport {
  readonly ca: Handle
  readonly routers: readonly RouterRow[]
}

export interface RouterOptions {
  readonly dryRun?: boolean
  /** True: what is in effect already is ignored, and is no violation. */
  readonly idempotent?: boolean
}

/** A request for an AS; `routerId` and `comment` as they were given. */
export interface RouterRequestArguments {
  readonly asn: number
  /** DER. */
  readonly csr: Uint8Array
  readonly routerId?: string | undefined
  readonly comment?: string | undefined
}

/** Changes to make; keys are named as the user names them: `ROUTER-0000FBF0-<SKI>`, or the key identifier alone. */
export interface RouterSet {
  readonly add?: readonly RouterRequestArguments[]
  readonly remove?: readonly string[]
  readonly sameKey?: boolean
}

/** A roll: the key that is replaced, the request of the new one, and the seconds until `tick` removes the old one. */
export interface RouterRoll extends Omit<RouterRequestArguments, 'asn'> {
  readonly router: string
  /** Null: the operator removes it. */
  readonly after: number | null
}

/** Parses a BGP Identifier. Throws `router-id-invalid` (usage). */
export function routerIdArgument(text: string): string {
  const id = parseRouterId(text)
  if (id !== undefined) return id
  throw new AppError('usage', 'router-id-invalid', `not a BGP Identifier: ${quoted(text)}`, {
    hint: 'it looks like an IPv4 address: 192.0.2.1',
  })
}

function additionOf({ asn, csr, routerId, comment }: RouterRequestArguments): RouterAddition {
  if (csr.length > LARGEST_ROUTER_REQUEST) {
    const message = `the request has ${csr.length} octets, one of a router has a few hundred`
    throw new AppError('usage', 'csr-unreadable', message, { hint: REQUEST })
  }
  const id = routerId === undefined ? null : routerIdArgument(routerId)
  return { asn, request: Buffer.from(csr).toString('base64'), routerId: id, comment: comment ?? null }
}

/** Adds and removes router keys of one CA by one set, atomically. Throws every violation of the set at once (rejected). */
export function updateRouters(
  session: Session,
  handle: Handle,
  { add = [], remove = [], sameKey = false }: RouterSet,
  options: RouterOptions = {},
): Promise<RouterUpdateReport> {
  const additions = add.map(additionOf)
  return changeRouters(session, handle, options, (state) => {
    const names = [...new Set(remove.flatMap((text) => namedRouters(state, text, options.idempotent === true)))]
    const isPresent = (one: RouterAddition): boolean => routerOf(state, nameOfAddition(one) ?? '') !== undefined
    const wanted = options.idempotent === true ? additions.filter((one) => !isPresent(one)) : additions
    return { add: wanted, edit: [], remove: names, sameKey }
  })
}

/** Certifies a new key for the AS of an old one, which is removed later. Throws every violation at once (rejected). */
export function rollRouter(
  session: Session,
  handle: Handle,
  { router, after, csr, routerId, comment }: RouterRoll,
  options: RouterOptions = {},
): Promise<RouterUpdateReport> {
  const given = additionOf({ asn: 0, csr, routerId, comment })
  return changeRouters(session, handle, options, (state) => {
    const [name = ''] = namedRouters(state, router, false)
    const old = routerOf(state, name)
    if (old === undefined) throw new AppError('rejected', 'router-unknown', `${name}: ${handle} has no such router key`)
    const addition: RouterAddition = {
      ...given,
      asn: old.asn,
      comment: given.comment ?? old.comment,
      replaces: { router: name, after },
    }
    return { add: [addition], edit: [], remove: [], sameKey: false }
  })
}

async function changeRouters(
  session: Session,
  handle: Handle,
  options: RouterOptions,
  changesIn: (state: CaState) => RouterChanges,
): Promise<RouterUpdateReport> {
  const useCase = async (tx: TransactionContext) => {
    const set = changesIn(knownCa(tx.work, handle))
    await runCa(tx, handle, { type: 'routers.update', ...set })
    const changes = await changeRows(tx, session.timing, options)
    const state = caState(tx.work, handle)
    const added = set.add.flatMap((one) => nameOfAddition(one) ?? [])
    const rows = confirmedRouterRows(state, hiddenClasses(tx), confirmedAt(session, state))
    return {
      state,
      added,
      removed: set.remove,
      addedRouters: rows.filter(({ router }) => added.includes(router)),
      unconfirmed: isUnconfirmed(state),
      changes,
    }
  }
  const done = await transact(session, useCase, options).catch((error) => {
    throw withHint(error, handle)
  })
  const { state, ...shown } = done.result
  const nextDue = dueTimes(state, session.timing)?.due ?? null
  return { ca: handle, ...shown, ...outcomeOf(done, 'ca', handle, nextDue, options.dryRun) }
}

/** Returns the names of the keys that a name or key identifier refers to. Throws `router-ambiguous` (usage) for a key of several AS numbers. */
function namedRouters(state: CaState, text: string, idempotent: boolean): readonly string[] {
  const full = parseRouterName(text.replace(/\.cer$/, ''))
  const ski = text.toUpperCase()
  const found = configuredRouters(state).filter((own) =>
    full === undefined ? own.ski === ski : own.asn === full.asn && own.ski === full.ski,
  )
  const names = found.map((own) => routerName(own.asn, own.ski))
  if (names.length > 1) {
    const message = `${quoted(text)} is the key of several AS numbers: ${names.join(', ')}`
    throw new AppError('usage', 'router-ambiguous', message, { hint: 'name it in full' })
  }
  // an unknown one is a violation of the rules, which history records
  return names.length === 1 || idempotent ? names : [full === undefined ? text : routerName(full.asn, full.ski)]
}

const REQUEST =
  'create one on the router, or: openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout router.key -subj /CN=ROUTER-0000FBF0 -config /dev/null -out router.csr'

/** Adds a hint to the error of a refused change, by the codes of its violations. */
function withHint(error: unknown, handle: Handle): unknown {
  if (!(error instanceof AppError) || error.hint !== undefined) return error
  const faults = faultsOf(error)
  const codes = new Set([error.code, ...faults.map(({ code }) => code)])
  const has = (...names: readonly string[]): boolean => names.some((code) => codes.has(code))
  const hints = [
    ...(has('router-not-held') ? [`brine ca show ${handle} shows what it holds`] : []),
    ...(has('router-duplicate', 'router-unknown', 'router-replaced')
      ? [`brine router list ${handle} shows its router keys`]
      : []),
    ...(has('router-key-in-use') ? ['a router that speaks for several AS numbers: --same-key'] : []),
    ...(has('router-request-invalid') ? [REQUEST] : []),
  ]
  return hints.length === 0 ? error : rewrap(error, { hint: hints.join('; ') })
}

/** Removes the replaced router keys of a CA whose overlap is over. Returns their names. */
export async function removeReplacedRouters(tx: TransactionContext, handle: Handle): Promise<readonly string[]> {
  const now = tx.ports.clock.now()
  const remove = dueRemovals(caState(tx.work, handle)).flatMap(({ router, at }) => (at <= now ? [router] : []))
  if (remove.length > 0) await runCa(tx, handle, { type: 'routers.update', add: [], edit: [], remove, sameKey: false })
  return remove
}

function confirmedAt(session: Session, state: CaState): (place: Place) => ConfirmedObjects | undefined {
  return (place) => readConfirmed(session.options.dataDir, state.handle, syncedAt(state, place)?.content)?.objects
}

/** Returns the router keys of a CA with their state, by AS; with `asn` those of this AS. */
export async function listRouters(session: Session, handle: Handle, asn?: number): Promise<RouterListReport> {
  return session.store.read(async (reader) => {
    const work = new Work(reader)
    const state = knownCa(work, handle)
    const rows = confirmedRouterRows(state, hiddenClasses({ work }), confirmedAt(session, state))
    return { ca: handle, routers: rows.filter((row) => asn === undefined || row.asn === asn) }
  })
}
