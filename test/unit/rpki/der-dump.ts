/** DER objects as indented text for review: names where there is one, hex otherwise. Shares no code with the product. */
import * as oids from '../../../src/core/rpki/x509/oids.js'

const NAMES = new Map(Object.entries(oids).map(([name, dotted]) => [dotted, name.replace('OID_', '')]))

const TYPES: Readonly<Record<number, string>> = {
  1: 'BOOLEAN',
  2: 'INTEGER',
  3: 'BIT STRING',
  4: 'OCTET STRING',
  5: 'NULL',
  6: 'OBJECT IDENTIFIER',
  19: 'PrintableString',
  22: 'IA5String',
  23: 'UTCTime',
  24: 'GeneralizedTime',
  48: 'SEQUENCE',
  49: 'SET',
}

interface Element {
  readonly tag: number
  readonly content: Buffer
}

export function dumpDer(bytes: Uint8Array): string {
  const elements = read(Buffer.from(bytes))
  if (elements === undefined) throw new Error('not DER')
  return `${elements.flatMap((e) => dump(e, '')).join('\n')}\n`
}

/** Returns the elements that fill `bytes` exactly; undefined where `bytes` is not such a sequence. */
function read(bytes: Buffer): readonly Element[] | undefined {
  const out: Element[] = []
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at + 1] ?? 0x80
    const more = first < 0x80 ? 0 : first & 0x7f
    if (first === 0x80 || more > 4 || at + 2 + more > bytes.length) return undefined
    const size = more === 0 ? first : bytes.readUIntBE(at + 2, more)
    const start = at + 2 + more
    if (start + size > bytes.length) return undefined
    out.push({ tag: bytes[at] ?? 0, content: bytes.subarray(start, start + size) })
    at = start + size
  }
  return out
}

function dump({ tag, content }: Element, indent: string): readonly string[] {
  const name = tag >= 0x80 ? `[${tag & 0x1f}]` : (TYPES[tag] ?? `tag ${tag}`)
  const inner = nested(tag, content)
  if (inner !== undefined) return [indent + name, ...inner.flatMap((e) => dump(e, `${indent}  `))]
  const text = value(tag, content)
  const lines = /^[0-9a-f]{65,}$/.test(text) ? (text.match(/.{1,64}/g) ?? []) : [text]
  if (lines.length < 2) return [`${indent}${name} ${text}`.trimEnd()]
  return [`${indent}${name}`, ...lines.map((line) => `${indent}  ${line}`)]
}

/** Returns the elements inside: of constructed elements always, of OCTET STRINGs where they are DER of a known type. */
function nested(tag: number, content: Buffer): readonly Element[] | undefined {
  if ((tag & 0x20) !== 0) return read(content)
  if (tag !== 4) return undefined
  const inner = read(content)
  return inner?.length === 1 && inner.every((e) => TYPES[e.tag] !== undefined) ? inner : undefined
}

function value(tag: number, content: Buffer): string {
  if (tag === 6) return oidText(content)
  if (tag === 2)
    return content.length <= 4 ? String(content.readIntBE(0, content.length)) : `0x${content.toString('hex')}`
  if (tag === 3) return `${content.subarray(1).toString('hex')}${content[0] === 0 ? '' : ` (${content[0]} unused)`}`
  const text = content.toString('latin1')
  const isText = (tag >= 19 && tag <= 24) || (tag === 0x86 && /^[!-~]+$/.test(text))
  return isText ? text : content.toString('hex')
}

function oidText(content: Buffer): string {
  const arcs: number[] = []
  let arc = 0
  for (const octet of content) {
    arc = arc * 128 + (octet & 0x7f)
    if (octet >= 0x80) continue
    if (arcs.length === 0) arcs.push(Math.min(2, Math.floor(arc / 40)), arc - 40 * Math.min(2, Math.floor(arc / 40)))
    else arcs.push(arc)
    arc = 0
  }
  const dotted = arcs.join('.')
  return NAMES.has(dotted) ? `${dotted} ${NAMES.get(dotted)}` : dotted
}
