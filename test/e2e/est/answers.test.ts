/** Answers of a CA that are no certificates, through an enrolment: who is asked next, what is told, what counts against the CA. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Instant } from '../../../src/core/base/time.js'
import { systemRandom } from '../../../src/core/crypto/random.js'
import { readRequest } from '../../../src/core/pki/csr.js'
import { issueCertificate } from '../../../src/core/pki/issue.js'
import { pem } from '../../../src/core/pki/pem.js'
import { BUILT_IN_PROFILES, type CertificateProfile } from '../../../src/core/pki/profile.js'
import { throwawayRequest } from '../../../src/core/pki/throwaway-request.js'
import { type CaPeer, issuerOf, type Knob, type PeerFiles, silentPort } from '../../support/peers/ca-peer.js'
import { cfsslError, cfsslPeer } from '../../support/peers/cfssl-peer.js'
import { estPeer } from '../../support/peers/est-peer.js'
import { EnrolSite, group, type Pair } from '../../support/sites/enrol-site.js'

const PROFILE = BUILT_IN_PROFILES.find(({ name }) => name === 'deviceCert') as CertificateProfile
const TODAY = new Date().toISOString().replace(/\.\d+/, '') as Instant
const site = new EnrolSite()
const silent = await silentPort()
let files: PeerFiles
let peer: CaPeer
let url = ''
let n = 0

beforeAll(async () => {
  await site.init()
  files = site.peerFiles('remote')
  peer = cfsslPeer(files, PROFILE)
  url = await peer.listen()
})
afterAll(async () => {
  silent.close()
  await peer.close()
  site.remove()
})

/** A CA that nothing is known of yet, before a backup whose key is here. */
function configured(more: { readonly url?: string; readonly tlsCa?: string } = {}): string {
  n += 1
  const id = `remote-${n}`
  const remote = site.remoteCa(id, 'cfssl', more.url ?? url, { ...files, tlsCa: more.tlsCa ?? files.tlsCa })
  const backup = site.fileCa('backup')
  site.configure(`[ha]\nattempt_timeout = "2s"\n${remote}${backup}${group('device', [id, 'backup'])}`)
  return id
}

/** CFSSL's answer with a certificate for `csr` that `ca` made at `at`. */
async function answerOf(ca: Pair, csr: Uint8Array, at: Instant, profile = PROFILE): Promise<Knob> {
  const { request } = readRequest(csr)
  if (request === undefined) throw new Error('no request')
  const certificate = pem('CERTIFICATE', await issueCertificate(issuerOf(ca), request, profile, at, systemRandom))
  return { status: 200, body: JSON.stringify({ success: true, result: { certificate } }) }
}

type Turn = Knob | ((csr: Uint8Array) => Promise<Knob>)

async function enrolled(id: string, turn: Turn | undefined) {
  const csr = site.request()
  peer.knob = typeof turn === 'function' ? await turn(new Uint8Array(readFileSync(csr))) : turn
  const before = peer.requests
  const outcome = await site.enrolFile('device', csr)
  peer.knob = undefined
  const { state, failures } = await site.member(id)
  return { csr, outcome, state, failures, reached: peer.requests - before }
}

interface Attempts {
  readonly attempts: readonly { readonly error?: string }[]
}

