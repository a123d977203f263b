/**
 * Reader of the update notification file (RFC 8182 section 3.5.1), for comparing what a server serves with what was published.
 * Invariant: what it returns is only compared, and used to ask the same server for files; nothing is trusted.
 */
import type { Sha256 } from '../crypto/ports.js'
import { parseXml, XML_LIMITS, type XmlElement, XmlFault } from '../xml/read.js'
import { RRDP_NAMESPACE, type RrdpFile, type RrdpNotification } from './rrdp.js'

/** A notification may list more deltas than validators take. */
const LIMITS = { ...XML_LIMITS, bytes: 16 << 20, elements: 100_000 }

/** Returns the notification; undefined if the bytes are none. Deltas are sorted, newest first. */
export function readNotification(bytes: Uint8Array): RrdpNotification | undefined {
  const root = rootOf(bytes)
  if (root?.name !== 'notification' || root.namespace !== RRDP_NAMESPACE) return undefined
  const session = root.attributes.get('session_id') ?? ''
  const serial = numberOf(root)
  const [snapshot, ...others] = root.children.filter(({ name }) => name === 'snapshot').map(fileOf)
  const listed = root.children.filter(({ name }) => name === 'delta')
  const deltas = listed.flatMap((one) => {
    const [file, number] = [fileOf(one), numberOf(one)]
    return file === undefined || number === undefined ? [] : [{ ...file, serial: number }]
  })
  const isComplete = deltas.length === listed.length && others.length === 0
  if (!/^[0-9A-Fa-f-]{36}$/.test(session) || serial === undefined || snapshot === undefined || !isComplete)
    return undefined
  return { session: session.toLowerCase(), serial, snapshot, deltas: deltas.sort((a, b) => b.serial - a.serial) }
}

function rootOf(bytes: Uint8Array): XmlElement | undefined {
  try {
    return parseXml(bytes, LIMITS)
  } catch (error) {
    if (error instanceof XmlFault) return undefined
    throw error
  }
}

function fileOf({ attributes }: XmlElement): RrdpFile | undefined {
  const uri = attributes.get('uri') ?? ''
  const sha256 = (attributes.get('hash') ?? '').toLowerCase()
  return uri !== '' && /^[0-9a-f]{64}$/.test(sha256) ? { uri, sha256: sha256 as Sha256 } : undefined
}

function numberOf({ attributes }: XmlElement): number | undefined {
  const text = attributes.get('serial') ?? ''
  return /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined
}
