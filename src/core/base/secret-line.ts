/**
 * The secret in a file of one line: a passphrase, a password, a PIN.
 * Invariant: two different files never give one secret, other than by a line end and empty lines after it; no secret is in a message.
 */
import { isUtf8 } from 'node:buffer'

export type SecretLine =
  | { readonly line: Uint8Array }
  | {
      readonly fault: string
      /** True if there is no secret at all. */
      readonly isEmpty: boolean
      /** The kind of file that it is, if it is one that is given in another way. */
      readonly kind?: 'identity' | 'recipient' | 'pem'
    }

const BOM = [0xef, 0xbb, 0xbf]
const KINDS = [
  ['identity', 'AGE-SECRET-KEY-'],
  ['recipient', 'age1'],
  ['pem', '-----BEGIN '],
] as const
const NAMES = { identity: 'an age identity', recipient: 'an age recipient', pem: 'a PEM file' }

/** Returns the only line of a file, or what is wrong with it. */
export function secretLineOf(bytes: Uint8Array): SecretLine {
  const fault = (text: string): SecretLine => ({ fault: text, isEmpty: false })
  if (BOM.every((byte, i) => bytes[i] === byte))
    return fault('begins with a byte order mark, which would be part of the secret')
  if (!isUtf8(bytes)) return fault('is not UTF-8 text')
  for (const [kind, prefix] of KINDS)
    if (hasLine(bytes, prefix)) return { fault: `is ${NAMES[kind]}`, isEmpty: false, kind }
  const end = bytes.indexOf(0x0a)
  const line = trimEnd(end === -1 ? bytes : bytes.subarray(0, end))
  if (line.every((byte) => byte === 0x20)) return { fault: 'its first line is empty', isEmpty: true }
  if (hasControl(line)) return fault('contains a control character')
  if (end !== -1 && bytes.subarray(end).some((byte) => byte !== 0x0a && byte !== 0x0d && byte !== 0x20))
    return fault('has more than one line')
  return { line }
}

function trimEnd(line: Uint8Array): Uint8Array {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line
}

/** Returns true if a line begins with this text. */
function hasLine(bytes: Uint8Array, prefix: string): boolean {
  const isAt = (at: number): boolean => [...prefix].every((char, i) => bytes[at + i] === char.charCodeAt(0))
  for (let at = 0; at !== -1 && at < bytes.length; at = nextLine(bytes, at)) if (isAt(at)) return true
  return false
}

function nextLine(bytes: Uint8Array, from: number): number {
  const end = bytes.indexOf(0x0a, from)
  return end === -1 ? -1 : end + 1
}

/** Returns true for a control character of ASCII or of U+0080 to U+009F. */
function hasControl(line: Uint8Array): boolean {
  return line.some(
    (byte, i) =>
      byte < 0x20 || byte === 0x7f || (byte === 0xc2 && (line[i + 1] ?? 0) >= 0x80 && (line[i + 1] ?? 0) < 0xa0),
  )
}
