/**
 * Cost of an enrolment beyond the signature: selection by the group and two durable commits, in one process and in separate processes.
 * Then the status after a long history of enrolments compared with one without history.
 */
import { execFileSync } from 'node:child_process'
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { enroll } from '../src/core/app/enrolment/enroll.js'
import { labelOf } from '../src/core/app/enrolment/labels.js'
import { backendOf } from '../src/core/app/failover/backends.js'
import { transactHa } from '../src/core/app/failover/commit.js'
import { openSession, type Session } from '../src/core/app/session/session.js'
import { throwawayRequest } from '../src/core/pki/throwaway-request.js'
import { newFolder } from './support/folder.js'
import { BRINE, brine, median, run, say, spread } from './support/run.js'

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 30)
const REQUESTS = Number(process.env['BENCH_REQUESTS'] ?? 80)
const EVENTS = Number(process.env['BENCH_EVENTS'] ?? 100_000)
/** Number of commands per commit while the history is written. */
const AT_ONCE = 1000
/** `<bench> direct DATA_DIR CSR`: a process in which the CA signs and nothing else happens. */
const DIRECT = 'direct'

const session = (dataDir: string): Promise<Session> =>
  openSession({ dataDir, actor: 'bench', osUser: 'bench', host: 'bench', command: 'bench', reason: 'bench' })

/** Signs with the CA and does nothing else. */
async function signOnly(opened: Session, csr: Uint8Array): Promise<void> {
  const { profile } = labelOf(opened, 'device')
  const backend = await backendOf(opened, 'one')
  const answer = await backend.issue({ csr, profile, signal: AbortSignal.timeout(30_000) })
  if (answer.outcome !== 'ok') throw new Error(answer.outcome)
}

function sections(folder: string): string {
  const ca = (id: string): string =>
    `[[ca]]\nid = "${id}"\nbackend = "file"\n[ca.file]\nca_cert = "${folder}/ca.pem"\nca_key = "${folder}/ca.key"\n`
  const group = '[[ha.group]]\nname = "both"\nca_ids = ["one", "two"]\nstrategy = "round-robin"\n'
  const label = '[[est.label]]\nname = "device"\nca_id = "one"\nprofile = "deviceCert"\n'
  return `${ca('one')}${ca('two')}${group}${label}`
}

async function prepare(folder: string, name: string): Promise<string> {
  const data = join(folder, name)
  await brine(data, 'init')
  writeFileSync(join(data, 'brine.toml'), sections(folder))
  return data
}

function request(folder: string, n: number): string {
  const path = join(folder, `${n}.csr`)
  writeFileSync(path, throwawayRequest(`device-${n}`))
  return path
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

async function inOneProcess(data: string): Promise<void> {
  const opened = await session(data)
  const by = { how: 'operator', name: 'bench' } as const
  const [signed, enrolled]: [number[], number[]] = [[], []]
  for (let n = -3; n < ROUNDS; n++) {
    const csr = throwawayRequest('device')
    const alone = await timed(() => signOnly(opened, csr))
    const whole = await timed(() => enroll(opened, { label: 'device', csr, by }, backendOf))
    // the first runs load modules that later runs find loaded
    if (n < 0) continue
    signed.push(alone)
    enrolled.push(whole)
  }
  say(`one process: the signature alone       ${spread(signed)}`)
  say(`one process: the whole enrolment       ${spread(enrolled)}`)
  say(`added by choosing and recording        ${(median(enrolled) - median(signed)).toFixed(1)} ms`)
}

async function asProcesses(folder: string, data: string): Promise<void> {
  const [bare, signed, enrolled]: [number[], number[], number[]] = [[], [], []]
  for (let n = 0; n < Math.min(ROUNDS, 15); n++) {
    const csr = request(folder, n)
    bare.push((await run(['-e', '0'])).wall)
    signed.push((await run([process.argv[1] ?? '', DIRECT, data, csr])).wall)
    enrolled.push((await brine(data, 'est', 'enroll', 'device', '--csr', csr)).wall)
  }
  say(`a process: node -e 0                   ${spread(bare)}`)
  say(`a process: the signature alone         ${spread(signed)}`)
  say(`a process: brine est enroll            ${spread(enrolled)}`)
  say(`added by choosing and recording        ${(median(enrolled) - median(signed)).toFixed(1)} ms`)
}

async function throughput(folder: string, data: string, processes: number): Promise<void> {
  const left = Array.from({ length: REQUESTS }, (_, n) => request(folder, n))
  const client = async (): Promise<void> => {
    for (let csr = left.pop(); csr !== undefined; csr = left.pop())
      await run([BRINE, '--data-dir', data, 'est', 'enroll', 'device', '--csr', csr])
  }
  const wall = await timed(() => Promise.all(Array.from({ length: processes }, client)))
  const rate = ((REQUESTS * 1000) / wall).toFixed(1)
  say(`${processes} at a time on ${availableParallelism()} cores               ${rate} enrolments a second`)
}

/** Writes completed enrolments, two events each. */
async function grow(data: string): Promise<void> {
  const opened = await session(data)
  const { group } = labelOf(opened, 'device')
  const asking = { type: 'enroll.start', owner: 'bench', timeout: 40, group, tried: [], probed: {} } as const
  const answer = { type: 'enroll.finish', outcome: 'ok', message: 'issued', latencyMs: 5 } as const
  for (let made = 0; made < EVENTS; made += 2 * AT_ONCE)
    await transactHa(opened, async (tx) => {
      for (let n = 0; n < Math.min(AT_ONCE, (EVENTS - made) / 2); n++) {
        const attempt = `bench-${made + n}`
        const started = (await tx.run({ ...asking, attempt })).find((event) => event.type === 'attempt.started')
        await tx.run({ ...answer, attempt, ca: started?.ca ?? '' })
      }
    })
}

async function status(folder: string): Promise<void> {
  const [short, long] = [await prepare(folder, 'short'), await prepare(folder, 'long')]
  const making = await timed(() => grow(long))
  say(`a history of ${EVENTS} events            made in ${(making / 1000).toFixed(1)} s`)
  const [few, many]: [number[], number[]] = [[], []]
  for (let n = 0; n < Math.min(ROUNDS, 9); n++) {
    few.push((await brine(short, 'ha', 'status')).wall)
    many.push((await brine(long, 'ha', 'status')).wall)
  }
  say(`ha status without any history          ${spread(few)}`)
  say(`ha status after ${EVENTS} events         ${spread(many)}: ${(median(many) / median(few)).toFixed(2)} x that`)
}

async function measure(): Promise<void> {
  const folder = newFolder()
  const openssl = (...args: readonly string[]): void =>
    void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' })
  try {
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'ca.key')
    // longer than the certificates that it issues
    openssl('req', '-x509', '-new', '-key', 'ca.key', '-subj', '/CN=bench', '-days', '800', '-out', 'ca.pem')
    chmodSync(join(folder, 'ca.key'), 0o600)
    const data = await prepare(folder, 'data')
    await inOneProcess(data)
    await asProcesses(folder, data)
    for (const processes of [1, 8]) await throughput(folder, data, processes)
    await status(folder)
  } finally {
    // if one client failed, the others may still be writing
    rmSync(folder, { recursive: true, force: true, maxRetries: 10 })
  }
}

const [, , mode, data = '', csr = ''] = process.argv
if (mode === DIRECT) await signOnly(await session(data), new Uint8Array(readFileSync(csr)))
else await measure()
