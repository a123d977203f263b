/** A data directory with recorded certificates, and their renewals as a web server sends them to `brine cgi`. */
import { execFileSync } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { transactEst } from '../../src/core/app/enrolment/commit.js'
import { labelOf } from '../../src/core/app/enrolment/labels.js'
import { recordOf } from '../../src/core/app/enrolment/response.js'
import { backendOf } from '../../src/core/app/failover/backends.js'
import { openSession, type Session } from '../../src/core/app/session/session.js'
import { sha256Hex } from '../../src/core/crypto/digest.js'
import { readPlainCertificate } from '../../src/core/pki/certificate.js'
import { readRequest } from '../../src/core/pki/csr.js'
import { pem } from '../../src/core/pki/pem.js'
import { throwawayRequest } from '../../src/core/pki/throwaway-request.js'
import { type CgiRequest, requestByProcess, requestByWorker } from './cgi.js'
import { brine } from './run.js'

/** Number of certificates per commit while they are recorded. */
const AT_ONCE = 500

export interface Renewal {
  readonly csr: Uint8Array
  readonly certificate: Uint8Array
}

/** Makes a data directory with one CA whose key is a file, and the label `device`. */
export async function enrolmentDirectory(folder: string): Promise<string> {
  const openssl = (...args: readonly string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'ca.key')
  openssl('req', '-x509', '-new', '-key', 'ca.key', '-subj', '/CN=bench', '-days', '800', '-out', 'ca.pem')
  chmodSync(join(folder, 'ca.key'), 0o600)
  const data = join(folder, 'data')
  await brine(data, 'init')
  const files = `ca_cert = "${folder}/ca.pem"\nca_key = "${folder}/ca.key"\n`
  const label = '[[est.label]]\nname = "device"\nca_id = "one"\nauth = "password"\n'
  writeFileSync(join(data, 'brine.toml'), `[[ca]]\nid = "one"\nbackend = "file"\n[ca.file]\n${files}${label}`)
  return data
}

/** Records `certificates` of the CA as earlier enrolments; returns about `wanted` of them with requests that renew them. */
export async function fill(data: string, certificates: number, wanted: number): Promise<readonly Renewal[]> {
  const who = { actor: 'bench', osUser: 'bench', host: 'bench', command: 'bench' }
  const opened: Session = await openSession({ dataDir: data, ...who })
  const { profile } = labelOf(opened, 'device')
  const backend = await backendOf(opened, 'one')
  const chain = await backend.chain()
  const renewals: Renewal[] = []
  const every = Math.max(1, Math.floor(certificates / wanted))
  for (let made = 0; made < certificates; made += AT_ONCE)
    await transactEst(opened, async (tx) => {
      for (let n = made; n < Math.min(made + AT_ONCE, certificates); n++) {
        const csr = throwawayRequest(`device-${n}`)
        const answer = await backend.issue({ csr, profile, signal: AbortSignal.timeout(30_000) })
        const { request } = readRequest(csr)
        const certificate = answer.outcome === 'ok' ? readPlainCertificate(answer.certificate) : undefined
        if (certificate === undefined || request === undefined) throw new Error('no certificate')
        const by = { how: 'operator', name: 'bench' } as const
        const spec = { label: 'device', key: sha256Hex(request.spki), subject: '', names: [], by, renews: null }
        await tx.record(`bench${n}`, recordOf(certificate, 'one', spec), certificate.der, chain)
        if (n % every === 0) renewals.push({ csr, certificate: certificate.der })
      }
    })
  return renewals
}

const bodyOf = ({ csr }: Renewal): string => Buffer.from(csr).toString('base64')

/** Variables of a renewal as a web server sets them. */
function envOf(renewal: Renewal): Readonly<Record<string, string>> {
  return {
    PATH: process.env['PATH'] ?? '',
    ...{ REQUEST_METHOD: 'POST', HTTPS: 'on', PATH_INFO: '/.well-known/est/device/simplereenroll' },
    ...{ CONTENT_TYPE: 'application/pkcs10', CONTENT_LENGTH: String(bodyOf(renewal).length) },
    ...{ SSL_CLIENT_VERIFY: 'GENEROUS', SSL_CLIENT_CERT: pem('CERTIFICATE', renewal.certificate) },
  }
}

export type Renew = (data: string, renewal: Renewal) => Promise<number>

const requestOf = (renewal: Renewal): CgiRequest => ({ env: envOf(renewal), body: Buffer.from(bodyOf(renewal)) })

/** Sends one renewal to `brine cgi`; returns the milliseconds that it took. */
export async function byProcess(data: string, renewal: Renewal): Promise<number> {
  return (await requestByProcess(data, requestOf(renewal))).wait
}

/** Sends one renewal to the worker; returns the milliseconds that it took. */
export async function byWorker(data: string, renewal: Renewal): Promise<number> {
  return (await requestByWorker(data, requestOf(renewal))).wait
}
