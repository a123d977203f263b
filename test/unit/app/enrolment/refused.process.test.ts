/** Certificates that a CA issued and that differ from their request: handed out as the profile accepts, else recorded and revoked. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  findCertificate,
  listCertificates,
  revokeCertificate,
} from '../../../../src/core/app/enrolment/certificates.js'
import { enroll } from '../../../../src/core/app/enrolment/enroll.js'
import type { Enrolled } from '../../../../src/core/app/enrolment/enrolment-run.js'
import { EST_HANDLERS } from '../../../../src/core/app/enrolment/est-handlers.js'
import { requestStatus } from '../../../../src/core/app/enrolment/follow-up.js'
import { resume } from '../../../../src/core/app/failover/override.js'
import type { OpenBackend } from '../../../../src/core/app/failover/probe.js'
import { haStatus } from '../../../../src/core/app/failover/status.js'
import { initDirectory } from '../../../../src/core/app/operations/init.js'
import { openSession, type Session } from '../../../../src/core/app/session/session.js'
import { openFileBackend } from '../../../../src/core/backends/file.js'
import { AppError } from '../../../../src/core/base/errors.js'
import { addSeconds, type Instant } from '../../../../src/core/base/time.js'
import { systemRandom } from '../../../../src/core/crypto/random.js'
import { BackendFault, type CaBackend, type Issued } from '../../../../src/core/ha/backend.js'
import { readPlainCertificate } from '../../../../src/core/pki/certificate.js'
import { readRequest } from '../../../../src/core/pki/csr.js'
import { issueCertificate } from '../../../../src/core/pki/issue.js'
import type { CertificateProfile } from '../../../../src/core/pki/profile.js'
import { issuerOf } from '../../../support/peers/ca-peer.js'
import { OpensslBox } from '../../../support/peers/requests.js'

const box = new OpensslBox()
const base = mkdtempSync(join(tmpdir(), 'brine-refused-'))
const BY = { how: 'operator', name: 'ops' } as const
let n = 0
let session: Session
let csr: Uint8Array
let asked: string[]
let revoked: (readonly [string, string])[]
/** What a CA does instead of signing and revoking. */
let instead: Readonly<Record<string, () => Promise<Issued>>>
let revocation: (() => Promise<never>) | undefined

const open: OpenBackend = async (_session, ca) => {
  const files = {
    backend: 'file',
    caCert: box.path(`${ca}.pem`),
    caKey: box.path(`${ca}.key`),
    chain: undefined,
  } as const
  const real = openFileBackend(ca, files, { clock: { now: session.now }, random: systemRandom } as never)
  return {
    ...real,
    issue: async (request): Promise<Issued> => {
      asked.push(ca)
      return (instead[ca] ?? (() => real.issue(request)))()
    },
    poll: async (): Promise<Issued> => {
      asked.push(ca)
      return (instead[ca] ?? fault('request-fault'))()
    },
    revoke: async (serial, reason) => {
      await revocation?.()
      revoked.push([`${ca} ${serial}`, reason])
    },
  } satisfies CaBackend
}

/** Two remote CAs as the configuration has them; the port above answers for them. */
function config(): string {
  const ca = (id: string): string =>
    `[[ca]]\nid = "${id}"\nbackend = "cfssl"\n[ca.cfssl]\nurl = "https://127.0.0.1:1"\nca_cert = "${box.path(`${id}.pem`)}"\n`
  return `${ca('one')}${ca('two')}[[ha.group]]\nname = "g"\nca_ids = ["one", "two"]\n[[est.label]]\nname = "device"\nca_id = "one"\nprofile = "deviceCert"\n`
}

beforeAll(() => {
  for (const id of ['one', 'two']) renameSync(box.ca(id).key, box.path(`${id}.key`))
}, 60_000)
afterAll(() => {
  box.remove()
  rmSync(base, { recursive: true, force: true })
})
beforeEach(async () => {
  n += 1
  asked = []
  revoked = []
  revocation = undefined
  instead = {}
  csr = box.request()
  const context = { dataDir: join(base, `${n}`), actor: 't', osUser: 't', host: 'h', command: 'test' }
  await initDirectory({ dataDir: context.dataDir, test: false })
  writeFileSync(join(context.dataDir, 'brine.toml'), config())
  session = await openSession(context)
})

