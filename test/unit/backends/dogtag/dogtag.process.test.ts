/** A CA of Dogtag. */
import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addSeconds } from '../../../../src/core/base/time.js'
import type { CaConfig } from '../../../../src/core/config/enrolment/schema.js'
import { readPlainCertificate } from '../../../../src/core/pki/certificate.js'
import { peerFiles, tlsLeaf } from '../../../support/peers/ca-peer.js'
import { describeDogtag } from '../../../support/peers/dogtag-contract.js'
import { DogtagPeer, ROLES } from '../../../support/peers/dogtag-peer.js'
import { OpensslBox } from '../../../support/peers/requests.js'
import { describeContract, faultOf, NOW, opened, PROFILE, patient, portsAt } from '../contract.js'

const box = new OpensslBox()
const files = peerFiles(box, 'dogtag')
const peer = new DogtagPeer(files, PROFILE)
const { server, switches } = peer
const csr = box.request({ san: 'DNS:a.example' })
let config: Extract<CaConfig, { backend: 'dogtag' }>

beforeAll(async () => {
  config = {
    id: 'remote',
    backend: 'dogtag',
    url: await server.listen(),
    caCert: files.ca.cert,
    tlsCa: files.tlsCa,
    authCert: files.client.cert,
    authKey: files.client.key,
    profile: undefined,
    autoApprove: false,
    probeProfile: undefined,
  }
})
afterEach(() => {
  server.knob = undefined
  server.knobPath = /./
  Object.assign(switches, { version: '11.6', status: 'running', roles: ROLES, isApprovalRefused: false })
})
afterAll(async () => {
  await server.close()
  box.remove()
})

describeContract(
  'dogtag',
  () => ({
    config,
    caCert: readFileSync(files.ca.cert),
    requests: () => server.requests,
    csr,
    expired: addSeconds(NOW, 3651 * 86_400),
    incomplete: { ...config, authCert: box.path('nowhere.pem') },
    broken: { ...config, probeProfile: 'nowhere' },
  }),
  () => {
    server.knob = 'hang'
  },
)

describeDogtag('the stand-in', () => {
  switches.version = '10.10'
  return { config, box, profile: PROFILE, ports: portsAt() }
})

type Changed = Partial<typeof config>
const backend = (changed: Changed = {}) => opened({ ...config, ...changed } as CaConfig)
const enroll = async (changed: Changed = {}, signal = patient()) =>
  (await backend(changed)).issue({ csr, profile: PROFILE, signal })
const paths = (from: number): readonly string[] =>
  server.asked.slice(from).map(({ method, path }) => `${method} ${path}`)

describe('an enrolment at Dogtag', () => {
  it('logs in, fills the profile’s form, fetches the certificate and logs out', async () => {
    const from = server.asked.length
    expect((await enroll()).outcome).toBe('ok')
    expect(paths(from).slice(0, 3)).toEqual([
      'GET /ca/v2/account/login',
      'GET /ca/v2/certrequests/profiles/deviceCert',
      'POST /ca/v2/certrequests',
    ])
    expect(paths(from)[3]).toMatch(/^GET \/ca\/v2\/certs\/0x/)
    expect([paths(from)[4], paths(from).length, peer.openSessions]).toEqual(['GET /ca/v2/account/logout', 5, 0])
  })

  it('speaks version 1 to a server that has no other', async () => {
    switches.version = '10.10'
    expect((await enroll()).outcome).toBe('ok')
  })

  it('waits for an agent, and is asked for by its number', async () => {
    const pending = await enroll({ profile: 'caManual' })
    if (pending.outcome !== 'pending') throw new Error(pending.outcome)
    expect(pending.reference).toBe(`0x${peer.requests.length.toString(16)}`)
    const ca = await backend({ profile: 'caManual' })
    expect((await ca.poll(pending.reference, patient())).outcome).toBe('pending')
    await peer.approve(peer.requests.length - 1)
    expect((await ca.poll(pending.reference, patient())).outcome).toBe('ok')
  })

  it('is approved by us only where the configuration says so, with the nonce to its last digit', async () => {
    expect((await enroll({ profile: 'caManual', autoApprove: true })).outcome).toBe('ok')
    const pending = await enroll({ profile: 'caManual' })
    if (pending.outcome !== 'pending') throw new Error(pending.outcome)
    expect(peer.requests.at(-1)!.status).toBe('pending')
  })

  it('whose approval is refused here stays pending, since another agent may approve it', async () => {
    switches.isApprovalRefused = true
    const made = peer.certificates.size
    const pending = await enroll({ profile: 'caManual', autoApprove: true })
    if (pending.outcome !== 'pending') throw new Error(pending.outcome)
    expect(pending.message).toMatch(/could not be approved here: .*Authorization Error/)
    expect(peer.certificates.size).toBe(made)
    await peer.approve(peer.requests.length - 1)
    expect((await (await backend()).poll(pending.reference, patient())).outcome).toBe('ok')
  })

  it('that is rejected, by a profile that is not there, or by nobody we know', async () => {
    const rejected = await faultOf(enroll({ profile: 'caRefusing' }))
    expect([rejected.outcome, rejected.message]).toEqual([
      'request-fault',
      expect.stringContaining('Subject Name Not Matched'),
    ])
    const missing = await faultOf(enroll({ profile: 'caNowhere' }))
    expect([missing.outcome, missing.message]).toEqual(['config-fault', expect.stringContaining('Profile not found')])
    // the first key that the box made is the one of the TLS root
    const other = tlsLeaf(box, { cert: files.tlsCa, key: box.path('key1.pem') }, 'somebody')
    const stranger = await faultOf(enroll({ authCert: other.cert, authKey: other.key }))
    expect([stranger.outcome, stranger.code]).toEqual(['config-fault', 'ca-client-refused'])
    expect((await faultOf((await backend()).poll('0xffff', patient()))).outcome).toBe('request-fault')
    expect((await faultOf((await backend()).poll('../../x', patient()))).outcome).toBe('request-fault')
  })

  it('whose answer is lost may have made a certificate; once it has a number nothing is lost', async () => {
    server.knobPath = /\/certrequests$/
    server.knob = 'reset'
    expect((await faultOf(enroll())).outcome).toBe('unknown')
    for (const knob of ['reset', 'hang', { status: 404 }] as const) {
      server.knobPath = /\/certs\//
      server.knob = knob
      const pending = await enroll({}, AbortSignal.timeout(knob === 'hang' ? 700 : 10_000))
      if (pending.outcome !== 'pending') throw new Error(pending.outcome)
      server.knob = undefined
      expect((await (await backend()).poll(pending.reference, patient())).outcome).toBe('ok')
    }
  })

  it.each([
    ['html-500', 'ca-fault'],
    [{ status: 503 }, 'ca-fault'],
    [{ status: 409 }, 'ca-fault'],
    ['nothing', 'unknown'],
    ['html-200', 'unknown'],
    [{ status: 200, body: '{"entries":[{"requestStatus":"pending"}]}' }, 'unknown'],
    [
      { status: 500, body: '{"Message":"Unable to create enrollment request: Subject Name Not Found"}' },
      'request-fault',
    ],
    [{ status: 400, body: '{"Message":"no CN"}' }, 'request-fault'],
  ] as const)('that is answered with %j', async (knob, outcome) => {
    server.knobPath = /\/certrequests$/
    server.knob = knob
    expect((await faultOf(enroll())).outcome).toBe(outcome)
  })
})

