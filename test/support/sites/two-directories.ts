/**
 * Two data directories, as two organisations have them: `server` has the CA `testbed` and a publication server, `client` the CA `kid`. They
 * meet by the files of RFC 8183, and send messages to each other within this process.
 */
import { mkdirSync } from 'node:fs'
import { addCa } from '../../../src/core/app/authority/cas.js'
import { addChild } from '../../../src/core/app/authority/children.js'
import { addLocalParent, configureLocalRepository } from '../../../src/core/app/authority/parents.js'
import {
  addRemoteParent,
  type ParentContactReport,
  parentRequest,
} from '../../../src/core/app/exchange/client/parent-contact.js'
import {
  configureRemoteRepository,
  repositoryRequest,
} from '../../../src/core/app/exchange/client/repository-contact.js'
import { answerProvisioning } from '../../../src/core/app/exchange/server/answer-provisioning.js'
import { answerPublication } from '../../../src/core/app/exchange/server/answer-publication.js'
import { addRemoteChild } from '../../../src/core/app/exchange/server/child-contact.js'
import { addPublisher } from '../../../src/core/app/exchange/server/publisher-contact.js'
import { caState, TA_HANDLE } from '../../../src/core/app/session/context.js'
import type { Session } from '../../../src/core/app/session/session.js'
import { type Handle, parseHandle } from '../../../src/core/base/handle.js'
import type { Instant } from '../../../src/core/base/time.js'
import type { CaState } from '../../../src/core/ca/state/state.js'
import { Work } from '../../../src/core/eventsourcing/work.js'
import { parseResources } from '../../../src/core/resources/resource-set.js'
import { makeFixedKeys } from '../rpki/fixed-keys.js'
import { newTestbed, quickSession } from './testbed.js'

/** The CA of the server; the CA of the client, its name for its parent, and its name as a publisher. */
export const [TESTBED, KID, UP, PUB] = ['testbed', 'kid', 'up', 'pub'].map((name) => parseHandle(name)) as [
  ...[Handle, Handle, Handle, Handle],
]
export const SERVICE = 'https://rpki.example.net/'
/** What `kid` is entitled to. */
export const RESOURCES = parseResources('10.0.0.0/8, AS64496')

export interface TwoDirectories {
  readonly server: string
  readonly client: string
  /** Opens a session in the client's directory. Neither directory gets a key of the other. */
  here(): Promise<Session>
  there(): Promise<Session>
  stateHere(ca: Handle): Promise<CaState>
  stateThere(ca: Handle): Promise<CaState>
  /** Returns the answer of the server to a message that is sent to a URI. Throws the fault of a server that fails. */
  answer(uri: string, cms: Uint8Array): Promise<Uint8Array>
}

/** Returns two directories that exist; `now` is the clock of both. */
export function atDirectories(
  { server, client }: Pick<TwoDirectories, 'server' | 'client'>,
  now: () => string | undefined,
): TwoDirectories {
  const open = async (index: 0 | 1): Promise<Session> => {
    const both = [await quickSession(server, now()), await quickSession(client, now())] as const
    makeFixedKeys(both.flatMap(({ store }) => store.keys.list()))
    return both[index]
  }
  const there = () => open(0)
  const here = () => open(1)
  const stateOf = (session: Session, ca: Handle) => session.store.read(async (reader) => caState(new Work(reader), ca))
  return {
    ...{ server, client, here, there },
    stateHere: async (ca) => stateOf(await here(), ca),
    stateThere: async (ca) => stateOf(await there(), ca),
    async answer(uri, cms) {
      const [, service, name = ''] = /\/(rfc6492|rfc8181)\/([^/]+)$/.exec(uri) ?? []
      const answer = service === 'rfc6492' ? answerProvisioning : answerPublication
      const { cms: answered, fault } = await answer(await there(), parseHandle(name), cms)
      // the server tells the peer that it failed, and the operator why
      if (fault !== undefined) throw fault
      return answered
    },
  }
}

/** Makes two directories below a folder, with the CA `kid` in that of the client, which has neither a parent nor a repository. */
export async function newDirectories(folder: string, now: () => Instant): Promise<TwoDirectories> {
  mkdirSync(folder, { recursive: true, mode: 0o755 })
  const two = atDirectories({ server: `${folder}/server`, client: `${folder}/client` }, now)
  await newTestbed(two.server, now())
  await newTestbed(two.client, now())
  await addCa(await two.here(), KID, undefined)
  return two
}

export const childRequest = async (two: TwoDirectories): Promise<Buffer> =>
  Buffer.from((await parentRequest(await two.here(), KID)).request)

/** Makes `kid` a child of `testbed` and returns the parent_response. */
export async function childElsewhere(two: TwoDirectories, request: Uint8Array): Promise<Buffer> {
  const child = { child: KID, resources: RESOURCES, request, serviceBase: SERVICE }
  return Buffer.from((await addRemoteChild(await two.there(), TESTBED, child)).response ?? '')
}

/** Makes `testbed` the parent `up` of `kid`, which publishes in its own directory. */
export async function parentElsewhere(two: TwoDirectories): Promise<{ response: Buffer; report: ParentContactReport }> {
  await configureLocalRepository(await two.here(), KID)
  const response = await childElsewhere(two, await childRequest(two))
  const report = await addRemoteParent(await two.here(), KID, UP, { response, permissions: { allowPrivate: true } })
  return { response, report }
}

/** Makes the server the repository of `kid`, whose parent is the trust anchor of its own directory. Returns the repository_response. */
export async function repositoryElsewhere(two: TwoDirectories) {
  await addChild(await two.here(), TA_HANDLE, KID, RESOURCES)
  await addLocalParent(await two.here(), KID, TA_HANDLE)
  const request = Buffer.from((await repositoryRequest(await two.here(), KID)).request)
  const added = await addPublisher(await two.there(), { publisher: PUB, request, serviceBase: SERVICE })
  const response = Buffer.from(added.response ?? '')
  const report = await configureRemoteRepository(await two.here(), KID, { response, permissions: {} })
  return { base: added.base, response, report }
}
