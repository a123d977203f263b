/**
 * RRDP documents as text (RFC 8182 section 3.5): notification, snapshot and delta, one element a line, US-ASCII.
 * Invariant: the text follows from its arguments alone and every length is known before a byte is made, so that a new snapshot can
 * be spliced from the last one and rebuilding a delta never changes its hash.
 */
import { toBase64 } from '../base/bytes.js'
import type { Sha256 } from '../crypto/ports.js'
import { escapeXml } from '../xml/escape.js'

const NAMESPACE = 'http://www.ripe.net/rpki/rrdp'
const HASH_ATTRIBUTE = ' hash=""'.length + 64

export interface RrdpPublish {
  readonly uri: string
  readonly bytes: Uint8Array
  /** SHA-256 of the object that this one replaces (RFC 8182 section 3.5.3.3): required in a delta, never in a snapshot. */
  readonly replaces?: Sha256
}

export interface RrdpWithdraw {
  readonly uri: string
  readonly withdraws: Sha256
}

export interface RrdpFile {
  readonly uri: string
  readonly sha256: Sha256
}

export interface RrdpNotification {
  readonly session: string
  readonly serial: number
  readonly snapshot: RrdpFile
  /** Newest first. */
  readonly deltas: readonly (RrdpFile & { readonly serial: number })[]
}

/** The update notification file. Throws a RangeError when the delta serials have a hole or do not start at the present serial. */
export function formatNotification(notification: RrdpNotification): string {
  const { session, serial, snapshot, deltas } = notification
  deltas.forEach((delta, index) => {
    if (delta.serial !== serial - index)
      throw new RangeError(`delta ${delta.serial} stands where ${serial - index} belongs`)
  })
  const lines = deltas.map((d) => `<delta serial="${d.serial}" uri="${escapeXml(d.uri)}" hash="${d.sha256}"/>\n`)
  const first = `<snapshot uri="${escapeXml(snapshot.uri)}" hash="${snapshot.sha256}"/>\n`
  return `${openElement('notification', session, serial)}${first}${lines.join('')}</notification>\n`
}

/** The chunks of a snapshot file: one an element, so that no part of a large repository is one string. */
export function* formatSnapshot(
  session: string,
  serial: number,
  objects: Iterable<RrdpPublish>,
): Generator<string, void> {
  yield snapshotHead(session, serial)
  for (const object of objects) yield publishElement(object.uri, object.bytes)
  yield SNAPSHOT_TAIL
}

/** The chunks of a delta file. Its elements must not be empty: RFC 8182 section 3.5.3.2 wants one at least. */
export function* formatDelta(
  session: string,
  serial: number,
  elements: Iterable<RrdpPublish | RrdpWithdraw>,
): Generator<string, void> {
  yield deltaHead(session, serial)
  for (const e of elements)
    yield 'withdraws' in e ? withdrawElement(e.uri, e.withdraws) : publishElement(e.uri, e.bytes, e.replaces)
  yield DELTA_TAIL
}

export const SNAPSHOT_TAIL = '</snapshot>\n'
const DELTA_TAIL = '</delta>\n'

export function snapshotHead(session: string, serial: number): string {
  return openElement('snapshot', session, serial)
}

function deltaHead(session: string, serial: number): string {
  return openElement('delta', session, serial)
}

export function publishElement(uri: string, bytes: Uint8Array, replaces?: Sha256): string {
  const hash = replaces === undefined ? '' : ` hash="${replaces}"`
  return `<publish uri="${escapeXml(uri)}"${hash}>${toBase64(bytes)}</publish>\n`
}

function withdrawElement(uri: string, withdraws: Sha256): string {
  return `<withdraw uri="${escapeXml(uri)}" hash="${withdraws}"/>\n`
}

/** Bytes of a publish element for an object of `size` bytes. */
export function publishLength(uri: string, size: number, replacing = false): number {
  const base64 = 4 * Math.ceil(size / 3)
  return '<publish uri=""></publish>\n'.length + escapeXml(uri).length + base64 + (replacing ? HASH_ATTRIBUTE : 0)
}

/** Bytes of a withdraw element. */
export function withdrawLength(uri: string): number {
  return '<withdraw uri=""/>\n'.length + HASH_ATTRIBUTE + escapeXml(uri).length
}

/** Bytes of a snapshot file around its elements. */
export function snapshotFrameLength(session: string, serial: number): number {
  return snapshotHead(session, serial).length + SNAPSHOT_TAIL.length
}

/** Bytes of a delta file around its elements. */
export function deltaFrameLength(session: string, serial: number): number {
  return deltaHead(session, serial).length + DELTA_TAIL.length
}

function openElement(name: string, session: string, serial: number): string {
  return `<${name} xmlns="${NAMESPACE}" version="1" session_id="${escapeXml(session)}" serial="${serial}">\n`
}