describe('a probe of Dogtag', () => {
  it.each(['10.10', '11.6'] as const)(
    'logs in, asks whether version %s runs, and makes no certificate',
    async (version) => {
      switches.version = version
      const before = [peer.certificates.size, peer.openSessions]
      const ca = await backend()
      await ca.probe(patient())
      switches.status = 'starting'
      const fault = await faultOf(ca.probe(patient()))
      expect([fault.outcome, fault.message]).toEqual(['ca-fault', expect.stringContaining('"starting"')])
      expect([peer.certificates.size, peer.openSessions]).toEqual(before)
    },
  )

  it.each(['10.10', '11.6'] as const)('of version %s finds out that the agent may not approve', async (version) => {
    switches.version = version
    for (const [roles, code] of [
      [ROLES, undefined],
      [['Certificate Manager Agents'], undefined],
      [['Auditors'], 'ca-agent-role'],
      [['Auditors', 'Administrators'], 'ca-agent-role'],
    ] as const) {
      switches.roles = roles
      const probed = (await backend({ autoApprove: true })).probe(patient())
      if (code === undefined) await probed
      else expect((await faultOf(probed)).code).toBe(code)
      await (await backend()).probe(patient())
    }
  })

  it('finds out that the profile of the configuration is gone', async () => {
    expect((await faultOf((await backend({ profile: 'nowhere' })).probe(patient()))).outcome).toBe('config-fault')
  })

  it('signs where it has a profile for that', async () => {
    const made = peer.certificates.size
    await (await backend({ probeProfile: 'deviceCert' })).probe(patient())
    expect(peer.certificates.size).toBe(made + 1)
    const waiting = await faultOf((await backend({ probeProfile: 'caManual' })).probe(patient()))
    expect([waiting.outcome, waiting.code]).toEqual(['config-fault', 'ca-probe-pending'])
    server.knobPath = /\/certs\//
    server.knob = 'reset'
    expect((await faultOf((await backend({ probeProfile: 'deviceCert' })).probe(patient()))).outcome).toBe('ca-fault')
  })
})

describe('a revocation at Dogtag', () => {
  it('shows the nonce of the session, and gives the reason in Dogtag’s words', async () => {
    const made = await enroll()
    if (made.outcome !== 'ok') throw new Error(made.outcome)
    const { serial } = readPlainCertificate(made.certificate)!
    await (await backend()).revoke(serial, 'keyCompromise', patient())
    expect(peer.revoked.get(`0x${serial}`)).toBe('Key_Compromise')
    expect((await faultOf((await backend()).revoke('dead', 'superseded', patient()))).outcome).toBe('request-fault')
  })
})
