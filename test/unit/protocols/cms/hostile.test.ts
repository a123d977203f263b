/** Octets that are no message, or almost one: a ProtocolFault, in bounded time, and never another content. */
import { describe, expect, it } from 'vitest'
import { encode, integer, octets, oid, raw, set } from '../../../../src/core/der/writer.js'
import { readIdCertificate } from '../../../../src/core/protocols/cms/id-certificate.js'
import { verifyMessage } from '../../../../src/core/protocols/cms/verify.js'
import { ProtocolFault } from '../../../../src/core/protocols/fault.js'
import { asBer, bpkiCa, CONTENT, craft, SIGNED_AT } from '../../../support/peers/crafted-message.js'
import { sampled } from '../../../support/processes/sample.js'
import { identifierMutants } from '../../../support/rpki/identifier-octets.js'
import { attribute, CA, sha256 } from '../../../support/rpki/parts.js'
import { MESSAGE_DIGEST } from './bad-message.js'
import { without } from './good-messages.js'

const verify = (cms: Uint8Array) => verifyMessage({ cms, id: CA.spki, at: SIGNED_AT })
const good = craft()

const PRINTABLE_STRING = 0x13
const OTHER_STRINGS: readonly number[] = [0x0c, 0x14, 0x16, 0x1e]

/** Returns the content of what is accepted, and undefined for what is refused by a ProtocolFault. */
function accepted(run: () => Uint8Array): Uint8Array | undefined {
  try {
    return run()
  } catch (error) {
    expect(error).toBeInstanceOf(ProtocolFault)
    return undefined
  }
}

/** Returns the time in milliseconds in which a message is refused. */
function refusal(cms: Uint8Array): number {
  const start = performance.now()
  expect(accepted(() => verify(cms).content)).toBeUndefined()
  return performance.now() - start
}

describe('a message that is cut off', () => {
  it.each([
    ['in DER', good],
    ['in BER', asBer(good)],
  ])('is refused after each octet, %s', (_, message) => {
    for (let length = 0; length < message.length; length++)
      expect(accepted(() => verify(message.subarray(0, length)).content)).toBeUndefined()
  })
})

describe('a message with one octet changed', () => {
  it.each([
    ['in DER', good],
    ['in BER', asBer(good)],
  ])('is refused or has the same content, %s', (_, message) => {
    for (const [at, value] of sampled([...message.entries()], 150)) {
      const changed = Uint8Array.from(message)
      changed[at] = value ^ (1 << (at % 8))
      const content = accepted(() => verify(changed).content)
      if (content !== undefined) expect(Buffer.from(content)).toEqual(CONTENT)
    }
  })
})

describe('a message with one identifier octet changed, signed again', () => {
  it('is refused', () => {
    const all = [...identifierMutants(good, CA)]
    expect(all.length).toBeGreaterThan(2000)
    const survivors = sampled(all, 100).filter(({ from, to, bytes }) => {
      // names are compared and shown, never interpreted: any string type
      if (from === PRINTABLE_STRING && OTHER_STRINGS.includes(to)) return false
      return accepted(() => verify(bytes()).content) !== undefined
    })
    expect(survivors.map(({ id }) => id)).toEqual([])
  })
})

const oidOf = (dotted: string): Uint8Array => encode(oid(dotted))
const wrap = (tag: number, ...inner: readonly Uint8Array[]): Uint8Array =>
  Buffer.concat([Uint8Array.of(tag, 0x80), ...inner, Uint8Array.of(0, 0)])
const nested = (depth: number, tag: number, inner: Uint8Array): Uint8Array => {
  const open = Buffer.alloc(2 * depth, Uint8Array.of(tag, 0x80))
  return Buffer.concat([open, inner, Buffer.alloc(2 * depth)])
}
/** Returns SignedData with these members between the content and the signers. */
const signedData = (content: Uint8Array, ...members: readonly Uint8Array[]): Uint8Array => {
  const encapsulated = wrap(0x30, oidOf('1.2.840.113549.1.9.16.1.28'), wrap(0xa0, content))
  const parts = [encode(integer(3)), encode(set()), encapsulated, ...members, encode(set())]
  return wrap(0x30, oidOf('1.2.840.113549.1.7.2'), wrap(0xa0, wrap(0x30, ...parts)))
}
const many = (tag: number, count: number): Uint8Array => Buffer.alloc(2 * count, Uint8Array.of(tag, 0))
const none = wrap(0x24)

describe('a message that is large or deep', () => {
  const cases: Readonly<Record<string, () => Uint8Array>> = {
    '700,000 parts': () => signedData(wrap(0x24, many(0x04, 700_000))),
    '90,000 parts': () => signedData(wrap(0x24, many(0x04, 90_000))),
    '90,000 parts inside of others': () => signedData(nested(20, 0x24, many(0x04, 90_000))),
    '90,000 certificates': () => signedData(none, wrap(0xa0, many(0x05, 90_000))),
    'a CRL of 90,000 members': () => signedData(none, wrap(0xa1, wrap(0x30, many(0x05, 90_000)))),
    '100,000 levels': () => nested(100_000, 0x30, new Uint8Array()),
    '100,000 levels without an end': () => Buffer.alloc(200_000, Uint8Array.of(0x30, 0x80)),
    '65 MB': () => new Uint8Array(65 * 1024 * 1024),
    'a length that lies': () => Uint8Array.of(0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff),
  }
  it.each(Object.entries(cases))('is refused in bounded time: %s', (_, make) => {
    // work that grows with the square takes minutes; a busy machine takes a few seconds
    expect(refusal(make())).toBeLessThan(20_000)
  })

  it('with 50,000 parts is read', () => {
    const content = new Uint8Array(100_000).fill(0x20)
    const cms = craft({
      cms: (p) => {
        p.attributes = without(p, MESSAGE_DIGEST, attribute(MESSAGE_DIGEST, octets(sha256(content))))
        p.wrapped = raw(wrap(0x24, Buffer.alloc(200_000, Uint8Array.of(0x04, 2, 0x20, 0x20))))
      },
    })
    expect(Buffer.compare(verify(cms).content, content)).toBe(0)
  })
})

describe('an ID certificate', () => {
  const der = bpkiCa(CA, CA)

  it('that is cut off is refused after each octet', () => {
    for (let length = 0; length < der.length; length++)
      expect(accepted(() => readIdCertificate(der.subarray(0, length)).der)).toBeUndefined()
  })
})
