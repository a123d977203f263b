/**
 * Keys of BGPsec routers that the operator configures (RFC 8209). The router or its operator holds the private key; the CA has its request.
 * Invariants: a key is added only with a proof of possession; configuration outlives resources, so a key whose AS is not held is kept, reported,
 * and certified again with the AS.
 */
import { fromBase64 } from '../base/bytes.js'
import type { Violation } from '../base/errors.js'
import { entry, mapEntries, withEntries } from '../base/record.js'
import { isText, listOf } from '../base/shape.js'
import { commandsOn, type EventOf, eventsOn } from '../eventsourcing/declare.js'
import type { IssuingPorts } from '../issuing/ports.js'
import { formatAsn } from '../resources/asn.js'
import { checkRouterAsn, routerName } from '../resources/router-names.js'
import { decodeRouterRequest, type RouterRequest } from '../rpki/router-request.js'
import { MAX_PRODUCTS } from './products/products.js'
import { isRouterHeld } from './products/router-objects.js'
import { type PublishingEvent, reconciled } from './publishing.js'
import { heldSets } from './roas.js'
import { isRouterConfig, type ReplacedRouter, type RouterConfig } from './state/configured.js'
import type { CaState } from './state/state.js'

const event = eventsOn<CaState>()

export const routerEvents = {
  'routers.updated': event(
    {
      /** Router keys that are new, and those that change, each as it is afterwards. */
      set: listOf(isRouterConfig),
      /** Names `ROUTER-0000FBF0-<SKI>`. */
      removed: listOf(isText),
    },
    (state, { set, removed }) => {
      const put = set.map((config) => [routerName(config.asn, config.ski), config] as const)
      const gone = new Set(removed)
      const routers = withEntries(state.routers ?? {}, put, removed)
      return {
        ...state,
        routers: mapEntries(routers, (config) =>
          gone.has(config.replaces?.router ?? '') ? unreplaced(config) : config,
        ),
      }
    },
  ),
}
type RouterEvent = EventOf<typeof routerEvents>

function unreplaced({ replaces: _, ...config }: RouterConfig): RouterConfig {
  return config
}

/** A key to certify for an AS. */
export interface RouterAddition {
  readonly asn: number
  /** Base64 of the DER of the request. */
  readonly request: string
  /** BGP Identifier; null: the one that the subject of the request names, else that of the key which it replaces. */
  readonly routerId: string | null
  readonly comment: string | null
  readonly replaces?: ReplacedRouter
}

/** Members of a configured router key that change; what is left out stays. */
export interface RouterEdit {
  readonly router: string
  /** Base64 of another request for the same key. */
  readonly request?: string
  readonly routerId?: string | null
  readonly comment?: string | null
}

export interface RouterChanges {
  readonly add: readonly RouterAddition[]
  readonly edit: readonly RouterEdit[]
  /** Names. */
  readonly remove: readonly string[]
  /** True if a key may be one that another AS has too. */
  readonly sameKey: boolean
}

const command = commandsOn<CaState, RouterEvent | PublishingEvent, IssuingPorts>()

export const routerCommands = {
  'routers.update': command<RouterChanges>({
    check: checkChanges,
    decide: (state, changes, ports) => {
      const { add, edit, remove } = changes
      return add.length + edit.length + remove.length === 0
        ? []
        : reconciled([routersUpdated(state, changes, ports)], ports)
    },
    publishesOnly: false,
    summarize: ({ add, edit, remove }) => ({
      added: add.map(additionText),
      changed: edit.map(({ router }) => router),
      removed: [...remove],
      ...(add.some(({ replaces }) => replaces !== undefined)
        ? { replaced: add.flatMap(({ replaces }) => (replaces === undefined ? [] : [replaces.router])) }
        : {}),
    }),
  }),
}

/** Returns the event by which the configuration changes. */
export function routersUpdated(
  state: CaState,
  { add, edit, remove }: Omit<RouterChanges, 'sameKey'>,
  { clock }: Pick<IssuingPorts, 'clock'>,
): RouterEvent {
  const since = clock.now()
  const added = add.flatMap((one): readonly RouterConfig[] => {
    const { content } = requestOf(one)
    if (content === undefined) return []
    const { asn, request, comment, replaces } = one
    const old = replaces === undefined ? undefined : routerOf(state, replaces.router)
    const routerId = one.routerId ?? content.subject?.routerId ?? old?.routerId ?? null
    const spki = Buffer.from(content.spki).toString('base64')
    const config = { asn, ski: content.ski, spki, request, routerId, comment, since }
    return [replaces === undefined ? config : { ...config, replaces }]
  })
  const changed = edit.flatMap(({ router, ...members }): readonly RouterConfig[] => {
    const config = routerOf(state, router)
    return config === undefined ? [] : [{ ...config, ...members }]
  })
  return { type: 'routers.updated', set: [...added, ...changed], removed: [...remove] }
}

function requestOf({ request }: Pick<RouterAddition, 'request'>): ReturnType<typeof decodeRouterRequest> {
  return decodeRouterRequest(fromBase64(request) ?? new Uint8Array())
}

