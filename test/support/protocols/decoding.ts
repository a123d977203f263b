/** What the tests of all decoders of XML messages share: faults as text, and every way to cut or bend a message. */
import { expect } from 'vitest'
import { utf8 } from '../../../src/core/base/bytes.js'
import { describeFault, ProtocolFault } from '../../../src/core/protocols/fault.js'

type Decode = (bytes: Uint8Array) => unknown

/** Returns the fault of a message on one line; `read` if there is none. Another error is thrown on. */
export function faultOf(decode: Decode, message: string | Uint8Array): string {
  try {
    decode(typeof message === 'string' ? utf8(message) : message)
    return 'read'
  } catch (error) {
    if (!(error instanceof ProtocolFault)) throw error
    return describeFault(error)
  }
}

/** Fails unless the decoder refuses each part of `message` from its start, and any message with one octet replaced is read or refused. */
export function expectOnlyFaults(decode: Decode, message: string): void {
  const bytes = utf8(message.trimEnd())
  for (let length = 0; length < bytes.length; length += 1) {
    const fault = faultOf(decode, bytes.subarray(0, length))
    if (!/^line \d+, column \d+: .* \((?:XML|RFC)/.test(fault)) expect.fail(`cut after ${length}: ${fault}`)
  }
  for (let at = 0; at < bytes.length; at += 1) {
    for (const octet of [0, 0x20, 0x22, 0x26, 0x3c, 0x3e, 0xff]) {
      const bent = bytes.slice()
      bent[at] = octet
      faultOf(decode, bent)
    }
  }
}

/** Documents that no decoder of XML may read, with what their fault says. `head` opens a root element and leaves it open. */
export function hostileDocuments(
  head: string,
  root: string,
): readonly (readonly [string, string | Uint8Array, RegExp])[] {
  const entities = [...Array(9).keys()].map((i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('')
  return [
    ['an entity bomb', `<!DOCTYPE x [<!ENTITY l0 "lol">${entities}]>${head}&l9;</${root}>`, /DTD/],
    ['an external entity', `<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${head}&e;</${root}>`, /DTD/],
    ['an external DTD', `<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">${head}</${root}>`, /DTD/],
    ['an unknown entity', `${head}&nbsp;</${root}>`, /undefined entity/],
    ['100 MB', new Uint8Array(100_000_000).fill(0x20), /100000000 octets, more than/],
    ['deep nesting', `${head}${'<a>'.repeat(200_000)}`, /inside each other/],
    ['a second root', `${head}</${root}><a/>`, /one root|has no|expected/],
    ['no XML', 'hello', /outside of root/],
    ['nothing', '', /root element/],
    ['a NUL', `${head}\0</${root}>`, /disallowed character/],
    ['UTF-16', Buffer.from(`\ufeff${head}</${root}>`, 'utf16le'), /UTF-16/],
  ]
}
