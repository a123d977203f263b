/** Encoder of RFC 8181 messages, version 4: exactly the attributes of the schema in the order of its sections. */
import { exhaustive } from '../../base/brand.js'
import { toBase64 } from '../../base/bytes.js'
import { writeXml, type XmlNode } from '../../xml/write.js'
import type { Pdu, PublicationError, PublicationQuery, PublicationReply } from './types.js'

export const PUBLICATION_NAMESPACE = 'http://www.hactrn.net/uris/rpki/publication-spec/'

/** Characters of an explanation in the schema (RFC 8181 section 2.6). */
const MAX_TEXT = 512_000

/** Spaces before a PDU in a message. */
const INDENT = 2

/** Returns the text of a query. A PDU without a tag has an empty one, since the schema demands the attribute. */
export function encodePublicationQuery(query: PublicationQuery): string {
  return messageOf('query', query.type === 'list' ? [{ name: 'list' }] : query.pdus.map(pduOf))
}

/** Returns the octets of a PDU in the text of a query. */
export function pduSize(pdu: Pdu): number {
  return Buffer.byteLength(writeXml(pduOf(pdu))) + INDENT
}

/** Returns the text of a reply. */
export function encodePublicationReply(reply: PublicationReply): string {
  return messageOf('reply', replyContent(reply))
}

function messageOf(type: 'query' | 'reply', content: readonly XmlNode[]): string {
  return writeXml({ name: 'msg', attributes: { xmlns: PUBLICATION_NAMESPACE, version: '4', type }, content })
}

function replyContent(reply: PublicationReply): readonly XmlNode[] {
  switch (reply.type) {
    case 'list':
      return reply.objects.map(({ uri, hash }) => ({ name: 'list', attributes: { uri, hash } }))
    case 'success':
      return [{ name: 'success' }]
    case 'error':
      return reply.errors.map(errorOf)
    default:
      return exhaustive(reply)
  }
}

function pduOf(pdu: Pdu): XmlNode {
  const { tag = '', uri, hash } = pdu
  const attributes = { tag, uri, hash }
  return pdu.kind === 'publish'
    ? { name: 'publish', attributes, content: toBase64(pdu.bytes) }
    : { name: 'withdraw', attributes }
}

function errorOf({ code, tag, text, failedPdu }: PublicationError): XmlNode {
  const explained = text === undefined ? [] : [{ name: 'error_text', content: text.slice(0, MAX_TEXT) }]
  const failed = failedPdu === undefined ? [] : [{ name: 'failed_pdu', content: [pduOf(failedPdu)] }]
  return { name: 'report_error', attributes: { error_code: code, tag }, content: [...explained, ...failed] }
}
