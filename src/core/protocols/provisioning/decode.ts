/**
 * Decoder of RFC 6492 messages. It reads resource sets with `AS` and spaces, lists of URIs, key identifiers with padding, errors without
 * `xml:lang`, and the parts of a class in any order, since peers write all of these.
 */
import { quoted } from '../../base/text.js'
import type { XmlElement } from '../../xml/read.js'
import {
  type FaultList,
  faultAt,
  many,
  one,
  optional,
  type Protocol,
  readDocument,
  readShape,
  required,
  shape,
  textElement,
} from '../elements/shape.js'
import { base64, given, MAX_OBJECT, token, uri } from '../elements/values.js'
import { PROVISIONING_NAMESPACE } from './encode.js'
import {
  type ErrorDescription,
  PROVISIONING_STATUS,
  type ProvisioningBody,
  type ProvisioningCertificate,
  type ProvisioningClass,
  type ProvisioningMessage,
  type RequestLimit,
} from './types.js'
import { addressText, asnText, certUris, dateTime, ski, statusNumber } from './values.js'

const PROVISIONING: Protocol = {
  namespace: PROVISIONING_NAMESPACE,
  rule: 'RFC 6492 section 3.2',
  limits: { bytes: 16 << 20, text: 1 << 20, elements: 50_000 },
  roots: ['message'],
}

const BODIES: ReadonlyMap<string, (root: XmlElement) => ProvisioningBody> = new Map<
  string,
  (root: XmlElement) => ProvisioningBody
>([
  ['list', list],
  ['list_response', listResponse],
  ['issue', issue],
  ['issue_response', issueResponse],
  ['revoke', (root) => revocation(root, 'revoke')],
  ['revoke_response', (root) => revocation(root, 'revoke_response')],
  ['error_response', errorResponse],
])

const label = required(token(1, 1024))
const className = label
const anyText = token(0, 1 << 20)

/** Attributes of every message; version and type are checked before. */
const ENVELOPE = { version: label, sender: label, recipient: label, type: label }

const LIMIT = {
  req_resource_set_as: optional(asnText),
  req_resource_set_ipv4: optional(addressText(4)),
  req_resource_set_ipv6: optional(addressText(6)),
}

const CERTIFICATE = shape({
  rule: 'RFC 6492 section 3.3.2',
  attributes: { cert_url: required(certUris), ...LIMIT },
  text: base64(MAX_OBJECT),
})

const CLASS = shape({
  rule: 'RFC 6492 section 3.3.2',
  attributes: {
    class_name: className,
    cert_url: required(certUris),
    resource_set_as: required(asnText),
    resource_set_ipv4: required(addressText(4)),
    resource_set_ipv6: required(addressText(6)),
    resource_set_notafter: required(dateTime),
    suggested_sia_head: optional((text, refuse) => (text.trim() === '' ? undefined : uri('rsync')(text, refuse))),
  },
  children: {
    certificate: many(certificateOf),
    issuer: one(textElement('RFC 6492 section 3.3.2', base64(MAX_OBJECT))),
  },
})

const REQUEST = shape({
  rule: 'RFC 6492 section 3.4.1',
  attributes: { class_name: className, ...LIMIT },
  text: base64(MAX_OBJECT),
})

const KEY = shape({ rule: 'RFC 6492 section 3.5.1', attributes: { class_name: className, ski: required(ski) } })

const DESCRIPTION = shape({
  rule: 'RFC 6492 section 3.6',
  attributes: { 'xml:lang': optional(anyText) },
  text: anyText,
  open: true,
})

const MESSAGE = shape({ rule: 'RFC 6492 section 3.2', attributes: ENVELOPE, open: true })
const LIST = shape({ rule: 'RFC 6492 section 3.3.1', attributes: ENVELOPE })
const LIST_RESPONSE = shape({
  rule: 'RFC 6492 section 3.3.2',
  attributes: ENVELOPE,
  children: { class: many(classOf) },
})
const ISSUE = shape({ rule: 'RFC 6492 section 3.4.1', attributes: ENVELOPE, children: { request: one(requestOf) } })
const ISSUE_RESPONSE = shape({
  rule: 'RFC 6492 section 3.4.2',
  attributes: ENVELOPE,
  children: { class: one(classOf) },
})
const REVOCATION = shape({
  rule: 'RFC 6492 section 3.5.1',
  attributes: ENVELOPE,
  children: { key: one((element) => readShape(element, KEY).attributes) },
})
const ERROR_RESPONSE = shape({
  rule: 'RFC 6492 section 3.6',
  attributes: ENVELOPE,
  children: {
    status: one(textElement('RFC 6492 section 3.6', statusNumber)),
    description: many(descriptionOf),
  },
  open: true,
})