describe('a CA that is at fault is replaced by the next, and it counts:', () => {
  it.each<[string, Turn, RegExp]>([
    ['a page of HTML and 500', 'html-500', /status 500: an HTML page/],
    ['a redirect', 'redirect', /redirected \(status 302\), which is not followed/],
    ['a broken database', cfsslError(11100, 'Insertion failed'), /Insertion failed/],
    [
      'a certificate that has expired',
      (csr) => answerOf(files.ca, csr, '2020-01-01T00:00:00Z' as Instant),
      /is refused: the certificate expired at 2020-12-31/,
    ],
  ])('%s', async (_, turn, message) => {
    const id = configured()
    const { outcome, state, failures, reached } = await enrolled(id, turn)
    expect([outcome.code, outcome.ca, outcome.asked]).toEqual([0, 'backup', [`${id} ca-fault`, 'backup ok']])
    expect(outcome.run.json<Attempts>().attempts[0]?.error).toMatch(message)
    // the revocation of a certificate that is refused reaches the CA too
    expect([state, failures]).toEqual(['degraded', 1])
    expect(reached).toBeGreaterThanOrEqual(1)
    await site.verify('device', [outcome.pem])
  })

  it('TLS by an unknown root', async () => {
    const id = configured({ tlsCa: site.box.ca('unknown').cert })
    const { outcome, state, failures, reached } = await enrolled(id, undefined)
    expect([outcome.code, outcome.asked]).toEqual([0, [`${id} ca-fault`, 'backup ok']])
    expect(outcome.run.json<Attempts>().attempts[0]?.error).toMatch(/it is signed by an unknown root/)
    expect([state, failures, reached]).toEqual(['degraded', 1, 0])
  })

  it('a port where nobody says a word: nothing was sent yet', async () => {
    const id = configured({ url: silent.url })
    const { outcome, state, failures } = await enrolled(id, undefined)
    expect([outcome.code, outcome.asked]).toEqual([0, [`${id} ca-fault`, 'backup ok']])
    expect(outcome.run.json<Attempts>().attempts[0]?.error).toMatch(/could not be reached in time/)
    expect([state, failures]).toEqual(['degraded', 1])
  })
})

describe('a CA that may have issued is not replaced, and it counts:', () => {
  it.each<[string, Turn, RegExp]>([
    [
      'a certificate for another key',
      () => answerOf(files.ca, throwawayRequest('somebody'), TODAY),
      /is for another key/,
    ],
    ['half a body', 'half-body', /during its response \(status 200\)/],
    ['nothing before the headers', 'hang', /did not respond to the request in time/],
    ['nothing after the headers', 'hang-in-body', /did not complete its response \(status 200\) in time/],
    ['a connection broken off', 'reset', /closed the connection before a response/],
    ['a page of HTML and 200', 'html-200', /an HTML page instead of JSON/],
    ['200 with nothing', 'nothing', /status 200 with an empty body/],
    ['an answer without end', 'too-long', /larger than 1048576 bytes/],
    ['a success without a certificate', { status: 200, body: '{"success":true,"result":{}}' }, /no certificate/],
    ['a gateway that was tired of waiting', { status: 504 }, /status 504/],
  ])('%s', async (_, knob, message) => {
    const id = configured()
    const { csr, outcome, state, failures, reached } = await enrolled(id, knob)
    expect([outcome.code, outcome.error, outcome.asked]).toEqual([18, 'est-unknown', [`${id} unknown`]])
    expect(outcome.message).toMatch(message)
    expect(outcome.message).toContain(`${id} may have issued a certificate`)
    expect([state, failures, reached]).toEqual(['degraded', 1, 1])
    expect((await site.brine('est', 'status', outcome.id)).code).toBe(18)
    const again = await site.enrolFile('device', csr)
    expect([again.code, again.error, again.asked]).toEqual([1, 'est-request-open', []])
  })
})

describe('a CA that is not the configured one is replaced at once:', () => {
  it('a certificate by another CA', async () => {
    const id = configured()
    const { outcome, state } = await enrolled(id, (csr) => answerOf(site.ca('stranger'), csr, TODAY))
    expect([outcome.code, outcome.asked, state]).toEqual([0, [`${id} config-fault`, 'backup ok'], 'circuit-open'])
    expect(outcome.run.json<Attempts>().attempts[0]?.error).toMatch(/is not signed by .*remote/)
  })
})

