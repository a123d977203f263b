/** A CA behind another EST server. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { addSeconds } from '../../../src/core/base/time.js'
import type { CaConfig } from '../../../src/core/config/enrolment/schema.js'
import { certificatesOf } from '../../../src/core/pki/certificate.js'
import { certsOnly, estBytes, readCertsOnly } from '../../../src/core/pki/certs-only.js'
import { type Knob, peerFiles } from '../../support/peers/ca-peer.js'
import { type EstSwitches, estPeer } from '../../support/peers/est-peer.js'
import { OpensslBox } from '../../support/peers/requests.js'
import { describeContract, faultOf, NOW, opened, PROFILE, patient } from './contract.js'

const box = new OpensslBox()
const files = peerFiles(box, 'est')
const switches: EstSwitches = { isManual: false, password: undefined }
const peer = estPeer(files, PROFILE, switches)
const csr = box.request({ san: 'DNS:a.example' })
let config: Extract<CaConfig, { backend: 'est' }>

beforeAll(async () => {
  config = {
    id: 'remote',
    backend: 'est',
    url: await peer.listen(),
    caCert: files.ca.cert,
    tlsCa: files.tlsCa,
    authCert: files.client.cert,
    authKey: files.client.key,
    profile: undefined,
    label: 'devices',
    username: undefined,
    passwordFile: undefined,
  }
})
afterEach(() => {
  peer.knob = undefined
  switches.isManual = false
  switches.password = undefined
})
afterAll(async () => {
  await peer.close()
  box.remove()
})

describeContract(
  'est',
  () => ({
    config,
    caCert: readFileSync(files.ca.cert),
    requests: () => peer.requests,
    csr,
    expired: addSeconds(NOW, 3651 * 86_400),
    incomplete: { ...config, tlsCa: box.path('nowhere.pem') },
    broken: { ...config, label: 'nothing' },
  }),
  () => {
    peer.knob = 'hang'
  },
)

const enroll = async (changed: Partial<typeof config> = {}, signal = patient()) =>
  (await opened({ ...config, ...changed } as CaConfig)).issue({ csr, profile: PROFILE, signal })

describe('what is pending at an EST server', () => {
  it('is asked for again with the same request, until it is there', async () => {
    switches.isManual = true
    const pending = await enroll()
    expect(pending).toMatchObject({ outcome: 'pending', retryAfter: 120 })
    const first = peer.asked.at(-1)!.body
    const { reference } = pending as Extract<typeof pending, { outcome: 'pending' }>
    const backend = await opened(config)
    expect(await backend.poll(reference, patient())).toEqual(pending)
    expect(peer.asked.at(-1)!.body).toBe(first)
    switches.isManual = false
    expect((await backend.poll(reference, patient())).outcome).toBe('ok')
  })

  it('may be asked for once more where the answer got lost', async () => {
    const reference = Buffer.from(csr).toString('base64')
    peer.knob = 'reset'
    expect((await faultOf((await opened(config)).poll(reference, patient()))).outcome).toBe('ca-fault')
    expect((await faultOf(enroll())).outcome).toBe('unknown')
  })

  it('is nothing that a broken reference finds', async () => {
    expect((await faultOf((await opened(config)).poll('17', patient()))).outcome).toBe('request-fault')
  })
})

describe('who asks an EST server', () => {
  it('is known by a password, from a file that only its owner reads', async () => {
    switches.password = 'ra:swordfish'
    const passwordFile = box.path('password')
    writeFileSync(passwordFile, 'swordfish\n', { mode: 0o600 })
    const basic = { authCert: undefined, authKey: undefined, username: 'ra', passwordFile }
    expect((await enroll(basic)).outcome).toBe('ok')
    switches.password = 'ra:other'
    const refused = await faultOf(enroll(basic))
    expect([refused.outcome, refused.code, refused.needsOperator]).toEqual(['config-fault', 'ca-client-refused', true])
    const open = box.path('open')
    writeFileSync(open, 'swordfish\n', { mode: 0o644 })
    const before = peer.requests
    const exposed = await faultOf(enroll({ ...basic, passwordFile: open }))
    expect([exposed.outcome, exposed.code]).toEqual(['config-fault', 'ca-key-exposed'])
    expect((await faultOf(enroll({ ...basic, username: undefined }))).code).toBe('ca-client-incomplete')
    expect(JSON.stringify([refused.message, exposed.message])).not.toContain('swordfish')
    expect(peer.requests).toBe(before)
  })

  it('is our configuration’s fault where nobody is known', async () => {
    const fault = await faultOf(enroll({ authCert: undefined, authKey: undefined }))
    // without a password there is no account that the server could lock
    expect([fault.outcome, fault.needsOperator]).toEqual(['config-fault', false])
  })
})

describe('an answer of an EST server', () => {
  it.each<[Knob, string]>([
    ['nothing', 'unknown'],
    ['html-200', 'unknown'],
    ['too-long', 'unknown'],
    [{ status: 204 }, 'unknown'],
    [{ status: 200, body: Buffer.from(certsOnly([])).toString('base64') }, 'unknown'],
    [{ status: 400, body: 'no' }, 'request-fault'],
    ['html-500', 'ca-fault'],
  ])('%j is classed', async (knob, outcome) => {
    peer.knob = knob
    expect((await faultOf(enroll())).outcome).toBe(outcome)
  })

  it('shows whether it is the CA that was meant', async () => {
    const fault = await faultOf((await opened({ ...config, caCert: box.ca('other').cert })).probe(patient()))
    expect([fault.outcome, fault.code]).toEqual(['config-fault', 'ca-other'])
  })

  it('cannot be a revocation', async () => {
    expect((await faultOf((await opened(config)).revoke('1', 'superseded', patient()))).outcome).toBe('request-fault')
  })
})

describe('certificates without a signature around them', () => {
  it('are read as OpenSSL writes them, and written as OpenSSL reads them', () => {
    const other = box.ca('second')
    const ders = [files.ca.cert, other.cert].map((path) => Buffer.from(certificatesOf(readFileSync(path))[0]!))
    const args = ['crl2pkcs7', '-nocrl', '-certfile', files.ca.cert, '-certfile', other.cert, '-outform', 'DER']
    const theirs = readCertsOnly(new Uint8Array(box.run(...args)))
    expect(theirs?.map((der) => Buffer.from(der))).toEqual(ders)
    const ours = execFileSync('openssl', ['pkcs7', '-inform', 'DER', '-print_certs'], { input: certsOnly(ders) })
    expect(certificatesOf(ours).map((der) => Buffer.from(der))).toEqual(ders)
  })

  it('are nothing else', () => {
    expect(readCertsOnly(csr)).toBeUndefined()
    expect(readCertsOnly(new Uint8Array([0x30]))).toBeUndefined()
    expect(estBytes(Buffer.from('<html>'))).toBeUndefined()
    expect(estBytes(Buffer.alloc(0))).toBeUndefined()
  })
})
