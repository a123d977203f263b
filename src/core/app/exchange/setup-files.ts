/** Files of RFC 8183: requests and responses that a peer's operator sends, and the URI that a response of ours names. */
import { AppError } from '../../base/errors.js'
import type { KeyId } from '../../crypto/ports.js'
import type { PeerContact } from '../../identity/contact.js'
import { privateHostOf } from '../../peers/addresses.js'
import { privateAddress } from '../../peers/faults.js'
import { describeFault, ProtocolFault } from '../../protocols/fault.js'
import type {
  ChildRequest,
  ParentResponse,
  PublisherRequest,
  RepositoryResponse,
  SetupMessage,
} from '../../protocols/setup/types.js'
import type { Session } from '../session/session.js'

/** Kinds by the section of RFC 8183 that defines them. */
const SECTIONS: Readonly<Record<keyof SetupFiles, string>> = {
  child_request: '5.2.1',
  parent_response: '5.2.2',
  publisher_request: '5.2.3',
  repository_response: '5.2.4',
}

interface SetupFiles {
  readonly child_request: ChildRequest
  readonly parent_response: ParentResponse
  readonly publisher_request: PublisherRequest
  readonly repository_response: RepositoryResponse
}

/** Reads a file of one kind and the ID certificate in it. Throws `setup-invalid` and `setup-kind` (usage). */
export async function readSetupFile<K extends keyof SetupFiles>(bytes: Uint8Array, kind: K): Promise<SetupFiles[K]> {
  const [{ readSetup }, { readIdCertificate }] = await Promise.all([
    import('../../protocols/setup/decode.js'),
    import('../../protocols/cms/id-certificate.js'),
  ])
  const name = kind.endsWith('_request') ? 'the request' : 'the response'
  const message = readSetup(bytes, name)
  if (!isKind(message, kind))
    throw new AppError(
      'usage',
      'setup-kind',
      `the file is a ${message.kind}, not a ${kind} (RFC 8183 section ${SECTIONS[kind]})`,
    )
  try {
    readIdCertificate(message.id)
  } catch (error) {
    if (!(error instanceof ProtocolFault)) throw error
    throw new AppError('usage', 'setup-invalid', `the ID certificate of ${name}: ${describeFault(error)}`)
  }
  return message
}

function isKind<K extends keyof SetupFiles>(message: SetupMessage, kind: K): message is SetupFiles[K] {
  return message.kind === kind
}

/** URIs of a response file by their attributes; undefined: absent. */
export type AnsweredUris = Readonly<Record<string, string | undefined>>

/**
 * Refuses URIs of a response whose hosts are loopback, link-local or private, unless the operator allows them. Names are resolved by each
 * connection, and checked there. Throws `peer-private-address` (remote).
 */
export function checkHosts(uris: AnsweredUris, permissions: Pick<PeerContact, 'allowPrivate'>): void {
  if (permissions.allowPrivate === true) return
  for (const [attribute, uri] of Object.entries(uris)) {
    const host = uri === undefined ? undefined : privateHostOf(uri)
    if (uri !== undefined && host !== undefined) throw privateAddress(bare(uri), [host], attribute)
  }
}

/** Returns a URI without user and query, shortened. */
function bare(uri: string): string {
  return uri
    .replace(/[?#].*$/s, '')
    .replace(/^([a-z]+:\/\/)[^/]*@/i, '$1')
    .slice(0, 200)
}

/** Refuses what is not the URI of a web server. Throws `service-uri-invalid` (usage). */
export function checkServiceBase(uri: string): void {
  if (/^https?:\/\/[A-Za-z0-9.:[\]-]+(?:\/[\x21-\x7e]*)?$/.test(uri)) return
  throw new AppError('usage', 'service-uri-invalid', `not an http or https URI: ${uri}`, {
    hint: 'the URI under which the web server in front passes requests to brine cgi: https://rpki.example.net/',
  })
}

/** A response that is written again for a peer that exists. */
export interface RepeatedResponse {
  readonly response: string
  /** Our ID key in it. */
  readonly id: KeyId
  /** Our ID key that signs answers to the peer. */
  readonly usedId: KeyId
}

/** Says which command makes answers signed with the key of a response, if they are not. */
export function noticeOtherId(
  { options }: Pick<Session, 'options'>,
  { id, usedId }: RepeatedResponse,
  peer: string,
  command: string,
): void {
  if (id === usedId) return
  options.onNotice?.(
    `the response has the new ID key ${id}; answers to ${peer} are signed with ${usedId} until it has the response and you run: ${command}`,
  )
}
