/**
 * Reader of the update notification file (RFC 8182 section 3.5.1), for comparing what a server serves with what was published.
 * Invariant: what it returns is only compared, and used to ask the same server for files; nothing is trusted.
 */
import type { Sha256 } from '../crypto/ports.js'
import type { RrdpFile, RrdpNotification } from './rrdp.js'

const ELEMENT = /<(\/?)([A-Za-z][\w:.-]*)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/g
const ATTRIBUTE = /([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Returns the notification; undefined if the text is none. Deltas are sorted, newest first. */
export function readNotification(text: string): RrdpNotification | undefined {
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) return undefined
  const [root, ...inner] = [...text.matchAll(ELEMENT)].filter(([, closing]) => closing === '')
  if (root?.[2] !== 'notification' || !/<\/notification>\s*$/.test(text)) return undefined
  const { session_id: session = '', serial } = attributesOf(root[3] ?? '')
  const files = inner.map(([, , name, attributes]) => ({ name, values: attributesOf(attributes ?? '') }))
  const snapshots = files.filter(({ name }) => name === 'snapshot').map(({ values }) => fileOf(values))
  const deltas = files
    .filter(({ name }) => name === 'delta')
    .map(({ values }) => ({ serial: numberOf(values['serial']), file: fileOf(values) }))
  const [snapshot] = snapshots
  const number = numberOf(serial)
  if (!/^[0-9A-Fa-f-]{36}$/.test(session) || number === undefined || snapshot === undefined || snapshots.length > 1)
    return undefined
  const read = deltas.flatMap((delta) =>
    delta.serial === undefined || delta.file === undefined ? [] : [{ ...delta.file, serial: delta.serial }],
  )
  if (read.length < deltas.length) return undefined
  return { session: session.toLowerCase(), serial: number, snapshot, deltas: read.sort((a, b) => b.serial - a.serial) }
}

function fileOf(values: Readonly<Record<string, string>>): RrdpFile | undefined {
  const { uri = '', hash = '' } = values
  const sha256 = hash.toLowerCase()
  return uri !== '' && /^[0-9a-f]{64}$/.test(sha256) ? { uri, sha256: sha256 as Sha256 } : undefined
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[1-9]\d{0,15}$/.test(text) ? Number(text) : undefined
}

function attributesOf(text: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...text.matchAll(ATTRIBUTE)].map(([, name = '', double, single]) => [
      name,
      (double ?? single ?? '').replace(/&(\w+);/g, (whole, entity: string) => ENTITIES[entity] ?? whole),
    ]),
  )
}
