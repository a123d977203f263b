/** What a Dogtag 10.10 does: one suite, run against the stand-in and against a real one. */
import { describe, expect, it } from 'vitest'
import { httpClient } from '../../../src/core/backends/http.js'
import type { HttpResponse } from '../../../src/core/backends/http-faults.js'
import { openBackend } from '../../../src/core/backends/open.js'
import type { BackendPorts } from '../../../src/core/backends/ports.js'
import type { DogtagBackend } from '../../../src/core/config/enrolment/schema.js'
import { BackendFault, type CaBackend, type Issued } from '../../../src/core/ha/backend.js'
import { type PlainCertificate, readPlainCertificate } from '../../../src/core/pki/certificate.js'
import { pem } from '../../../src/core/pki/pem.js'
import { type CertificateProfile, EXTENDED_KEY_USAGES } from '../../../src/core/pki/profile.js'
import type { OpensslBox } from './requests.js'

export interface DogtagSubject {
  readonly config: DogtagBackend
  readonly ports: BackendPorts
  readonly profile: CertificateProfile
  readonly box: OpensslBox
}

const patient = (): AbortSignal => AbortSignal.timeout(30_000)

async function faultOf(promise: Promise<unknown>): Promise<BackendFault> {
  const error = await promise.then(
    (value) => new Error(`no fault: ${JSON.stringify(value)}`),
    (cause: unknown) => cause,
  )
  if (!(error instanceof BackendFault)) throw error
  return error
}

