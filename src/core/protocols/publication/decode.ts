/**
 * Decoder of RFC 8181 messages, and of version 3 of its drafts, which rpkid speaks. It reads error reports with an empty tag or none, codes
 * that the RFC does not have, and hashes of either case. Whether a URI is allowed is decided by the server, which answers with an error of
 * its own.
 */
import { quoted } from '../../base/text.js'
import type { XmlElement } from '../../xml/read.js'
import {
  emptyElement,
  type FaultList,
  faultAt,
  maybe,
  optional,
  type Protocol,
  readAttributes,
  readDocument,
  readSequence,
  readShape,
  required,
  shape,
  textElement,
} from '../elements/shape.js'
import { base64, base64OrEmpty, choice, given, hexHash, token } from '../elements/values.js'
import { PUBLICATION_NAMESPACE } from './encode.js'
import {
  type DraftVersion,
  type Pdu,
  PUBLICATION_ERROR_CODES,
  type PublicationError,
  type PublicationQuery,
  type PublicationReply,
  type PublishedObject,
} from './types.js'

/** Octets of one object; validators refuse larger ones. */
const MAX_PUBLISHED = 20_000_000

const PUBLICATION: Protocol = {
  namespace: PUBLICATION_NAMESPACE,
  rule: 'RFC 8181 section 2.1',
  limits: { bytes: 64 << 20, text: 32 << 20, elements: 400_000 },
  roots: ['msg'],
}

/** A message of either direction. */
export type PublicationMessage =
  | { readonly kind: 'query'; readonly query: PublicationQuery }
  | { readonly kind: 'reply'; readonly reply: PublicationReply }

const tag = optional(token(0, 1024))
const uri = required(token(1, 4096))
const hash = required(hexHash)
const anyText = token(0, 1 << 20)

const MSG = shape({
  rule: 'RFC 8181 section 2.1',
  attributes: { version: required(choice('4', '3')), type: required(choice('query', 'reply')) },
})

const PUBLISH = shape({
  rule: 'RFC 8181 section 2.2',
  attributes: { tag, uri, hash: optional(hexHash) },
  text: base64(MAX_PUBLISHED),
})
const WITHDRAW = shape({ rule: 'RFC 8181 section 2.2', attributes: { tag, uri, hash } })
const LIST_QUERY = shape({ rule: 'RFC 8181 section 2.3', attributes: { tag } })
const LIST_REPLY = shape({ rule: 'RFC 8181 section 2.3', attributes: { tag, uri, hash } })
/** Answer to one PDU in version 3. */
const PDU_DONE = shape({ rule: 'draft-ietf-sidr-publication-07 section 2', attributes: { tag, uri } })

const REPORT_ERROR = shape({
  rule: 'RFC 8181 section 2.4',
  attributes: { error_code: required(token(1, 1024)), tag },
  children: {
    error_text: maybe(textElement('RFC 8181 section 2.4', anyText)),
    failed_pdu: maybe(failedPdu),
  },
  // version 3 has the explanation here
  text: anyText,
  open: true,
})

/** As `PUBLISH`; the object may be left out. */
const FAILED_PUBLISH = { ...PUBLISH, text: base64OrEmpty(MAX_PUBLISHED) }

/** Decodes a query or a reply. Throws `ProtocolFault`. */
export function decodePublication(bytes: Uint8Array, faults?: FaultList): PublicationMessage {
  const { root, type, draft } = readMessage(bytes, faults)
  return type === 'query'
    ? { kind: 'query', query: queryOf(root, draft) }
    : { kind: 'reply', reply: replyOf(root, draft) }
}

/** Decodes a query. Throws `ProtocolFault`, for a reply too. */
export function decodePublicationQuery(bytes: Uint8Array): PublicationQuery {
  const { root, type, draft } = readMessage(bytes)
  if (type === 'query') return queryOf(root, draft)
  throw faultAt(root, MSG.rule, 'the message is a reply, expected a query')
}

/** Decodes a reply. Throws `ProtocolFault`, for a query too. */
export function decodePublicationReply(bytes: Uint8Array): PublicationReply {
  const { root, type, draft } = readMessage(bytes)
  if (type === 'reply') return replyOf(root, draft)
  throw faultAt(root, MSG.rule, 'the message is a query, expected a reply')
}