/** Decodes a message. Throws `ProtocolFault`; its `status` is 1102 for another version and 1103 for an unknown type. */
export function decodeProvisioning(bytes: Uint8Array, faults?: FaultList): ProvisioningMessage {
  const root = readDocument(bytes, PROVISIONING, faults)
  const { rule } = PROVISIONING
  const { version, type } = Object.fromEntries(root.attributes)
  if (version !== '1') {
    throw faultAt(root, rule, `the version is ${quoted(version ?? '')}, expected "1"`, PROVISIONING_STATUS.version)
  }
  const body = BODIES.get(type ?? '')
  if (body === undefined) {
    throw faultAt(root, rule, `the type of the message is unknown: ${quoted(type ?? '')}`, PROVISIONING_STATUS.type)
  }
  const { sender, recipient } = readShape(root, MESSAGE).attributes
  return { sender, recipient, body: body(root) }
}

function list(root: XmlElement): ProvisioningBody {
  readShape(root, LIST)
  return { type: 'list' }
}

function listResponse(root: XmlElement): ProvisioningBody {
  const classes = readShape(root, LIST_RESPONSE).children.class
  const names = new Set<string>()
  for (const [at, { className }] of classes.entries()) {
    const place = root.children[at] ?? root
    if (names.has(className)) throw faultAt(place, LIST_RESPONSE.rule, `two classes have the name ${quoted(className)}`)
    names.add(className)
  }
  return { type: 'list_response', classes }
}

function issue(root: XmlElement): ProvisioningBody {
  return { type: 'issue', ...readShape(root, ISSUE).children.request }
}

function requestOf(element: XmlElement): { className: string; limit: RequestLimit; csr: Uint8Array } {
  const { attributes, text: csr } = readShape(element, REQUEST)
  return { className: attributes.class_name, limit: limitOf(attributes), csr }
}

function issueResponse(root: XmlElement): ProvisioningBody {
  const issued = readShape(root, ISSUE_RESPONSE).children.class
  const count = issued.certificates.length
  if (count !== 1) {
    const place = root.children[0] ?? root
    throw faultAt(place, ISSUE_RESPONSE.rule, `<class> has ${count} certificates, expected exactly one`)
  }
  return { type: 'issue_response', class: issued }
}

function revocation(root: XmlElement, type: 'revoke' | 'revoke_response'): ProvisioningBody {
  const { class_name, ski } = readShape(root, REVOCATION).children.key
  return { type, className: class_name, ski }
}

function errorResponse(root: XmlElement): ProvisioningBody {
  const { status, description: descriptions } = readShape(root, ERROR_RESPONSE).children
  return { type: 'error_response', status, descriptions }
}

function descriptionOf(element: XmlElement): ErrorDescription {
  const { attributes, text } = readShape(element, DESCRIPTION)
  return { ...given({ lang: attributes['xml:lang'] }), text }
}

function classOf(element: XmlElement): ProvisioningClass {
  const { attributes, children } = readShape(element, CLASS)
  return {
    className: attributes.class_name,
    certUris: attributes.cert_url,
    resources: {
      asn: attributes.resource_set_as,
      ipv4: attributes.resource_set_ipv4,
      ipv6: attributes.resource_set_ipv6,
    },
    notAfter: attributes.resource_set_notafter,
    ...given({ suggestedSiaHead: attributes.suggested_sia_head }),
    certificates: children.certificate,
    issuer: children.issuer,
  }
}

function certificateOf(element: XmlElement): ProvisioningCertificate {
  const { attributes, text: der } = readShape(element, CERTIFICATE)
  return { certUris: attributes.cert_url, limit: limitOf(attributes), der }
}

function limitOf(attributes: {
  readonly req_resource_set_as: string | undefined
  readonly req_resource_set_ipv4: string | undefined
  readonly req_resource_set_ipv6: string | undefined
}): RequestLimit {
  const { req_resource_set_as: asn, req_resource_set_ipv4: ipv4, req_resource_set_ipv6: ipv6 } = attributes
  return given({ asn, ipv4, ipv6 })
}
