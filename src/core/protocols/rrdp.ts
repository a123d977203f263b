/**
 * Encoder of RRDP documents (RFC 8182 section 3.5): notification, snapshot and delta, one element per line, US-ASCII.
 * Invariant: the text depends only on the arguments and every length is known in advance, so that a new snapshot can be patched from
 * the last one and rebuilding a delta never changes its hash.
 */
import { toBase64 } from '../base/bytes.js'
import type { Sha256 } from '../crypto/ports.js'
import { escapeXml } from '../xml/escape.js'

export const RRDP_NAMESPACE = 'http://www.ripe.net/rpki/rrdp'
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

/** Returns the update notification file. Throws a RangeError if the delta serials have a gap or do not start at the current serial. */
export function formatNotification(notification: RrdpNotification): string {
  const { session, serial, snapshot, deltas } = notification
  deltas.forEach((delta, index) => {
    if (delta.serial !== serial - index)
      throw new RangeError(`delta ${delta.serial} found where ${serial - index} is expected`)
  })
  const lines = deltas.map((d) => `<delta serial="${d.serial}" uri="${escapeXml(d.uri)}" hash="${d.sha256}"/>\n`)
  const first = `<snapshot uri="${escapeXml(snapshot.uri)}" hash="${snapshot.sha256}"/>\n`
  return `${openElement('notification', session, serial)}${first}${lines.join('')}</notification>\n`
}

/** Yields the chunks of an RRDP snapshot, one per element, so that a large repository is never one string. */
export function* formatSnapshot(
  session: string,
  serial: number,
  objects: Iterable<RrdpPublish>,
): Generator<string, void> {
  yield snapshotHead(session, serial)
  for (const object of objects) yield publishElement(object.uri, object.bytes)
  yield SNAPSHOT_TAIL
}

/** Yields the chunks of a delta file. There must be at least one element (RFC 8182 section 3.5.3.2). */
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

/** Returns the length of so many bytes in base64. */
export function base64Length(size: number): number {
  return 4 * Math.ceil(size / 3)
}

/** Returns the length in bytes of a publish element for an object of `size` bytes. */
export function publishLength(uri: string, size: number, replacing = false): number {
  const around = '<publish uri=""></publish>\n'.length + (replacing ? HASH_ATTRIBUTE : 0)
  return around + escapeXml(uri).length + base64Length(size)
}

/** Returns the length in bytes of a withdraw element. */
export function withdrawLength(uri: string): number {
  return '<withdraw uri=""/>\n'.length + HASH_ATTRIBUTE + escapeXml(uri).length
}

/** Returns the length in bytes of an RRDP snapshot without its elements. */
export function snapshotFrameLength(session: string, serial: number): number {
  return snapshotHead(session, serial).length + SNAPSHOT_TAIL.length
}

/** Returns the length in bytes of a delta file without its elements. */
export function deltaFrameLength(session: string, serial: number): number {
  return deltaHead(session, serial).length + DELTA_TAIL.length
}

function openElement(name: string, session: string, serial: number): string {
  return `<${name} xmlns="${RRDP_NAMESPACE}" version="1" session_id="${escapeXml(session)}" serial="${serial}">\n`
}
