/** Primitive DER values (X.690 sections 8 and 11): checks of their form, and text and times from their content. */
import { type Instant, parseInstant } from '../base/time.js'
import type { FindingList } from './findings.js'

const PRINTABLE = /^[A-Za-z0-9 '()+,\-./:=?]*$/

/** Adds a finding for every rule of DER that the content of a universal primitive element breaks. */
export function checkPrimitive(
  findings: FindingList,
  tag: number,
  bytes: Uint8Array,
  body: number,
  end: number,
  at: number,
): void {
  const size = end - body
  switch (tag) {
    case 0x01: {
      const value = bytes[body]
      if (size !== 1) findings.add('X.690 section 8.2.1', `BOOLEAN of ${size} octets at octet ${at}`)
      else if (value !== 0 && value !== 0xff)
        findings.tolerate('X.690 section 11.1', `BOOLEAN TRUE is not 0xff at octet ${at}`)
      return
    }
    case 0x02:
    case 0x0a:
      checkInteger(findings, bytes, body, size, at)
      return
    case 0x03:
      checkBitString(findings, bytes, body, end, at)
      return
    case 0x05:
      if (size !== 0) findings.add('X.690 section 8.8.2', `NULL with content at octet ${at}`)
      return
    case 0x06:
      checkOid(findings, bytes, body, end, at)
      return
    case 0x13:
    case 0x16:
      checkText(findings, tag, textOf(bytes.subarray(body, end)), at)
      return
    case 0x17:
    case 0x18:
      checkTime(findings, tag, textOf(bytes.subarray(body, end)), at)
      return
    default:
  }
}

/** Returns text with one character per octet. */
export function textOf(content: Uint8Array): string {
  return Buffer.from(content.buffer, content.byteOffset, content.length).toString('latin1')
}

/** Returns the instant of UTCTime or GeneralizedTime content in the form that DER requires (`Z`, seconds, no fraction); undefined otherwise. RFC 5280 section 4.1.2.5.1: two-digit years from 50 are 19xx. */
export function instantOfTime(tag: number, text: string): Instant | undefined {
  if (!(tag === 0x17 ? /^\d{12}Z$/ : /^\d{14}Z$/).test(text)) return undefined
  const full = tag === 0x18 ? text : `${text < '50' ? '20' : '19'}${text}`
  const [date, time] = [full.slice(0, 8), full.slice(8, 14)]
  return parseInstant(
    `${date.slice(0, 4)}-${date.slice(4, 6)}-${date.slice(6)}T${time.slice(0, 2)}:${time.slice(2, 4)}:${time.slice(4)}Z`,
  )
}

function checkInteger(findings: FindingList, bytes: Uint8Array, body: number, size: number, at: number): void {
  const first = bytes[body] ?? 0
  const second = bytes[body + 1] ?? 0
  if (size === 0) findings.add('X.690 section 8.3.1', `INTEGER without content at octet ${at}`)
  else if (size > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)))
    findings.add('X.690 section 8.3.2', `INTEGER is not in its shortest form at octet ${at}`)
}

function checkBitString(findings: FindingList, bytes: Uint8Array, body: number, end: number, at: number): void {
  const unused = bytes[body] ?? 0
  if (end === body || unused > 7 || (end === body + 1 && unused > 0))
    findings.add('X.690 section 8.6.2', `BIT STRING with a wrong count of unused bits at octet ${at}`)
  else if (unused > 0 && ((bytes[end - 1] ?? 0) & ((1 << unused) - 1)) !== 0)
    findings.add('X.690 section 11.2.1', `unused bits of a BIT STRING are not zero at octet ${at}`)
}

function checkOid(findings: FindingList, bytes: Uint8Array, body: number, end: number, at: number): void {
  if (end === body || ((bytes[end - 1] ?? 0) & 0x80) !== 0) {
    findings.add('X.690 section 8.19.2', `truncated OBJECT IDENTIFIER at octet ${at}`)
    return
  }
  for (let i = body; i < end; i++) {
    const startsArc = i === body || ((bytes[i - 1] ?? 0) & 0x80) === 0
    if (startsArc && bytes[i] === 0x80) {
      findings.add('X.690 section 8.19.2', `OBJECT IDENTIFIER is not in its shortest form at octet ${at}`)
      return
    }
  }
}

function checkText(findings: FindingList, tag: number, text: string, at: number): void {
  if (tag === 0x13 && !PRINTABLE.test(text)) {
    const bad = [...text].find((c) => !PRINTABLE.test(c)) ?? ''
    findings.add('X.680 section 41.4', `PrintableString contains ${JSON.stringify(bad)} at octet ${at}`)
  }
  if (tag === 0x16 && !/^[\0-\x7f]*$/.test(text))
    findings.add('X.680 section 41', `IA5String with an 8-bit character at octet ${at}`)
}

function checkTime(findings: FindingList, tag: number, text: string, at: number): void {
  if (instantOfTime(tag, text) !== undefined) return
  const [section, name] = tag === 0x17 ? ['11.8', 'UTCTime'] : ['11.7', 'GeneralizedTime']
  findings.add(
    `X.690 section ${section}`,
    `${name} ${JSON.stringify(text.slice(0, 40))} at octet ${at} is not a time in UTC with whole seconds`,
  )
}
