/** Enrolment over a port: what is recorded when, and what is said where it cannot be. */
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findCertificate, revokeCertificate } from '../../../../src/core/app/enrolment/certificates.js'
import { enroll } from '../../../../src/core/app/enrolment/enroll.js'
import type { Enrolled } from '../../../../src/core/app/enrolment/enrolment-run.js'
import { closeRequest, requestStatus } from '../../../../src/core/app/enrolment/follow-up.js'
import { createPassword } from '../../../../src/core/app/enrolment/passwords.js'
import type { OpenBackend } from '../../../../src/core/app/failover/probe.js'
import { initDirectory } from '../../../../src/core/app/operations/init.js'
import { openSession, type Session } from '../../../../src/core/app/session/session.js'
import { openFileBackend } from '../../../../src/core/backends/file.js'
import type { CommitWatch } from '../../../../src/core/base/context.js'
import { AppError } from '../../../../src/core/base/errors.js'
import { systemRandom } from '../../../../src/core/crypto/random.js'
import { BackendFault, type CaBackend, type Issued } from '../../../../src/core/ha/backend.js'
import { OpensslBox } from '../../../support/peers/requests.js'

const box = new OpensslBox()
const base = mkdtempSync(join(tmpdir(), 'brine-enroll-'))
const BY = { how: 'operator', name: 'ops' } as const
let n = 0
let session: Session
let csr: Uint8Array
let asked: string[]
/** What a CA does instead of signing. */
let instead: Readonly<Record<string, () => Promise<Issued>>>

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
  } satisfies CaBackend
}

/** Two remote CAs as the configuration has them; the port above answers for them. */
function config(): string {
  const ca = (id: string): string =>
    `[[ca]]\nid = "${id}"\nbackend = "cfssl"\n[ca.cfssl]\nurl = "https://127.0.0.1:1"\nca_cert = "${box.path(`${id}.pem`)}"\n`
  return `${ca('one')}${ca('two')}[[ha.group]]\nname = "g"\nca_ids = ["one", "two"]\n[[est.label]]\nname = "device"\nca_id = "one"\nprofile = "deviceCert"\nauth = ["password"]\n[[est.label]]\nname = "closed"\nca_id = "one"\nprofile = "deviceCert"\n`
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
  instead = {}
  csr = box.request()
  session = await newSession(`${n}`)
})

async function newSession(name: string): Promise<Session> {
  const context = { dataDir: join(base, name), actor: 't', osUser: 't', host: 'h', command: 'test' }
  await initDirectory({ dataDir: context.dataDir, test: false })
  writeFileSync(join(context.dataDir, 'brine.toml'), config())
  return openSession(context)
}

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
const fault = (outcome: BackendFault['outcome']) => async (): Promise<never> => {
  throw new BackendFault(outcome, 'test', `it was ${outcome}`)
}

describe('a renewal', () => {
  /** A request with the subject as PrintableString or UTF8String. */
  function requested(subject: string, mask: string): Uint8Array {
    writeFileSync(box.path('mask.cnf'), `[req]\ndistinguished_name=dn\nstring_mask=${mask}\n[dn]\n`)
    const key = box.key()
    box.run('req', '-new', '-config', 'mask.cnf', '-key', key, '-subj', subject, '-outform', 'DER', '-out', 'mask.csr')
    return new Uint8Array(readFileSync(box.path('mask.csr')))
  }

  it('keeps the name by RFC 5280 section 7.1: string types, case and spaces do not matter', async () => {
    const first = requested('/O=Example Net/CN=device 7', 'default')
    expect(Buffer.from(first).includes(Buffer.from('130b4578616d706c65204e6574', 'hex'))).toBe(true)
    const { certificate: renews, serial } = await run({ csr: first })
    for (const subject of ['/O=Example Net/CN=device 7', '/O=EXAMPLE  NET/CN=Device 7']) {
      const { id } = await run({ csr: requested(subject, 'utf8only'), renews })
      expect((await findCertificate(session, id)).row).toMatchObject({ renews: serial })
    }
    for (const subject of ['/O=Example Net/CN=device 8', '/O=Example Net/CN=device7', '/CN=device 7/O=Example Net'])
      expect((await failed({ csr: requested(subject, 'utf8only'), renews })).code).toBe('renewal-invalid')
  })

  it('of a certificate that is not recorded needs a CA of the group that issued it and is valid', async () => {
    const other = await newSession(`${n}-other`)
    const { certificate: renews } = await enroll(other, { label: 'device', csr, by: BY }, open)
    expect((await run({ renews })).ca).toBe('one')
    const stranger = box.ca('stranger')
    box.run(
      'x509',
      '-req',
      '-in',
      'mask.csr',
      '-inform',
      'DER',
      '-CA',
      stranger.cert,
      '-CAkey',
      stranger.key,
      '-outform',
      'DER',
      '-out',
      'foreign.der',
    )
    const foreign = new Uint8Array(readFileSync(box.path('foreign.der')))
    const error = await failed({ csr: new Uint8Array(readFileSync(box.path('mask.csr'))), renews: foreign })
    expect([error.code, error.message]).toEqual([
      'renewal-invalid',
      expect.stringContaining('no CA of the label device issued'),
    ])
  })
})

