/**
 * Renewals over CGI by several clients at once, in a data directory with many certificates: rate, longest wait, and CPU time of each.
 * `BENCH_CERTIFICATES` sets how many are recorded before, `BENCH_REQUESTS` how many are renewed.
 */
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { transactEst } from '../src/core/app/enrolment/commit.js'
import { labelOf } from '../src/core/app/enrolment/labels.js'
import { recordOf } from '../src/core/app/enrolment/response.js'
import { backendOf } from '../src/core/app/failover/backends.js'
import { openSession, type Session } from '../src/core/app/transaction/session.js'
import { sha256Hex } from '../src/core/crypto/digest.js'
import { readPlainCertificate } from '../src/core/pki/certificate.js'
import { readRequest } from '../src/core/pki/csr.js'
import { pem } from '../src/core/pki/pem.js'
import { throwawayRequest } from '../src/core/pki/throwaway-request.js'
import { exchange, requestRecords } from '../test/support/peers/fastcgi-client.js'
import { newFolder } from './support/folder.js'
import { BRINE, brine, median, NODE, say } from './support/run.js'

const CERTIFICATES = Number(process.env['BENCH_CERTIFICATES'] ?? 10_000)
const REQUESTS = Number(process.env['BENCH_REQUESTS'] ?? 64)
/** Number of certificates per commit while they are recorded. */
const AT_ONCE = 500

interface Renewal {
  readonly csr: Uint8Array
  readonly certificate: Uint8Array
}

/** Records certificates of a CA, as enrolments of before; returns some of them with requests that renew them. */
async function fill(opened: Session): Promise<readonly Renewal[]> {
  const { profile } = labelOf(opened, 'device')
  const backend = await backendOf(opened, 'one')
  const chain = await backend.chain()
  const renewals: Renewal[] = []
  const every = Math.max(1, Math.floor(CERTIFICATES / (2 * REQUESTS)))
  for (let made = 0; made < CERTIFICATES; made += AT_ONCE)
    await transactEst(opened, async (tx) => {
      for (let n = made; n < Math.min(made + AT_ONCE, CERTIFICATES); n++) {
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

/** CPU time of the ended children of this process in milliseconds. */
function childrenCpu(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[13]) + Number(fields[14])) * 10
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

type Renew = (data: string, renewal: Renewal) => Promise<number>

/** Sends one renewal to `brine cgi`; returns the milliseconds that it took. */
function byProcess(data: string, renewal: Renewal): Promise<number> {
  const env = envOf(renewal)
  const body = bodyOf(renewal)
  return new Promise((resolve, reject) => {
    const started = performance.now()
    const child = spawn(NODE, [BRINE, 'cgi', '--data-dir', data], { env, stdio: ['pipe', 'pipe', 'inherit'] })
    const chunks: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
    child.on('close', () => {
      const answer = Buffer.concat(chunks).toString()
      if (answer.startsWith('Status: 200 ')) resolve(performance.now() - started)
      else reject(new Error(answer))
    })
    child.stdin.end(body)
  })
}

/** Sends one renewal to the worker; returns the milliseconds that it took. */
async function byWorker(data: string, renewal: Renewal): Promise<number> {
  const started = performance.now()
  const { output } = await exchange(socketOf(data), requestRecords(envOf(renewal), Buffer.from(bodyOf(renewal))))
  if (!output.startsWith('Status: 200 ')) throw new Error(output)
  return performance.now() - started
}

const socketOf = (data: string): string => `${data}.sock`

/** Starts `brine cgi --fastcgi`, runs `work`, and reports the CPU time of each request, which ends with the worker. */
async function withWorker(data: string, work: () => Promise<number>): Promise<void> {
  const cpu = childrenCpu()
  const args = [BRINE, 'cgi', '--fastcgi', socketOf(data), '--idle', '2s', '--data-dir', data]
  const worker = spawn(NODE, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const ended = new Promise((resolve) => worker.once('close', resolve))
  while (!existsSync(socketOf(data))) await new Promise((resolve) => setTimeout(resolve, 20))
  const done = await work()
  await ended
  say(`the worker: CPU ${((childrenCpu() - cpu) / done).toFixed(0)} ms each, its start included`)
}

async function clients(data: string, renewals: Renewal[], count: number, renew: Renew = byProcess): Promise<number> {
  const [waits, cpu, started]: [number[], number, number] = [[], childrenCpu(), performance.now()]
  const left = renewals.splice(0, REQUESTS)
  const client = async (): Promise<void> => {
    for (let next = left.pop(); next !== undefined; next = left.pop()) waits.push(await renew(data, next))
  }
  await Promise.all(Array.from({ length: count }, client))
  const rate = (waits.length * 1000) / (performance.now() - started)
  const each = renew === byWorker ? '' : `; CPU ${((childrenCpu() - cpu) / waits.length).toFixed(0)} ms each`
  const [how, wait] = [renew === byWorker ? 'worker' : 'process', median(waits).toFixed(0)]
  const who = `${count} at a time on ${availableParallelism()} cores, by ${how}`
  say(`${who}: ${rate.toFixed(1)} a second; wait ${wait} ms, longest ${Math.max(...waits).toFixed(0)} ms${each}`)
  return waits.length
}

const folder = newFolder()
try {
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
  const started = performance.now()
  const who = { actor: 'bench', osUser: 'bench', host: 'bench', command: 'bench' }
  const renewals = [...(await fill(await openSession({ dataDir: data, ...who })))]
  say(`${CERTIFICATES} certificates recorded in ${((performance.now() - started) / 1000).toFixed(0)} s`)
  const kept = [...renewals]
  for (const count of [1, 8]) await clients(data, renewals, count)
  for (const count of [1, 8]) await withWorker(data, () => clients(data, kept, count, byWorker))
} finally {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
}
