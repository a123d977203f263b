/** The check of an object before it is published: whatever differs from what was meant is refused. */
import { describe, expect, it } from 'vitest'
import { checkBeforePublish } from '../../../src/core/rpki/check-before-publish.js'
import { decodeRouterCertificate } from '../../../src/core/rpki/router-certificate.js'
import { NAMED_ROUTER, ROUTER_KEY } from '../../support/rpki/ee-defects.js'
import { certificate, crl, manifest, roa } from '../../support/rpki/objects.js'
import { CA, OTHER, TA } from '../../support/rpki/parts.js'

const ROUTER_SKI = decodeRouterCertificate(certificate('router', NAMED_ROUTER)).content?.ski ?? ''
const ROUTER_FILE = `ROUTER-0000FBF0-${ROUTER_SKI}.cer`

describe('checkBeforePublish', () => {
  it.each([
    ['a ROA under another name', 'other.roa', roa(), CA],
    ['a ROA named as a manifest', `${CA.name}.mft`, roa(), CA],
    ['a ROA of another issuer', 'AS64496.roa', roa(), TA],
    [
      'a ROA whose EE certificate another key signed',
      'AS64496.roa',
      roa(undefined, undefined, (p) => {
        p.signer = OTHER
      }),
      CA,
    ],
    ['a CRL of another issuer', `${CA.name}.crl`, crl(), TA],
    [
      'a CRL with a wrong signature',
      `${CA.name}.crl`,
      crl((p) => {
        p.breakSignature = true
      }),
      CA,
    ],
    [
      'a certificate that another key signed',
      `${CA.name}.cer`,
      certificate('ca', (p) => {
        p.signer = OTHER
      }),
      TA,
    ],
    [
      'a manifest whose EE certificate lives longer',
      `${CA.name}.mft`,
      manifest(undefined, undefined, (p) => {
        p.notAfter = { tag: 0x17, content: '270101000000Z', size: 13 }
      }),
      CA,
    ],
    ['a router certificate named as one of a CA', `${CA.name}.cer`, certificate('router', NAMED_ROUTER), TA],
    [
      'a router certificate of another AS',
      `ROUTER-0000FBF1-${ROUTER_SKI}.cer`,
      certificate('router', NAMED_ROUTER),
      CA,
    ],
    ['a router certificate of another key', `ROUTER-0000FBF0-${CA.name}.cer`, certificate('router', NAMED_ROUTER), CA],
    ['a router certificate of another issuer', ROUTER_FILE, certificate('router', NAMED_ROUTER), TA],
    ['a router certificate with the name of a host', ROUTER_FILE, certificate('router', ROUTER_KEY), CA],
    [
      'a router certificate without its key usage',
      ROUTER_FILE,
      certificate('router', (p) => {
        NAMED_ROUTER(p)
        delete p.extensions.eku
      }),
      CA,
    ],
    ['a ROA that names another issuer', 'AS64496.roa', roa(), { ...CA, subject: TA.name }],
    ['a CRL that names another issuer', `${CA.name}.crl`, crl(), { ...CA, subject: TA.name }],
    ['a file of another kind', 'x.txt', roa(), CA],
    ['nothing', 'AS64496.roa', new Uint8Array(), CA],
  ])('refuses %s', async (_what, name, bytes, issuer) => {
    expect(await checkBeforePublish(name, bytes, issuer)).not.toEqual([])
  })

  it('passes what may go out', async () => {
    expect(await checkBeforePublish('AS64496.roa', roa(), CA)).toEqual([])
    expect(await checkBeforePublish(`${CA.name}.mft`, manifest(), CA)).toEqual([])
    expect(await checkBeforePublish(ROUTER_FILE, certificate('router', NAMED_ROUTER), CA)).toEqual([])
  })
})
