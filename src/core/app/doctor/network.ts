/** Checks of `doctor --network`: whether the servers that the state and the configuration name can be reached. Nothing is asked of them. */
import { AppError } from '../../base/errors.js'
import { Work } from '../../eventsourcing/work.js'
import { placeOf } from '../../peers/exchange.js'
import { type ReachOptions, unreachable } from '../../peers/reach.js'
import { parentRowsOf } from '../exchange/client/due-parents.js'
import { repositoryRowsOf } from '../exchange/client/due-repositories.js'
import { pubdState, taState } from '../session/context.js'
import type { Session } from '../session/session.js'
import { type DoctorCheck, ok, warning } from './check.js'

/** A server, and its role, such as `parent ripe of acme`. */
export interface NamedServer {
  readonly what: string
  readonly uri: string
  readonly options: ReachOptions
}

/** Connections at a time: a registry has hundreds of peers. */
const AT_ONCE = 20

/** Checks every server once: all in parallel, each limited to a few seconds. */
export async function networkChecks(session: Session): Promise<readonly DoctorCheck[]> {
  const servers = await session.store.read(async (reader) => serversOf(session, new Work(reader)))
  return reachChecks(servers)
}

/** Returns a check for each server that cannot be reached, and one for the others together. */
export async function reachChecks(servers: readonly NamedServer[]): Promise<readonly DoctorCheck[]> {
  if (servers.length === 0) return [ok('network', 'no servers to reach')]
  const problems = new Map<string, string | undefined>()
  const waiting = servers.filter(({ uri }, n) => servers.findIndex((one) => one.uri === uri) === n)
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      problems.set(next.uri, await unreachable(next.uri, next.options))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const found = servers.flatMap(({ what, uri }) => {
    const problem = problems.get(uri)
    const message = `${what}: ${shown(uri)} ${problem}`
    return problem === undefined
      ? []
      : [warning('network', 'server-unreachable', message, 'check its name, the route and the firewall')]
  })
  const reached = [...problems.values()].filter((problem) => problem === undefined).length
  return found.length > 0 ? found : [ok('network', `${reached} of ${problems.size} servers accept connections`)]
}

/** Returns a URI without user and query. */
function shown(uri: string): string {
  const url = URL.canParse(uri) ? new URL(uri) : undefined
  return url === undefined ? 'its URI' : url.protocol === 'rsync:' ? `rsync://${url.host}${url.pathname}` : placeOf(url)
}

/** Returns the servers of everything that can be read. */
function serversOf(session: Session, work: Work): readonly NamedServer[] {
  const elsewhere = ({ tlsCa, tlsInsecure, allowPrivate = false }: Contact): ReachOptions => {
    return { tlsCa, tlsInsecure, allowPrivate }
  }
  const parents = parentRowsOf(session, work).map(({ ca, parent, contact: { contact } }) => {
    return { what: `parent ${parent} of ${ca}`, uri: contact.serviceUri, options: elsewhere(contact) }
  })
  const repositories = repositoryRowsOf(session, work).map(({ ca, contact: { contact } }) => {
    return { what: `repository of ${ca}`, uri: contact.serviceUri, options: elsewhere(contact) }
  })
  // what the operator names may be in a network of one's own
  const own = [...ownUris(work), ...configuredUris(session)].map(([what, uri, connectOnly]) => {
    return { what, uri, options: { allowPrivate: true, connectOnly } }
  })
  return [...parents, ...repositories, ...own]
}

interface Contact {
  readonly tlsCa?: string
  readonly tlsInsecure?: boolean
  readonly allowPrivate?: boolean
}

type Uri = readonly [what: string, uri: string, connectOnly: boolean]

/** Returns the URIs at which relying parties fetch what we publish. */
function ownUris(work: Work): readonly Uri[] {
  const bases = work.handles('pubd').flatMap(() =>
    ifReadable(() => {
      const { rsyncBase, rrdpBase } = pubdState(work)
      return [rsyncBase, rrdpBase].filter((uri) => uri !== '').map((uri): Uri => ['our repository', uri, false])
    }),
  )
  const anchors = work
    .handles('ta')
    .flatMap((handle) =>
      ifReadable(() =>
        (taState(work, handle).place?.uris ?? []).map((uri): Uri => [`trust anchor ${handle}`, uri, false]),
      ),
    )
  return [...bases, ...anchors]
}

/** An aggregate that cannot be read has no servers; another check reports it. */
function ifReadable(read: () => readonly Uri[]): readonly Uri[] {
  try {
    return read()
  } catch (error) {
    if (error instanceof AppError) return []
    throw error
  }
}

/** Returns the servers of the configuration, whose TLS `pubserver probe` and `ha probe` check. */
function configuredUris({ enrolment, loaded }: Session): readonly Uri[] {
  const servers = loaded.repository.servers.flatMap(({ name, notification, rsync }) =>
    [notification, rsync].flatMap((uri): readonly Uri[] =>
      uri === undefined ? [] : [[`repository server ${name}`, uri, true]],
    ),
  )
  const cas = enrolment.cas.flatMap((ca): readonly Uri[] =>
    'url' in ca ? [[`enrolment CA ${ca.id}`, ca.url, true]] : [],
  )
  return [...servers, ...cas]
}
