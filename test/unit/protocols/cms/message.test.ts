/** Messages as they are produced (RFC 6492 section 3.1.1), and accepted from the peer that signed them. */
import { describe, expect, it } from 'vitest'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { createFindings } from '../../../../src/core/der/findings.js'
import { elementsIn, parseDer } from '../../../../src/core/der/reader.js'
import { readMessage } from '../../../../src/core/protocols/cms/read-message.js'
import { verifyMessage } from '../../../../src/core/protocols/cms/verify.js'
import { twoParties } from '../../../support/peers/parties.js'

const AT = '2026-06-01T12:00:00Z' as Instant
const TEXT = '<message xmlns="http://www.apnic.net/specs/rescerts/up-down/" version="1" type="list"/>'
const { parent, child } = await twoParties()
const message = await child.say(TEXT, AT)

describe('a message', () => {
  it('is accepted from its sender without a remark', () => {
    const heard = parent.hear(message, child, AT)
    expect(Buffer.from(heard.content).toString()).toBe(TEXT)
    expect(heard).toMatchObject({ signingTime: AT, remarks: [] })
  })

  it('is accepted with the public key of its sender alone', () => {
    expect(verifyMessage({ cms: message, id: child.id.spki, at: AT }).remarks).toEqual([])
  })

  it('is refused as one of another peer', () => {
    expect(() => child.hear(message, parent, AT)).toThrow(
      `the EE certificate is not signed by the ID key ${parent.id.ski} of the peer; it says that ${child.id.ski} signed it`,
    )
  })

  it('is DER, with three signed attributes in fewer than 128 octets', () => {
    const findings = createFindings()
    parseDer(message, findings)
    expect(findings.all()).toEqual([])
    const [signer] = readMessage(message).signers
    expect(signer?.attributes.map(({ oid }) => oid)).toEqual([
      '1.2.840.113549.1.9.3',
      '1.2.840.113549.1.9.5',
      '1.2.840.113549.1.9.4',
    ])
    expect(signer?.signedOctets.map(({ length }) => length)).toEqual([109])
  })

  it('has an EE certificate and a CRL that end five minutes after it', () => {
    const { certificates, crls } = readMessage(message)
    const [from, to] = [addSeconds(AT, -300), addSeconds(AT, 300)]
    expect(certificates).toMatchObject([{ version: 2n, notBefore: from, notAfter: to }])
    expect(certificates[0]?.extensions).toMatchObject({ isCa: false, aki: child.id.ski })
    expect(crls).toMatchObject([{ thisUpdate: from, nextUpdate: to, aki: child.id.ski, number: 1780315200000n }])
    expect(crls[0]?.revoked.size).toBe(0)
  })

  it('has another serial number and another key than the message before', async () => {
    const [first] = readMessage(message).certificates
    const [second] = readMessage(await child.say(TEXT, AT)).certificates
    expect(second?.serial).not.toBe(first?.serial)
    expect(second?.key?.ski).not.toBe(first?.key?.ski)
    expect(first?.serial?.toString(16)).toHaveLength(40)
  })

  it('carries content of any size', async () => {
    for (const size of [0, 1, 127, 128, 65_536, 2_000_000]) {
      const content = new Uint8Array(size).fill(0x20)
      const heard = parent.hear(await child.say(content, AT), child, AT)
      expect(Buffer.compare(heard.content, content)).toBe(0)
    }
  })

  it('is ContentInfo with SignedData of five members', () => {
    const root = parseDer(message, createFindings())
    const signedData = root === undefined ? undefined : elementsIn(root)[1]
    const [inner] = signedData === undefined ? [] : elementsIn(signedData)
    expect(inner === undefined ? [] : elementsIn(inner).map(({ tag }) => tag)).toEqual([
      2, 0x31, 0x30, 0xa0, 0xa1, 0x31,
    ])
  })
})