/** Returns the name of the key in an addition; undefined for a request that is refused. */
export function nameOfAddition(addition: Pick<RouterAddition, 'asn' | 'request'>): string | undefined {
  const { content } = requestOf(addition)
  return content === undefined ? undefined : routerName(addition.asn, content.ski)
}

function additionText(addition: RouterAddition): string {
  const name = nameOfAddition(addition) ?? `${formatAsn(addition.asn)}: a request that is refused`
  return addition.comment === null ? name : `${name} # ${addition.comment}`
}

/** Returns the configured router key of a name. */
export function routerOf({ routers = {} }: Pick<CaState, 'routers'>, name: string): RouterConfig | undefined {
  return entry(routers, name)
}

/** Returns the configured router keys by AS, then by key. */
export function configuredRouters({ routers = {} }: Pick<CaState, 'routers'>): readonly RouterConfig[] {
  return Object.values(routers).sort((a, b) => a.asn - b.asn || (a.ski < b.ski ? -1 : 1))
}

/** Returns every violation of a set of changes: of the requests, duplicates, unknown keys, AS numbers that are not held. */
function checkChanges(state: CaState, changes: RouterChanges): readonly Violation[] {
  const named = new Set<string>()
  const once = (router: string): readonly Violation[] => {
    if (named.has(router)) return [violation('router-duplicate', router, 'named twice in this set')]
    named.add(router)
    return []
  }
  const known = (router: string): readonly Violation[] => [...once(router), ...checkKnown(state, router)]
  return [
    ...changes.remove.flatMap(known),
    ...changes.edit.flatMap((one) => [...known(one.router), ...checkEdit(one)]),
    ...changes.add.flatMap((one) => {
      const name = nameOfAddition(one)
      return [...(name === undefined ? [] : once(name)), ...checkAddition(state, one, changes)]
    }),
    ...checkCount(state, changes),
  ]
}

function violation(code: string, router: string, reason: string): Violation {
  return { code, message: `${router}: ${reason}`, details: { router } }
}

function checkKnown(state: CaState, router: string): readonly Violation[] {
  return routerOf(state, router) === undefined
    ? [violation('router-unknown', router, `${state.handle} has no such router key`)]
    : []
}

/** Returns the violations of an edit whose request is refused, or of another key. */
function checkEdit({ router, request }: RouterEdit): readonly Violation[] {
  if (request === undefined) return []
  const { content, findings } = requestOf({ request })
  if (content === undefined)
    return findings.map(({ rule, message }) => violation('router-request-invalid', router, `${rule}: ${message}`))
  return router.endsWith(content.ski)
    ? []
    : [violation('router-request-invalid', router, 'the request is of another key')]
}

function checkAddition(state: CaState, addition: RouterAddition, { sameKey }: RouterChanges): readonly Violation[] {
  const { asn, replaces } = addition
  const { content, findings } = requestOf(addition)
  const text = formatAsn(asn)
  const isHeld = heldSets(state).some((held) => isRouterHeld({ asn }, held))
  return [
    ...checkRouterAsn(asn),
    ...(isHeld ? [] : [violation('router-not-held', text, `${state.handle} does not hold it`)]),
    ...(replaces === undefined ? [] : checkReplaced(state, asn, replaces)),
    ...(content === undefined
      ? findings.map(({ rule, message }) => violation('router-request-invalid', text, `${rule}: ${message}`))
      : checkKey(state, asn, content, sameKey)),
  ]
}

function checkReplaced(state: CaState, asn: number, { router }: ReplacedRouter): readonly Violation[] {
  const old = routerOf(state, router)
  if (old === undefined) return checkKnown(state, router)
  return [
    ...(old.asn === asn ? [] : [violation('router-other-as', router, `it is a key of ${formatAsn(old.asn)}`)]),
    ...configuredRouters(state)
      .filter(({ replaces }) => replaces?.router === router)
      .map((by) => violation('router-replaced', router, `${routerName(by.asn, by.ski)} replaces it already`)),
  ]
}

function checkKey(
  state: CaState,
  asn: number,
  { ski, subject }: RouterRequest,
  sameKey: boolean,
): readonly Violation[] {
  const name = routerName(asn, ski)
  const others = configuredRouters(state).filter((config) => config.ski === ski && config.asn !== asn)
  return [
    ...(subject === undefined || subject.asn === asn
      ? []
      : [violation('router-other-as', name, `its request names ${formatAsn(subject.asn)}`)]),
    ...(routerOf(state, name) === undefined
      ? []
      : [violation('router-duplicate', name, `${state.handle} has this router key already`)]),
    ...(sameKey
      ? []
      : others.map((other) => violation('router-key-in-use', name, `${formatAsn(other.asn)} has the same key`))),
  ]
}

/** Returns the violation of a configuration with more router keys than a manifest can list beside ROAs and ASPAs. */
function checkCount({ roas, aspas = {}, routers = {} }: CaState, { add, remove }: RouterChanges): readonly Violation[] {
  const count = Object.keys(routers).length + add.length - remove.length
  const most = MAX_PRODUCTS - new Set(Object.values(roas).map(({ asn }) => asn)).size - Object.keys(aspas).length
  if (add.length === 0 || count <= most) return []
  return [{ code: 'router-too-many', message: `too many router keys: ${count}, a manifest lists those of ${most}` }]
}