const run = (more = {}): Promise<Enrolled> => enroll(session, { label: 'device', csr, by: BY, ...more }, open)
async function failed(more = {}): Promise<AppError> {
  const error = await run(more).then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof AppError)) throw new Error(`no AppError: ${String(error)}`)
  return error
}
const idOf = (error: AppError): string => (error.details as { id: string }).id
/** The refused certificate that an error names. */
function certificateOf({ details }: AppError): { readonly id: string; readonly serial: string } {
  const [first] = (details as { certificates: readonly { id: string; serial: string }[] }).certificates
  if (first === undefined) throw new Error('no certificate')
  return first
}
const fault = (outcome: BackendFault['outcome']) => async (): Promise<never> => {
  throw new BackendFault(outcome, 'test', `it was ${outcome}`)
}
/** Makes a CA answer with a certificate of `signer` for `of` by another profile or at another time. */
const made =
  (policy: Partial<CertificateProfile>, of?: Uint8Array, signer = 'one', at?: Instant) =>
  async (): Promise<Issued> => {
    const profile = session.enrolment.profiles.find(({ name }) => name === 'deviceCert')
    const { request } = readRequest(of ?? csr)
    if (profile === undefined || request === undefined) throw new Error('no profile or request')
    const issuer = issuerOf({ cert: box.path(`${signer}.pem`), key: box.path(`${signer}.key`) })
    const rules = { ...profile, ...policy }
    const certificate = await issueCertificate(issuer, request, rules, at ?? session.now(), systemRandom)
    return { outcome: 'ok', certificate }
  }

