/**
 * Encoder of RFC 8183 messages: exactly the attributes of the schema, in the order of its sections. Krill refuses any other attribute in a
 * request, so nothing is ever added.
 */
import { exhaustive } from '../../base/brand.js'
import { toBase64 } from '../../base/bytes.js'
import { writeXml, type XmlNode } from '../../xml/write.js'
import type { Referral, SetupMessage } from './types.js'

export const SETUP_NAMESPACE = 'http://www.hactrn.net/uris/rpki/rpki-setup/'

const ROOT = { xmlns: SETUP_NAMESPACE, version: '1' }

/** Returns the text of a message. */
export function encodeSetup(message: SetupMessage): string {
  return writeXml(rootOf(message))
}

function rootOf(message: SetupMessage): XmlNode {
  const name = message.kind
  switch (message.kind) {
    case 'child_request': {
      const attributes = { ...ROOT, child_handle: message.childHandle, tag: message.tag }
      return { name, attributes, content: [bytesOf('child_bpki_ta', message.id)] }
    }
    case 'parent_response': {
      const { serviceUri: service_uri, childHandle: child_handle, parentHandle: parent_handle, tag } = message
      const attributes = { ...ROOT, service_uri, child_handle, parent_handle, tag }
      const offer = message.offer ? [{ name: 'offer' }] : []
      const referrals = message.referrals.map((referral) => referralOf(referral, referral.contactUri))
      return { name, attributes, content: [bytesOf('parent_bpki_ta', message.id), ...offer, ...referrals] }
    }
    case 'publisher_request': {
      const attributes = { ...ROOT, publisher_handle: message.publisherHandle, tag: message.tag }
      const referrals = message.referrals.map((referral) => referralOf(referral))
      return { name, attributes, content: [bytesOf('publisher_bpki_ta', message.id), ...referrals] }
    }
    case 'repository_response': {
      const { serviceUri: service_uri, publisherHandle: publisher_handle, siaBase: sia_base, tag } = message
      const { rrdpNotificationUri: rrdp_notification_uri } = message
      const attributes = { ...ROOT, service_uri, publisher_handle, sia_base, rrdp_notification_uri, tag }
      return { name, attributes, content: [bytesOf('repository_bpki_ta', message.id)] }
    }
    case 'error':
      return { name, attributes: { ...ROOT, reason: message.reason } }
    default:
      return exhaustive(message)
  }
}

function bytesOf(name: string, bytes: Uint8Array): XmlNode {
  return { name, content: toBase64(bytes) }
}

function referralOf({ referrer, authorization }: Referral, contact_uri?: string): XmlNode {
  return { name: 'referral', attributes: { referrer, contact_uri }, content: toBase64(authorization) }
}
