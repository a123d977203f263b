/**
 * IP addresses as text and integer. Invariant: one text names one address in one family, so short forms, leading zeros
 * (octal to some readers), zones and IPv6 with a dotted tail are refused; RFC 4291 section 2.2 in, RFC 5952 out.
 */
import type { Family } from './types.js'

export interface Address {
  readonly family: Family
  readonly address: bigint
}

/** Returns the number of bits of an address: 32 or 128. */
export function addressBits(family: Family): 32 | 128 {
  return family === 4 ? 32 : 128
}

/** Returns the highest address of the family. */
export function maxAddress(family: Family): bigint {
  return family === 4 ? 0xffff_ffffn : (1n << 128n) - 1n
}

/** Parses an address; undefined for other text (`addressFault` says why). */
export function parseAddress(text: string): Address | undefined {
  const address = text.includes(':') ? parseV6(text) : parseV4(text)
  return address === undefined ? undefined : { family: text.includes(':') ? 6 : 4, address }
}

/** Returns why `parseAddress` refused `text`, as a clause. */
export function addressFault(text: string): string {
  if (text.includes('%')) return 'an address here has no zone'
  if (text.includes(':') && text.includes('.')) return 'write the last 32 bits of an IPv6 address in hexadecimal'
  if (text.includes(':')) return 'not an IPv6 address (RFC 4291 section 2.2)'
  if (/^\d+(?:\.\d+){3}$/.test(text) && /(?:^|\.)0\d/.test(text)) return 'leading zeros are not allowed'
  return 'not an IPv4 address of four decimal numbers from 0 to 255'
}

/** Reads the digits one by one: stored ROAs are thousands of such texts. */
function parseV4(text: string): bigint | undefined {
  let [value, byte, digits, dots] = [0, 0, 0, 0]
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === 0x2e) {
      if (digits === 0 || dots === 3) return undefined
      value = value * 256 + byte
      byte = 0
      digits = 0
      dots += 1
    } else {
      if (code < 0x30 || code > 0x39 || (digits > 0 && byte === 0)) return undefined
      byte = byte * 10 + code - 0x30
      digits += 1
      if (byte > 255) return undefined
    }
  }
  return dots === 3 && digits > 0 ? BigInt(value * 256 + byte) : undefined
}

function parseV6(text: string): bigint | undefined {
  if (text.length > 39) return undefined
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':')))
  const left = head ?? []
  const right = tail ?? []
  const missing = 8 - left.length - right.length
  // `::` replaces one or more groups (RFC 4291 section 2.2), so it is invalid next to eight groups
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...left, ...Array<string>(missing).fill('0'), ...right]
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`)
}

/** Returns the dotted quad, or the RFC 5952 form: lower case, the first longest run of two or more zero groups as `::`. */
export function formatAddress(address: bigint, family: Family): string {
  if (family === 4) {
    const n = Number(address)
    return `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`
  }
  const digits = address.toString(16).padStart(32, '0')
  const groups: string[] = []
  for (let at = 0; at < 32; at += 4) groups.push(digits.slice(at, at + 4).replace(/^0{1,3}/, ''))
  const run = longestZeroRun(groups)
  if (run.length < 2) return groups.join(':')
  return `${groups.slice(0, run.start).join(':')}::${groups.slice(run.start + run.length).join(':')}`
}

function longestZeroRun(groups: readonly string[]): { start: number; length: number } {
  let best = { start: 0, length: 0 }
  let length = 0
  groups.forEach((group, at) => {
    length = group === '0' ? length + 1 : 0
    if (length > best.length) best = { start: at - length + 1, length }
  })
  return best
}