function readMessage(
  bytes: Uint8Array,
  faults?: FaultList,
): { root: XmlElement; type: 'query' | 'reply'; draft: DraftVersion } {
  const root = readDocument(bytes, PUBLICATION, faults)
  const { version, type } = readAttributes(root, MSG)
  return { root, type, draft: version === '3' ? { version: 3 } : {} }
}

function queryOf(root: XmlElement, draft: DraftVersion): PublicationQuery {
  const rule = 'RFC 8181 section 2.2'
  const items = readSequence<Pdu | 'list'>(root, rule, { publish, withdraw, list: listQuery })
  const pdus = items.filter((item) => item !== 'list')
  if (pdus.length === items.length) return { ...draft, type: 'delta', pdus }
  if (items.length > 1) throw faultAt(root, 'RFC 8181 section 2.3', '<list> is not alone in its query')
  return { ...draft, type: 'list' }
}

function listQuery(element: XmlElement): 'list' {
  readShape(element, LIST_QUERY)
  return 'list'
}

function publish(element: XmlElement): Pdu {
  return publishOf(element, PUBLISH)
}

function publishOf(element: XmlElement, table: typeof PUBLISH): Pdu {
  const { attributes, text: bytes } = readShape(element, table)
  const { tag, uri, hash } = attributes
  return { kind: 'publish', ...given({ tag, hash }), uri, bytes }
}

function withdraw(element: XmlElement): Pdu {
  const { tag, uri, hash } = readShape(element, WITHDRAW).attributes
  return { kind: 'withdraw', ...given({ tag }), uri, hash }
}

type ReplyItem = PublishedObject | PublicationError | 'success'

function replyOf(root: XmlElement, draft: DraftVersion): PublicationReply {
  const done = draft.version === 3 ? { publish: pduDone, withdraw: pduDone } : { success }
  const readers = { list: listed, report_error: reportError, ...done }
  const items = readSequence<ReplyItem>(root, 'RFC 8181 section 2.1', readers)
  const objects = items.filter((item) => item !== 'success' && 'uri' in item)
  if (objects.length === items.length) return { ...draft, type: 'list', objects }
  const errors = items.filter((item) => item !== 'success' && 'code' in item)
  // version 3 answers each PDU: some may have succeeded beside those that failed
  const mixed = draft.version === 3 ? objects.length > 0 : errors.length !== items.length
  if (errors.length > 0 && !mixed) return { ...draft, type: 'error', errors }
  if (errors.length > 0 || objects.length > 0 || (items.length > 1 && draft.version !== 3)) {
    throw faultAt(root, 'RFC 8181 section 2.1', 'the reply is neither a list nor errors nor <success> alone')
  }
  return { ...draft, type: 'success' }
}

const emptySuccess = emptyElement('RFC 8181 section 2.2')

function success(element: XmlElement): 'success' {
  emptySuccess(element)
  return 'success'
}

function pduDone(element: XmlElement): 'success' {
  readShape(element, PDU_DONE)
  return 'success'
}

function listed(element: XmlElement): PublishedObject {
  const { uri, hash } = readShape(element, LIST_REPLY).attributes
  return { uri, hash }
}

function reportError(element: XmlElement): PublicationError {
  const { attributes, children, text } = readShape(element, REPORT_ERROR)
  const explained = children.error_text ?? (text === '' ? undefined : text)
  const known = PUBLICATION_ERROR_CODES.find((code) => code === attributes.error_code)
  const unknown = quoted(attributes.error_code)
  return {
    code: known ?? 'other_error',
    ...given({
      tag: attributes.tag === '' ? undefined : attributes.tag,
      text: known !== undefined ? explained : explained === undefined ? unknown : `${unknown}: ${explained}`,
      failedPdu: children.failed_pdu,
    }),
  }
}

function failedPdu(element: XmlElement): Pdu | undefined {
  const rule = 'RFC 8181 section 2.4'
  const readers = { publish: (child: XmlElement) => publishOf(child, FAILED_PUBLISH), withdraw }
  const pdus = readSequence(element, rule, readers)
  if (pdus.length > 1) throw faultAt(element, rule, '<failed_pdu> contains more than one element')
  return pdus[0]
}