describe('a CA that we are not let in at is replaced at once, and probed again by itself:', () => {
  it.each<[string, Knob, RegExp]>([
    ['401', { status: 401 }, /our credentials are missing or insufficient/],
    ['403', { status: 403 }, /our credentials are missing or insufficient/],
    ['404', { status: 404 }, /not found; check url, label and profile/],
    ['a profile that it has not', cfsslError(5400, 'Unknown policy profile'), /Unknown policy profile/],
  ])('%s', async (_, knob, message) => {
    const id = configured()
    const { outcome, state } = await enrolled(id, knob)
    expect([outcome.code, outcome.asked]).toEqual([0, [`${id} config-fault`, 'backup ok']])
    expect(outcome.run.json<Attempts>().attempts[0]?.error).toMatch(message)
    expect([state, (await site.member(id)).openUntil]).toEqual(['circuit-open', expect.stringMatching(/Z$/)])
  })
})

describe('a certificate that is not handed out is recorded, and nothing counts against the CA:', () => {
  it('one for what the profile does not accept', async () => {
    const id = configured()
    const policy = { ...PROFILE, extendedKeyUsages: ['codeSigning'] } as const
    const { outcome, state, failures } = await enrolled(id, (csr) => answerOf(files.ca, csr, TODAY, policy))
    expect([outcome.code, outcome.error, outcome.asked]).toEqual([
      1,
      'est-certificate-refused',
      [`${id} request-fault`],
    ])
    expect(outcome.message).toMatch(
      /extended key usage codeSigning, not clientAuth; deviceCert does not accept any-usage/,
    )
    expect([state, failures]).toEqual(['healthy', 0])
    const [listed] = (await site.brine('est', 'cert', 'list', '--ca', id, '--json')).json<{
      certificates: { state: string; serial: string; refused: string }[]
    }>().certificates
    expect(outcome.message).toContain(`${listed?.serial} is recorded`)
    expect(listed).toMatchObject({ state: 'revoked', refused: expect.stringContaining('codeSigning') })
    expect(outcome.message).toContain(`was revoked at ${id}`)
  })
})

describe('a CA that refuses the request is not replaced by a laxer one, and nothing counts:', () => {
  it.each<[string, Knob, RegExp]>([
    ['a policy that is violated', cfsslError(5300, 'Policy violation request'), /Policy violation request/],
    ['422', { status: 422, body: 'no such device' }, /status 422: "?no such device/],
  ])('%s', async (_, knob, message) => {
    const id = configured()
    const { csr, outcome, state, failures } = await enrolled(id, knob)
    expect([outcome.code, outcome.error, outcome.asked]).toEqual([1, 'est-refused', [`${id} request-fault`]])
    expect(outcome.message).toMatch(message)
    expect([state, failures]).toEqual(['healthy', 0])
    // nothing is open: it may be asked again as soon as somebody has changed the CA's mind
    expect((await site.enrolFile('device', csr)).code).toBe(0)
  })
})

describe('a CA where somebody has to decide', () => {
  it('is asked for the same request until there is a certificate, and nothing counts', async () => {
    const switches = { isManual: true, password: undefined }
    const manual = estPeer(files, PROFILE, switches)
    const remote = site.remoteCa('manual', 'est', await manual.listen(), files, 'label = "devices"\n')
    site.configure(`${remote}${site.fileCa('backup')}${group('device', ['manual', 'backup'])}`)
    const csr = site.request()
    const first = await site.enrolFile('device', csr)
    expect([first.code, first.error, first.asked]).toEqual([17, 'est-pending', ['manual pending']])
    const again = await site.enrolFile('device', csr)
    expect([again.code, again.id, (await site.brine('est', 'status', first.id)).code]).toEqual([17, first.id, 17])
    switches.isManual = false
    const served = await site.enrolFile('device', csr)
    expect([served.code, served.id, served.ca]).toEqual([0, first.id, 'manual'])
    expect([(await site.brine('est', 'status', first.id)).code, await site.states()]).toEqual([0, 'healthy healthy'])
    await site.verify('device', [served.pem])
    await manual.close()
  })
})
