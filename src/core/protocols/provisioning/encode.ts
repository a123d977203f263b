/**
 * Encoder of RFC 6492 messages: exactly the attributes of the schema in the order of its sections, resource sets without `AS` and spaces,
 * one rsync URI per certificate, key identifiers without padding.
 */
import { exhaustive } from '../../base/brand.js'
import { toBase64 } from '../../base/bytes.js'
import { writeXml, type XmlNode } from '../../xml/write.js'
import type { ProvisioningBody, ProvisioningClass, ProvisioningMessage, RequestLimit } from './types.js'
import { wireSki, wireText, wireUri } from './values.js'

export const PROVISIONING_NAMESPACE = 'http://www.apnic.net/specs/rescerts/up-down/'

/** Characters of a description in the schema (RFC 6492 section 3.7). */
const MAX_DESCRIPTION = 1024

/** Returns the text of a message. */
export function encodeProvisioning({ sender, recipient, body }: ProvisioningMessage): string {
  const attributes = { xmlns: PROVISIONING_NAMESPACE, version: '1', sender, recipient, type: body.type }
  return writeXml({ name: 'message', attributes, content: contentOf(body) })
}

function contentOf(body: ProvisioningBody): readonly XmlNode[] {
  switch (body.type) {
    case 'list':
      return []
    case 'list_response':
      return body.classes.map(classOf)
    case 'issue':
      return [
        {
          name: 'request',
          attributes: { class_name: body.className, ...limitOf(body.limit) },
          content: toBase64(body.csr),
        },
      ]
    case 'issue_response':
      return [classOf(body.class)]
    case 'revoke':
    case 'revoke_response':
      return [{ name: 'key', attributes: { class_name: body.className, ski: wireSki(body.ski) } }]
    case 'error_response':
      return [
        { name: 'status', content: String(body.status) },
        ...body.descriptions.map(({ lang = 'en-US', text }) => ({
          name: 'description',
          attributes: { 'xml:lang': lang },
          content: text.slice(0, MAX_DESCRIPTION),
        })),
      ]
    default:
      return exhaustive(body)
  }
}

function classOf(value: ProvisioningClass): XmlNode {
  const certificates = value.certificates.map(
    ({ certUris, limit, der }): XmlNode => ({
      name: 'certificate',
      attributes: { cert_url: wireUri(certUris), ...limitOf(limit) },
      content: toBase64(der),
    }),
  )
  return {
    name: 'class',
    attributes: {
      class_name: value.className,
      cert_url: wireUri(value.certUris),
      resource_set_as: wireText(value.resources.asn),
      resource_set_ipv4: wireText(value.resources.ipv4),
      resource_set_ipv6: wireText(value.resources.ipv6),
      resource_set_notafter: value.notAfter,
      suggested_sia_head: value.suggestedSiaHead,
    },
    content: [...certificates, { name: 'issuer', content: toBase64(value.issuer) }],
  }
}

function limitOf({ asn, ipv4, ipv6 }: RequestLimit): Readonly<Record<string, string | undefined>> {
  const text = (set: string | undefined): string | undefined => (set === undefined ? undefined : wireText(set))
  return { req_resource_set_as: text(asn), req_resource_set_ipv4: text(ipv4), req_resource_set_ipv6: text(ipv6) }
}
