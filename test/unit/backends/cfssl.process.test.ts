/** CFSSL: what its answers mean. */
import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addSeconds } from '../../../src/core/base/time.js'
import type { CaConfig } from '../../../src/core/config/enrolment/schema.js'
import { certificatesOf, readPlainCertificate } from '../../../src/core/pki/certificate.js'
import { type Knob, peerFiles } from '../../support/peers/ca-peer.js'
import { cfsslError, cfsslPeer } from '../../support/peers/cfssl-peer.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { describeContract, faultOf, NOW, opened, PROFILE, patient } from './contract.js'

const box = new OpensslBox()
const files = peerFiles(box, 'cfssl')
const revoked: unknown[] = []
const peer = cfsslPeer(files, PROFILE, revoked)
const csr = box.request({ san: 'DNS:a.example' })
let config: Extract<CaConfig, { backend: 'cfssl' }>

beforeAll(async () => {
  config = {
    id: 'remote',
    backend: 'cfssl',
    url: await peer.listen(),
    caCert: files.ca.cert,
    tlsCa: files.tlsCa,
    authCert: files.client.cert,
    authKey: files.client.key,
    profile: undefined,
    probeProfile: undefined,
  }
})
afterEach(() => {
  peer.knob = undefined
})
afterAll(async () => {
  await peer.close()
  box.remove()
})

describeContract(
  'cfssl',
  () => ({
    config,
    caCert: readFileSync(files.ca.cert),
    requests: () => peer.requests,
    csr,
    expired: addSeconds(NOW, 3651 * 86_400),
    incomplete: { ...config, authKey: box.path('nowhere.pem') },
    broken: { ...config, url: `${config.url}1` },
  }),
  () => {
    peer.knob = 'hang'
  },
)

const sign = async (changed: Partial<typeof config> = {}, signal = patient()) =>
  (await opened({ ...config, ...changed } as CaConfig)).issue({ csr, profile: PROFILE, signal })

describe('a request to CFSSL', () => {
  it('names the profile of the label, or the one that the CA has for it, and never the hosts', async () => {
    await sign()
    const first = JSON.parse(peer.asked.at(-1)!.body)
    expect([Object.keys(first), first.profile]).toEqual([['certificate_request', 'profile'], 'deviceCert'])
    await sign({ profile: 'devices' })
    expect(JSON.parse(peer.asked.at(-1)!.body).profile).toBe('devices')
  })

  it.each<[string, Knob, string]>([
    ['a request that it cannot read', cfsslError(9002, 'CSR Decode failed'), 'request-fault'],
    ['a request that its policy refuses', cfsslError(5300, 'Policy violation request'), 'request-fault'],
    ['a profile that it has not', cfsslError(5400, 'Unknown policy profile'), 'config-fault'],
    ['a method that is not allowed', cfsslError(405, 'Method is not allowed', 405), 'config-fault'],
    ['no key of its own', cfsslError(2100, 'Failed to read private key'), 'ca-fault'],
    ['a broken database', cfsslError(11100, 'Insertion failed'), 'ca-fault'],
    ['an error of its own', cfsslError(0, 'boom', 500), 'ca-fault'],
    ['a success without a certificate', { status: 200, body: '{"success":true,"result":{}}' }, 'unknown'],
    ['neither', { status: 200, body: '{}' }, 'unknown'],
    ['a page of HTML', 'html-200', 'unknown'],
    ['nothing', 'nothing', 'unknown'],
    ['half a body', 'half-body', 'unknown'],
  ])('that is answered with %s', async (_, knob, outcome) => {
    peer.knob = knob
    const fault = await faultOf(sign())
    expect(fault.outcome).toBe(outcome)
    if (typeof knob === 'object' && knob.body?.includes('message'))
      expect(fault.message).toContain(JSON.parse(knob.body).errors[0].message)
  })

  it('without an answer may have made a certificate; a probe has not', async () => {
    peer.knob = 'hang'
    expect((await faultOf(sign({}, AbortSignal.timeout(400)))).outcome).toBe('unknown')
    expect((await faultOf((await opened(config)).probe(AbortSignal.timeout(400)))).outcome).toBe('ca-fault')
  })
})

describe('a probe of CFSSL', () => {
  it('finds out that another CA serves there', async () => {
    const other = box.ca('other')
    const fault = await faultOf((await opened({ ...config, caCert: other.cert })).probe(patient()))
    expect([fault.outcome, fault.code]).toEqual(['config-fault', 'ca-other'])
  })

  it('signs where it has a profile for that, and checks what comes back', async () => {
    await (await opened({ ...config, probeProfile: 'probe' })).probe(patient())
    const asked = peer.asked.at(-1)!
    expect([asked.path, JSON.parse(asked.body).profile]).toEqual(['/api/v1/cfssl/sign', 'probe'])
    const foreign = readFileSync(files.ca.cert, 'utf8')
    peer.knob = { status: 200, body: JSON.stringify({ success: true, result: { certificate: foreign } }) }
    const fault = await faultOf((await opened({ ...config, probeProfile: 'probe' })).probe(patient()))
    expect([fault.outcome, fault.code]).toEqual(['ca-fault', 'ca-signature'])
    peer.knob = undefined
    const stranger = { ...config, caCert: box.ca('stranger').cert, probeProfile: 'probe' }
    expect((await faultOf((await opened(stranger)).probe(patient()))).code).toBe('ca-signature')
  })
})

describe('a revocation at CFSSL', () => {
  it('names the certificate as CFSSL does', async () => {
    await (await opened(config)).revoke('ff', 'keyCompromise', patient())
    const ski = readPlainCertificate(certificatesOf(readFileSync(files.ca.cert))[0]!)?.ski
    expect(revoked).toEqual([
      { serial: '255', authority_key_id: Buffer.from(ski!).toString('hex'), reason: 'keycompromise' },
    ])
  })

  it('is refused in the operator’s name where the server keeps no certificates', async () => {
    peer.knob = { status: 404, body: '404 page not found' }
    const fault = await faultOf((await opened(config)).revoke('ff', 'superseded', patient()))
    expect([fault.outcome, fault.code]).toEqual(['config-fault', 'ca-url-unknown'])
  })
})
