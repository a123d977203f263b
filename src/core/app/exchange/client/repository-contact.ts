/** Use cases of `brine repo request` and `brine repo configure --response`: a repository elsewhere, by the files of RFC 8183. */
import { toBase64 } from '../../../base/bytes.js'
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { dueTimes } from '../../../ca/publishing.js'
import type { RemoteRepository } from '../../../ca/state/contacts.js'
import { remoteAt } from '../../../ca/state/places.js'
import type { PeerContact } from '../../../identity/contact.js'
import { hostKeyOf } from '../../../peers/host.js'
import { repositoryRow } from '../../authority/ca-reports.js'
import { type RepositoryReport, withMigrationHint } from '../../authority/parents.js'
import { syncResources } from '../../authority/resource-sync.js'
import { outcomeOf } from '../../changes/outcome.js'
import { caState, knownCa, runCa } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { transact } from '../../transaction/transact.js'
import { checkHosts, readSetupFile } from '../setup-files.js'
import { chooseId, contactIdOf, type IdChoice, idForRequest, type PeerPermissions } from './parent-contact.js'

export interface RepositoryRequest {
  readonly ca: Handle
  /** XML of the publisher_request for the repository. */
  readonly request: string
}

/** Returns the publisher_request of a CA, which gets its first ID key with it. Throws `ca-unknown` (rejected). */
export async function repositoryRequest(session: Session, ca: Handle): Promise<RepositoryRequest> {
  const { encodeSetup } = await import('../../../protocols/setup/encode.js')
  const id = await idForRequest(session, ca, 'repositories')
  return { ca, request: encodeSetup({ kind: 'publisher_request', publisherHandle: ca, id, referrals: [] }) }
}

/**
 * Makes a server that takes RFC 8181 messages the repository of a CA, or changes the contact of it, and requests the certificates that waited
 * for a repository. Throws `setup-invalid`, `setup-kind`, `peer-uri-invalid`, `repository-uri` (usage),
 * `peer-private-address` (remote), `ca-unknown`, `id-none`, `repository-differs` (rejected).
 */
export async function configureRemoteRepository(
  session: Session,
  ca: Handle,
  { response, permissions }: { readonly response: Uint8Array; readonly permissions: PeerPermissions },
  options: { readonly dryRun?: boolean } = {},
): Promise<RepositoryReport & IdChoice> {
  const answered = await readRepositoryResponse(response, permissions)
  const done = await transact(
    session,
    async (tx) => {
      const before = knownCa(tx.work, ca)
      const place = before.leaving?.repository.base === answered.base ? 'leaving' : 'current'
      const choice = chooseId(before, 'repositories', remoteAt(before, place)?.contact)
      const repository = answered.with(contactIdOf(before, choice))
      await runCa(tx, ca, { type: 'repository.contact', repository })
      await syncResources(tx, ca)
      return { state: caState(tx.work, ca), choice }
    },
    options,
  ).catch((error: unknown) => {
    throw withMigrationHint(error, `brine repo migrate ${ca} --response FILE`)
  })
  const { state, choice } = done.result
  const due = dueTimes(state, session.timing)?.due ?? null
  return {
    ca,
    repository: repositoryRow(state.repository),
    ...choice,
    ...outcomeOf(done, 'ca', ca, due, options.dryRun),
  }
}

/** A repository as its repository_response names it, without our ID key toward it. */
export interface AnsweredRepository {
  readonly base: string
  readonly with: (id: Pick<PeerContact, 'id' | 'idUntil'>) => RemoteRepository
}

/**
 * Reads a repository_response. Throws `setup-invalid`, `setup-kind`, `peer-uri-invalid`, `repository-uri` (usage), `peer-private-address`
 * (remote).
 */
export async function readRepositoryResponse(
  response: Uint8Array,
  permissions: PeerPermissions,
): Promise<AnsweredRepository> {
  const message = await readSetupFile(response, 'repository_response')
  const { serviceUri, publisherHandle: publisher, siaBase: base, rrdpNotificationUri: notify } = message
  // throws where no message could be sent to it
  hostKeyOf(serviceUri)
  checkUris(base, notify)
  checkHosts({ service_uri: serviceUri, sia_base: base, rrdp_notification_uri: notify }, permissions)
  return {
    base,
    with: (id) => ({
      transport: 'rfc8181',
      contact: { serviceUri, ...id, peer: toBase64(message.id), ...permissions },
      ...{ publisher, base },
      ...(notify === undefined ? {} : { notify }),
    }),
  }
}

/** Refuses URIs that cannot be in a certificate (RFC 6487 section 4.8.8, RFC 8182 section 3.2). */
function checkUris(base: string, notify: string | undefined): void {
  const wrong = !/^rsync:\/\/[^/\s]+\/[^/\s]+\/(?:[^/\s]+\/)*$/.test(base)
    ? `the base of its objects ${base} is no rsync URI with a module`
    : notify !== undefined && !notify.startsWith('https://')
      ? `its RRDP notification ${notify} is no https URI`
      : undefined
  if (wrong !== undefined) throw new AppError('usage', 'repository-uri', `the response cannot be used: ${wrong}`)
}
