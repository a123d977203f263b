/** Verdicts: a broken rule is not the same as untidiness that validators accept, nor as what is legal and rpki-client refuses. */
import { describe, expect, it } from 'vitest'
import { bits, integer, oid, seq, utcOrGeneralized } from '../../../../src/core/der/writer.js'
import { inspectObject, type Verdict } from '../../../../src/core/rpki/inspect/inspect.js'
import { ROUTER_KEY } from '../../../support/rpki/ee-defects.js'
import { type CertPatch, certificate, crl, roa } from '../../../support/rpki/objects.js'
import { access, aki, as, at, CA, CA_REPO, HOST, NOW, name, sia, TA } from '../../../support/rpki/parts.js'

async function judged(file: string, bytes: Uint8Array): Promise<readonly [Verdict, readonly string[]]> {
  const { verdict, faults } = await inspectObject(file, bytes, NOW)
  return [verdict, faults.map(({ rule, message }) => `${rule}: ${message}`)]
}

const own = [access(5, CA_REPO), access(10, `${CA_REPO}${CA.name}.mft`), access(13, `https://${HOST}/n.xml`)]
const withSia =
  (...more: readonly ReturnType<typeof access>[]): CertPatch =>
  (p) => {
    p.extensions.sia = sia(...own, ...more)
  }

describe('legal, and accepted without a word', () => {
  it('a revocation date after thisUpdate, which a CA writes that revokes and issues in one second', async () => {
    const later = crl((p) => {
      p.revoked = seq(seq(integer(99), utcOrGeneralized(at('2026-06-01T00:05:00Z'))))
    })
    expect(await judged('a.crl', later)).toEqual(['valid', []])
  })

  it.each([
    ['repositories', access(5, `${CA_REPO}more/`)],
    ['repositories of another scheme', access(5, `https://${HOST}/repo/`)],
    ['manifests', access(10, `${CA_REPO}other.mft`)],
  ])('several access descriptions of one method: %s', async (_, more) => {
    expect(await judged('a.cer', certificate('ca', withSia(more)))).toEqual(['valid', []])
  })

  it('several URIs of one signed object', async () => {
    const bytes = roa(undefined, undefined, (p) => {
      p.extensions.sia = sia(access(11, `${CA_REPO}AS64496.roa`), access(11, `${CA_REPO}copy.roa`))
    })
    expect(await judged('AS64496.roa', bytes)).toEqual(['valid', []])
  })
})

describe('legal, and refused by rpki-client', () => {
  it('a router certificate of several AS numbers (RFC 8209 section 3.1.3.5)', async () => {
    const bytes = certificate('router', (p) => {
      ROUTER_KEY(p)
      p.extensions.as = as(integer(64496), integer(64499))
    })
    expect(await judged('r.cer', bytes)).toEqual(['refused', ['RFC 8209 section 3.1.3.5: more than one AS number']])
  })

  it('two notification files', async () => {
    const bytes = certificate('ca', withSia(access(13, `https://${HOST}/other.xml`)))
    expect(await judged('a.cer', bytes)).toEqual(['refused', ['RFC 6487 section 4.8.8: more than one URI of notify']])
  })
})

describe('faults', () => {
  const OTHER_PARAMETERS = seq(oid('1.2.840.113549.1.1.11'))

  it.each([
    [
      'certificate',
      (): Uint8Array =>
        certificate('ca', (p) => {
          p.outerAlgorithm = OTHER_PARAMETERS
        }),
    ],
    [
      'certificate, the other way',
      (): Uint8Array =>
        certificate('ca', (p) => {
          p.algorithm = OTHER_PARAMETERS
        }),
    ],
  ])('an algorithm that has NULL only inside or only outside of the signature: %s', async (_, make) => {
    const [verdict, messages] = await judged('a.cer', make())
    expect(verdict).toBe('invalid')
    expect(messages).toContainEqual(expect.stringMatching(/^RFC 5280 section 4\.1\.1\.2: the parameters of/))
  })

  it('a trust anchor certificate whose issuer is not its subject', async () => {
    const bytes = certificate('ta', (p) => {
      p.issuer = name('another')
      p.extensions.aki = aki(TA.ski)
    })
    expect(await judged('ta.cer', bytes)).toEqual([
      'invalid',
      ['RFC 8630 section 2.3: the issuer of a self-signed certificate is not its subject'],
    ])
  })

  it('are not outweighed by remarks', async () => {
    const bytes = certificate('ca', (p) => {
      p.serial = integer(0)
      p.extensions.ku = seq(oid('2.5.29.15'), bits(Uint8Array.of(6), 1))
    })
    expect((await judged('a.cer', bytes))[0]).toBe('invalid')
  })
})

it('what validators accept is untidy', async () => {
  const bytes = certificate('ca', (p) => {
    p.serial = integer(0)
  })
  expect(await judged('a.cer', bytes)).toEqual(['untidy', ['RFC 5280 section 4.1.2.2: the serial number is zero']])
})