describe('an enrolment', () => {
  it('that got a certificate for another key is unknown: its own may have been issued', async () => {
    instead = { one: made({}, box.request({ subject: '/CN=other' })) }
    const error = await failed()
    expect([error.code, asked, revoked]).toEqual(['est-unknown', ['one'], []])
    expect(error.message).toMatch(/the certificate [0-9a-f]+ is for another key/)
    expect(await listCertificates(session, {})).toEqual([])
  })

  it.each([
    ['another CA', () => made({}, undefined, 'two'), 'config-fault', 'not signed by'],
    [
      'a wrong clock',
      () => made({ validSeconds: 3600 }, undefined, 'one', addSeconds(session.now(), -86_400)),
      'ca-fault',
      'expired at',
    ],
  ] as const)(
    'that got a certificate of %s asks the next CA; it is recorded and revoked',
    async (_, by, outcome, why) => {
      instead = { one: by() }
      const done = await run()
      expect([done.ca, done.attempts[0]?.outcome, asked]).toEqual(['two', outcome, ['one', 'two']])
      expect(done.attempts[0]?.error).toContain(why)
      const [refused] = await listCertificates(session, { ca: 'one' })
      expect(revoked).toEqual([[`one ${refused?.serial}`, 'cessationOfOperation']])
      expect([refused?.state, refused?.refused]).toEqual(['revoked', expect.stringContaining(why)])
      await resume(session, 'one', open)
    },
  )

  it.each<[string, Partial<CertificateProfile>, RegExp]>([
    ['a use of its own', { extendedKeyUsages: ['codeSigning'] }, /usage codeSigning.*does not accept any-usage/],
    ['a longer life', { validSeconds: 800 * 86_400 }, /longer than the 365 days.*does not accept longer-validity/],
  ])(
    'that got %s is refused for this request only: recorded, revoked, and nothing against the CA',
    async (_, policy, why) => {
      instead = { one: made(policy) }
      for (const device of [1, 2, 3, 4]) {
        csr = box.request({ subject: `/CN=device-${device}` })
        const error = await failed()
        expect([error.kind, error.code, error.changed]).toEqual(['rejected', 'est-certificate-refused', 'yes'])
        expect(error.message).toMatch(why)
        const { id, serial } = certificateOf(error)
        expect(error.message).toContain(`${serial} is recorded and was revoked at one`)
        expect(error.hint).toContain('[[est.profile]]')
        const { row, der } = await findCertificate(session, serial)
        expect([row.id, row.state, row.subject]).toEqual([id, 'revoked', `CN=device-${device}`])
        expect(row.refused).toMatch(why)
        expect(readPlainCertificate(der)?.serial).toBe(serial)
      }
      expect([asked, revoked.length]).toEqual([['one', 'one', 'one', 'one'], 4])
      const { groups } = await haStatus(session)
      expect(groups[0]?.members.map(({ state, failures }) => `${state} ${failures}`)).toEqual([
        'healthy 0',
        'healthy 0',
      ])
      // the request is closed, and the key may be used again
      instead = {}
      expect((await run()).ca).toBe('one')
    },
  )

  it('whose refused certificate cannot be revoked says so, and how to revoke it later', async () => {
    instead = { one: made({ extendedKeyUsages: ['codeSigning'] }) }
    revocation = fault('ca-fault')
    const error = await failed()
    const { id, serial } = certificateOf(error)
    expect(error.message).toContain(`${serial} is recorded, but it is not revoked at one: it was ca-fault`)
    expect(error.hint).toBe(`brine est cert revoke ${id} --because cessationOfOperation --yes`)
    const state = async (): Promise<string> => (await findCertificate(session, serial)).row.state
    expect(await state()).toBe('refused')
    revocation = undefined
    await revokeCertificate(session, id, 'cessationOfOperation', open)
    expect(await state()).toBe('revoked')
  })

  it('whose CA certificate cannot be read any more is recorded and revoked, and the next CA serves', async () => {
    const pem = box.path('one.pem')
    instead = {
      one: async () => {
        const issued = await made({})()
        renameSync(pem, `${pem}.away`)
        return issued
      },
    }
    const done = await run()
    renameSync(`${pem}.away`, pem)
    expect([done.ca, done.attempts[0]?.outcome, revoked.length]).toEqual(['two', 'config-fault', 1])
  })

  it('that was changed as the profile accepts is handed out, and the change is in the report', async () => {
    instead = { one: made({ extendedKeyUsages: ['serverAuth'] }) }
    const done = await run()
    expect(done.differences).toEqual(['the certificate has the extended key usage serverAuth, not clientAuth'])
    expect((await findCertificate(session, done.serial)).row).toMatchObject({ state: 'valid', refused: null })
  })

  it('that was pending and got a use of its own is refused when it is polled, recorded and revoked', async () => {
    instead = { one: async () => ({ outcome: 'pending', reference: 'r', retryAfter: 5 }) }
    const id = idOf(await failed())
    instead = { one: made({ extendedKeyUsages: ['codeSigning'] }) }
    await expect(requestStatus(session, id, open)).rejects.toMatchObject({
      kind: 'rejected',
      code: 'est-certificate-refused',
    })
    expect([asked, revoked.length]).toEqual([['one', 'one'], 1])
    expect(await listCertificates(session, {})).toMatchObject([{ state: 'revoked', ca: 'one' }])
    await expect(requestStatus(session, id, open)).rejects.toMatchObject({ code: 'est-request-unknown' })
  })

  it('leaves a refused certificate without any right: it neither renews nor authenticates', async () => {
    revocation = fault('ca-fault')
    instead = { one: made({ extendedKeyUsages: ['clientAuth', 'codeSigning'] }) }
    const { serial } = certificateOf(await failed())
    const { der } = await findCertificate(session, serial)
    expect(await failed({ renews: der })).toMatchObject({
      code: 'renewal-invalid',
      message: expect.stringContaining('was refused when it was issued'),
    })
    const certificate = readPlainCertificate(der)
    if (certificate === undefined) throw new Error('no certificate')
    expect((await EST_HANDLERS.findKnown(session)(certificate))?.revokedAt).toBeDefined()
  })

  it('may be renewed with the same request, although the CA has copied the commonName to the names', async () => {
    csr = box.request({ subject: '/CN=a.example' })
    const copied = box.request({ subject: '/CN=a.example', san: 'DNS:a.example' })
    const { request } = readRequest(copied)
    instead = {
      one: async () => {
        const own = readRequest(csr).request
        const profile = session.enrolment.profiles.find(({ name }) => name === 'deviceCert')
        if (own === undefined || profile === undefined) throw new Error('no request or profile')
        const issuer = issuerOf({ cert: box.path('one.pem'), key: box.path('one.key') })
        const made = { ...own, san: request?.san }
        return {
          outcome: 'ok',
          certificate: await issueCertificate(issuer, made, profile, session.now(), systemRandom),
        }
      },
    }
    const { certificate, differences } = await run()
    expect(differences).toEqual(['the certificate has the commonName as DNS:a.example'])
    expect((await run({ renews: certificate })).ca).toBe('one')
    csr = box.request({ subject: '/CN=a.example', san: 'DNS:b.example' })
    expect((await failed({ renews: certificate })).code).toBe('renewal-invalid')
  })
})