describe('an enrolment', () => {
  it('holds no lock while the CA answers', async () => {
    instead = {
      one: async () => {
        const made = await createPassword(session, { label: 'device', uses: 1, validSeconds: 60, note: '' })
        expect(made.id).not.toBe('')
        return fault('ca-fault')()
      },
    }
    expect((await run()).ca).toBe('two')
  })

  it('whose outcome is unknown is asked of nobody else, and of nobody again unless somebody says so', async () => {
    instead = { one: fault('unknown') }
    const error = await failed()
    expect([error.kind, error.code, error.changed]).toEqual(['uncertain', 'est-unknown', 'yes'])
    expect(await requestStatus(session, idOf(error), open)).toMatchObject({ status: 'unknown', ca: 'one' })
    instead = {}
    expect((await failed()).code).toBe('est-request-open')
    expect(asked).toEqual(['one'])
    await closeRequest(session, idOf(error))
    await expect(closeRequest(session, idOf(error))).rejects.toMatchObject({ code: 'est-request-unknown' })
    expect((await run()).ca).toBe('one')
    instead = { one: fault('unknown') }
    expect((await failed()).code).toBe('est-unknown')
    instead = {}
    expect((await run({ duplicate: true })).ca).toBe('one')
  })

  it('that the CA refuses is not tried elsewhere: no shopping for a laxer policy', async () => {
    instead = { one: fault('request-fault') }
    expect((await failed()).code).toBe('est-refused')
    expect(asked).toEqual(['one'])
    // the breaker has nothing against the CA
    instead = {}
    expect((await run()).ca).toBe('one')
  })

  it('asks each CA once, and says what each said when none is left', async () => {
    instead = { one: fault('ca-fault'), two: fault('ca-fault') }
    const error = await failed()
    expect([error.kind, asked]).toEqual(['unavailable', ['one', 'two']])
    expect(error.message).toContain('one: it was ca-fault; two: it was ca-fault')
  })

  it('that a CA served and that cannot be recorded is told as unknown, and nothing is handed out', async () => {
    const commits = join(session.store.dir, 'commits')
    const real = await open(session, 'one')
    const profile = session.enrolment.profiles.find(({ name }) => name === 'deviceCert')
    if (profile === undefined) throw new Error('no profile')
    instead = {
      one: async () => {
        const { one: _, ...rest } = instead
        instead = rest
        const issued = await real.issue({ csr, profile, signal: new AbortController().signal })
        renameSync(commits, `${commits}.away`)
        return issued
      },
    }
    const error = await failed()
    if (existsSync(`${commits}.away`)) {
      rmSync(commits, { recursive: true, force: true })
      renameSync(`${commits}.away`, commits)
    }
    expect([error.kind, error.code, error.changed]).toEqual(['uncertain', 'est-unrecorded', 'unknown'])
    expect((await failed()).code).toBe('est-request-running')
    expect(await requestStatus(session, idOf(error), open)).toMatchObject({ status: 'asked', serial: null })
  })
})

describe('a stand-by', () => {
  it('tells no CA to revoke, and asks for no pending certificate: neither could be recorded', async () => {
    const { id } = await run()
    csr = box.request({ subject: '/CN=waits' })
    instead = { one: async () => ({ outcome: 'pending', reference: 'r', retryAfter: 5 }) }
    const waiting = idOf(await failed())
    await session.store.demote(session.now(), 'moved')
    const calls: string[] = []
    const watching: OpenBackend = async (...args) => {
      calls.push('asked')
      return open(...args)
    }
    const standby = expect.objectContaining({ kind: 'standby' })
    await expect(revokeCertificate(session, id, 'superseded', watching)).rejects.toEqual(standby)
    await expect(requestStatus(session, waiting, watching)).rejects.toEqual(standby)
    expect(calls).toEqual([])
  })
})

it('a revocation that the CA carried out and that cannot be recorded says so', async () => {
  const { id } = await run()
  const commits = join(session.store.dir, 'commits')
  const breaking: OpenBackend = async (...args) => ({
    ...(await open(...args)),
    revoke: async () => renameSync(commits, `${commits}.away`),
  })
  const error = await revokeCertificate(session, id, 'superseded', breaking).catch((cause: unknown) => cause)
  expect(error).toMatchObject({ changed: 'yes', message: expect.stringContaining('but that could not be recorded') })
})

it('an interrupt while a CA is asked is told what may have come of it', async () => {
  const watch: CommitWatch = { changed: 'no' }
  session = await openSession({ ...session.options, watch })
  let told: CommitWatch['openRequest']
  const watched: OpenBackend = async (...args) => {
    told = watch.openRequest
    return open(...args)
  }
  const order = { label: 'device', csr, by: BY }
  const { id, serial } = await enroll(session, order, watched)
  expect(told).toMatchObject({ kind: 'uncertain', hint: `brine est status ${id}` })
  expect(told?.message).toBe(`one may issue a certificate for request ${id}`)
  await revokeCertificate(session, id, 'superseded', watched)
  expect(told).toMatchObject({ kind: 'uncertain', message: `one may have revoked ${serial}` })
  expect(watch).toEqual({ changed: 'yes', openRequest: undefined })
})

it('no password is made for a label that takes none', async () => {
  const order = { label: 'closed', uses: 1, validSeconds: 60, note: '' }
  await expect(createPassword(session, order)).rejects.toMatchObject({ code: 'est-label-no-password', kind: 'usage' })
})