/** Runs the suite; `subject` is asked for once the server is there. */
export function describeDogtag(name: string, subject: () => DogtagSubject): void {
  const backend = (changed: Partial<DogtagBackend>): Promise<CaBackend> => {
    const { config, ports } = subject()
    return openBackend({ id: 'remote', ...config, ...changed }, ports)
  }
  const enroll = async (changed: Partial<DogtagBackend>, csr: Uint8Array): Promise<Issued> =>
    (await backend(changed)).issue({ csr, profile: subject().profile, signal: patient() })
  const certificateOf = (issued: Issued): PlainCertificate => {
    if (issued.outcome !== 'ok') throw new Error(issued.outcome)
    return readPlainCertificate(issued.certificate)!
  }
  const server = (): Uint8Array =>
    subject().box.request({ key: 'rsa', subject: '/CN=a.example', san: 'DNS:a.example,DNS:b.example' })
  const user = (dn: string): Uint8Array => subject().box.request({ key: 'rsa', subject: dn })

  describe(`the answers of ${name}`, () => {
    it('have the members and types that the backend reads', async () => {
      const { config, ports, box } = subject()
      const ask = httpClient(config, ports)
      let Cookie = ''
      const send = async (method: 'GET' | 'POST', path: string, body?: string): Promise<HttpResponse> => {
        const headers = { Accept: 'application/json', 'Content-Type': 'application/json', Cookie }
        return ask({ method, path, headers, signal: patient(), ...(body !== undefined && { body }) })
      }
      const textOf = async (method: 'GET' | 'POST', path: string, body?: string): Promise<string> =>
        (await send(method, `/ca/rest${path}`, body)).body.toString('utf8')
      expect((await send('GET', '/ca/v2/account/login')).status).toBe(404)
      const login = await send('GET', '/ca/rest/account/login')
      Cookie = login.headers['set-cookie']?.[0]?.split(';')[0] ?? ''
      expect(JSON.parse(login.body.toString())).toMatchObject({ Roles: { Role: expect.anything() } })
      const unknown = await send('GET', '/ca/rest/certrequests/profiles/nowhere')
      expect([unknown.status, unknown.body.toString()]).toEqual([400, expect.stringContaining('Profile not found')])
      const form = JSON.parse(await textOf('GET', '/certrequests/profiles/caServerCert'))
      const values: Record<string, string> = {
        cert_request_type: 'pkcs10',
        cert_request: pem('CERTIFICATE REQUEST', box.request({ key: 'rsa', subject: '/CN=a.example' })),
      }
      for (const { Attribute } of form.Input)
        for (const one of Attribute) if (values[one.name] !== undefined) one.Value = values[one.name]
      const [entry] = JSON.parse(await textOf('POST', '/certrequests', JSON.stringify(form))).entries
      expect([entry.requestID, entry.requestId, entry.requestStatus, entry.certId]).toEqual([
        undefined,
        undefined,
        'pending',
        null,
      ])
      const number = /\/ca\/rest\/certrequests\/(\d+)$/.exec(entry.requestURL)![1]!
      const review = await textOf('GET', `/agent/certrequests/${number}`)
      expect(review).toMatch(/"nonce":"-?\d+"/)
      expect((await send('POST', `/ca/rest/agent/certrequests/${number}/approve`, review)).status).toBe(204)
      const done = JSON.parse(await textOf('GET', `/certrequests/0x${Number(number).toString(16)}`))
      expect([done.requestStatus, done.certId, done.certURL]).toEqual([
        'complete',
        expect.stringMatching(/^0x[0-9a-f]+$/),
        expect.stringMatching(/\/certs\/\d+$/),
      ])
      expect(await textOf('GET', `/agent/certs/${done.certId}`)).toMatch(/"Nonce":-?\d+[,}]/)
      expect(await textOf('GET', `/certs/${BigInt(done.certId)}`)).toMatch(/"Nonce":null/)
      expect((await send('GET', '/ca/rest/certrequests/0xffffff')).status).toBe(404)
      expect((await send('GET', '/ca/rest/certs/0xffffff')).status).toBe(404)
      const status = (await send('GET', '/ca/admin/ca/getStatus')).body.toString()
      expect(status).toMatch(/^<\?xml.*<Status>running<\/Status>/)
      expect((await send('GET', '/ca/rest/account/logout')).status).toBe(204)
    })
  })

  describe(`an enrolment at ${name}`, () => {
    it('is pending by the number in its URL, and is complete once an agent has approved it', async () => {
      const pending = await enroll({ profile: 'caServerCert' }, server())
      if (pending.outcome !== 'pending') throw new Error(pending.outcome)
      expect(pending.reference).toMatch(/^\d+$/)
      const waiting = await backend({ profile: 'caServerCert' })
      expect((await waiting.poll(pending.reference, patient())).outcome).toBe('pending')
      expect((await waiting.poll(`0x${Number(pending.reference).toString(16)}`, patient())).outcome).toBe('pending')
      const approving = await backend({ profile: 'caServerCert', autoApprove: true })
      expect(certificateOf(await approving.poll(pending.reference, patient())).subject.text).toBe('CN=a.example')
      expect((await waiting.poll(pending.reference, patient())).outcome).toBe('ok')
    })

    it('gets what the policy of the profile makes of it: one name of two, and another use', async () => {
      const { serverAuth, clientAuth } = EXTENDED_KEY_USAGES
      const manual = certificateOf(await enroll({ profile: 'caServerCert', autoApprove: true }, server()))
      expect([manual.names.dns, manual.extendedKeyUsages]).toEqual([['a.example'], [serverAuth, clientAuth]])
      const direct = certificateOf(await enroll({ profile: 'caAgentServerCert' }, server()))
      expect([direct.names.dns, direct.extendedKeyUsages]).toEqual([['a.example'], [serverAuth]])
    })

    it('with a profile that asks for the subject is filled in from the request', async () => {
      const changed = { profile: 'caUserCert', autoApprove: true }
      const { subject: dn } = certificateOf(await enroll(changed, user('/O=Ex/OU=u0/OU=u1/CN=Max/UID=max')))
      const texts = dn.attributes.map(([, text]) => text)
      expect([...texts].sort()).toEqual(['Ex', 'Max', 'max', 'u0', 'u1'])
      expect(Math.abs(texts.indexOf('u0') - texts.indexOf('Ex'))).toBe(1)
    })

    it('that the profile refuses is the fault of the request', async () => {
      const rejected = await faultOf(enroll({ profile: 'caUserCert' }, user('/CN=Max')))
      expect([rejected.outcome, rejected.message]).toEqual([
        'request-fault',
        expect.stringContaining('Subject Name Not Matched'),
      ])
      const nameless = subject().box.request({ key: 'rsa', subject: '/', san: 'DNS:a.example' })
      expect((await faultOf(enroll({ profile: 'caUserCert' }, nameless))).outcome).toBe('request-fault')
      const curve = await faultOf(enroll({ profile: 'caServerCert' }, subject().box.request()))
      expect([curve.outcome, curve.message]).toEqual([
        'request-fault',
        expect.stringContaining('Key Type RSA Not Matched'),
      ])
    })

    it('with an unknown profile is a fault of the configuration', async () => {
      const fault = await faultOf(enroll({ profile: 'nowhere' }, server()))
      expect([fault.outcome, fault.message]).toEqual(['config-fault', expect.stringContaining('Profile not found')])
    })
  })

  describe(`the rest of ${name}`, () => {
    it('revokes by the serial, and knows no other', async () => {
      const { serial } = certificateOf(await enroll({ profile: 'caAgentServerCert' }, server()))
      const ca = await backend({})
      await ca.revoke(serial, 'cessationOfOperation', patient())
      const fault = await faultOf(ca.revoke('ffffff', 'superseded', patient()))
      expect([fault.outcome, fault.code]).toEqual(['request-fault', 'ca-certificate-unknown'])
    })

    it('is probed without a certificate, and with one of a profile', async () => {
      await (await backend({})).probe(patient())
      await (await backend({ probeProfile: 'caServerCert', autoApprove: true })).probe(patient())
      for (const probeProfile of ['nowhere', 'caUserCert']) {
        const fault = await faultOf((await backend({ probeProfile, autoApprove: true })).probe(patient()))
        expect([probeProfile, fault.outcome]).toEqual([probeProfile, 'config-fault'])
      }
    })
  })
}
