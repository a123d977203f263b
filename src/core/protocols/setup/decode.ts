/**
 * Decoder of RFC 8183 messages. It reads what other implementations wrote over the years: the namespace without its slash or absent, the
 * attribute `valid_until` and the element `identity` of rpkid, and white space of any kind in base64. Children stand in any order.
 */
import type { XmlElement } from '../../xml/read.js'
import {
  emptyElement,
  type FaultList,
  many,
  maybe,
  one,
  optional,
  type Protocol,
  readDocument,
  readShape,
  required,
  shape,
  textElement,
} from '../elements/shape.js'
import { base64, choice, given, handle, MAX_OBJECT, token, uri } from '../elements/values.js'
import { faultOfFile, ProtocolFault } from '../fault.js'
import { SETUP_NAMESPACE } from './encode.js'
import type { Referral, SetupMessage } from './types.js'

const READERS: ReadonlyMap<string, (root: XmlElement) => SetupMessage> = new Map([
  ['child_request', childRequest],
  // the name in rpkid before the RFC
  ['identity', childRequest],
  ['parent_response', parentResponse],
  ['publisher_request', publisherRequest],
  ['repository_response', repositoryResponse],
  ['error', setupError],
])

const SETUP: Protocol = {
  namespace: SETUP_NAMESPACE,
  rule: 'RFC 8183 section 5.1',
  limits: { bytes: 4 << 20, text: 1 << 20, elements: 1000 },
  roots: [...READERS.keys()],
}

const version = required(choice('1'))
const tag = optional(token(0, 1024))
const httpUri = uri('http', 'https')

/** Expiry of the peer's certificate, which rpkid wrote before the RFC; the certificate has it too. */
const valid_until = optional(token(0, 64))

function bpkiTa(rule: string): (element: XmlElement) => Uint8Array {
  return textElement(rule, base64(MAX_OBJECT))
}

const REFERRAL = shape({
  rule: 'RFC 8183 section 5.2.2',
  attributes: { referrer: required(handle), contact_uri: optional(token(1, 4096)) },
  text: base64(MAX_OBJECT),
})

const CHILD_REQUEST = shape({
  rule: 'RFC 8183 section 5.2.1',
  attributes: { version, child_handle: required(handle), tag, valid_until },
  children: { child_bpki_ta: one(bpkiTa('RFC 8183 section 5.2.1')) },
})

const PARENT_RESPONSE = shape({
  rule: 'RFC 8183 section 5.2.2',
  attributes: {
    version,
    service_uri: required(httpUri),
    child_handle: required(handle),
    parent_handle: required(handle),
    tag,
  },
  children: {
    parent_bpki_ta: one(bpkiTa('RFC 8183 section 5.2.2')),
    offer: maybe(emptyElement('RFC 8183 section 5.2.2')),
    referral: many(referral),
  },
  open: true,
})

const PUBLISHER_REQUEST = shape({
  rule: 'RFC 8183 section 5.2.3',
  attributes: { version, publisher_handle: required(handle), tag, valid_until },
  children: {
    publisher_bpki_ta: one(bpkiTa('RFC 8183 section 5.2.3')),
    referral: many(referral),
  },
})

const REPOSITORY_RESPONSE = shape({
  rule: 'RFC 8183 section 5.2.4',
  attributes: {
    version,
    service_uri: required(httpUri),
    publisher_handle: required(handle),
    sia_base: required(uri('rsync')),
    rrdp_notification_uri: optional(uri('https')),
    tag,
  },
  children: { repository_bpki_ta: one(bpkiTa('RFC 8183 section 5.2.4')) },
  open: true,
})

const ERROR = shape({
  rule: 'RFC 8183 section 5.4',
  attributes: { version, reason: required(choice('syntax-error', 'authentication-failure', 'refused')) },
  // "anything" may explain the reason
  text: token(0, 1 << 20),
  open: true,
})

/** Decodes a message. Throws `ProtocolFault`. */
export function decodeSetup(bytes: Uint8Array, faults?: FaultList): SetupMessage {
  const root = readDocument(bytes, SETUP, faults)
  const read = READERS.get(root.name)
  if (read === undefined) throw new TypeError(`no reader of <${root.name}>`)
  return read(root)
}

/** Decodes a file that the operator gave; `subject` names it. Throws `setup-invalid` (usage) with line and section. */
export function readSetup(bytes: Uint8Array, subject: string): SetupMessage {
  try {
    return decodeSetup(bytes)
  } catch (error) {
    throw error instanceof ProtocolFault ? faultOfFile(error, 'setup-invalid', subject) : error
  }
}

function childRequest(root: XmlElement): SetupMessage {
  const { attributes, children } = readShape(root, CHILD_REQUEST)
  const { child_handle: childHandle, tag } = attributes
  return { kind: 'child_request', childHandle, ...given({ tag }), id: children.child_bpki_ta }
}

function parentResponse(root: XmlElement): SetupMessage {
  const { attributes, children } = readShape(root, PARENT_RESPONSE)
  const { service_uri: serviceUri, child_handle: childHandle, parent_handle: parentHandle, tag } = attributes
  const { parent_bpki_ta: id, offer = false, referral: referrals } = children
  return { kind: 'parent_response', serviceUri, childHandle, parentHandle, ...given({ tag }), id, offer, referrals }
}

function publisherRequest(root: XmlElement): SetupMessage {
  const { attributes, children } = readShape(root, PUBLISHER_REQUEST)
  const { publisher_handle: publisherHandle, tag } = attributes
  const { publisher_bpki_ta: id, referral: referrals } = children
  return { kind: 'publisher_request', publisherHandle, ...given({ tag }), id, referrals }
}

function repositoryResponse(root: XmlElement): SetupMessage {
  const { attributes, children } = readShape(root, REPOSITORY_RESPONSE)
  const { service_uri: serviceUri, publisher_handle: publisherHandle, sia_base, tag } = attributes
  return {
    kind: 'repository_response',
    serviceUri,
    publisherHandle,
    siaBase: sia_base.endsWith('/') ? sia_base : `${sia_base}/`,
    ...given({ rrdpNotificationUri: attributes.rrdp_notification_uri, tag }),
    id: children.repository_bpki_ta,
  }
}

function setupError(root: XmlElement): SetupMessage {
  return { kind: 'error', reason: readShape(root, ERROR).attributes.reason }
}

function referral(element: XmlElement): Referral {
  const { attributes, text: authorization } = readShape(element, REFERRAL)
  return { referrer: attributes.referrer, ...given({ contactUri: attributes.contact_uri }), authorization }
}
