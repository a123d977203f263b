/** A data directory with CAs in which real processes enrol, at a clock that the test moves. */
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { EnrolledDocument } from '../../../src/core/app/enrolment/documents.js'
import type { HaStatusReport, MemberStatus } from '../../../src/core/app/failover/status.js'
import { type PeerFiles, tlsLeaf } from '../peers/ca-peer.js'
import { OpensslBox, type RequestOptions } from '../peers/requests.js'
import { type RunResult, runBrine } from '../processes/cli.js'

export interface Pair {
  readonly cert: string
  readonly key: string
}

/** What came of one `est enroll --json`. */
export interface Outcome {
  readonly code: number | null
  /** Who issued; undefined where nobody did. */
  readonly ca: string | undefined
  /** Everybody who was asked, and how that ended: `hsm-ca ca-fault`. */
  readonly asked: readonly string[]
  readonly pem: string
  readonly id: string
  /** Code and message of the failure. */
  readonly error: string
  readonly message: string
  readonly run: RunResult
}

interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly details?: Partial<EnrolledDocument> }
}

/** Below it all CAs of a site are, unless a test makes others. */
function rootIn(box: OpensslBox): Pair {
  return box.ca('root')
}

export class EnrolSite {
  readonly box = new OpensslBox()
  readonly root = rootIn(this.box)
  readonly data = mkdtempSync(join(tmpdir(), 'brine-enrol-'))
  /** Seconds since 1970; a minute after the CAs were made, whose certificates are valid from then on. */
  now = Math.floor(Date.now() / 1000) + 60
  /** Processes ask the clock of the machine instead. */
  isRealTime = false
  /** Beside what every process gets. */
  env: Readonly<Record<string, string>> = {}
  #requests = 0

  /** `init --test`. */
  async init(): Promise<this> {
    await this.brine('init', '--test')
    return this
  }

  configure(text: string): void {
    writeFileSync(join(this.data, 'brine.toml'), text)
  }

  get instant(): string {
    return new Date(this.now * 1000).toISOString().replace('.000', '')
  }

  /** Moves the clock to an instant that a report told. */
  moveTo(instant: string | null | undefined): void {
    if (typeof instant !== 'string') throw new Error('no instant to move to')
    this.now = Date.parse(instant) / 1000
  }

  brine(...args: readonly string[]): Promise<RunResult> {
    const { data: dataDir, env } = this
    return runBrine(args, { dataDir, env, ...(this.isRealTime ? {} : { now: this.instant }) })
  }

  /** A file with a new request. */
  request(options: RequestOptions = {}): string {
    this.#requests += 1
    const path = this.box.path(`request-${this.#requests}.csr`)
    writeFileSync(path, this.box.request({ subject: `/CN=device-${this.#requests}`, ...options }))
    return path
  }

  /** Enrols a new request by a process of its own. */
  async enrol(label: string, options: RequestOptions = {}): Promise<Outcome> {
    return this.enrolFile(label, this.request(options))
  }

  async enrolFile(label: string, csr: string, ...more: readonly string[]): Promise<Outcome> {
    return outcomeOf(await this.brine('est', 'enroll', label, '--csr', csr, '--json', ...more))
  }

  /** Who served so many requests, one after the other; all must be served. */
  async serve(label: string, times: number, options: RequestOptions = {}): Promise<readonly string[]> {
    const served: string[] = []
    for (let n = 0; n < times; n++) served.push(issuerOf(await this.enrol(label, options)))
    return served
  }

  async status(group?: string): Promise<HaStatusReport['groups'][number]> {
    const run = await this.brine('ha', 'status', ...(group === undefined ? [] : ['--group', group]), '--json')
    const [found] = run.json<HaStatusReport>().groups
    if (found === undefined) throw new Error(`no group: ${run.stderr}`)
    return found
  }

  async member(ca: string): Promise<MemberStatus> {
    const found = (await this.status()).members.find((one) => one.ca === ca)
    if (found === undefined) throw new Error(`no CA ${ca}`)
    return found
  }

  /** `healthy circuit-open`, in the order of the group. */
  async states(): Promise<string> {
    return (await this.status()).members.map((one) => one.state).join(' ')
  }

  /** The section of a CA whose key is a file. */
  fileCa(id: string, { cert, key }: Pair = this.ca(id)): string {
    return `[[ca]]\nid = "${id}"\nbackend = "file"\n[ca.file]\nca_cert = "${cert}"\nca_key = "${key}"\n`
  }

  /** The section of a CA that is asked over HTTPS. */
  remoteCa(id: string, kind: string, url: string, { ca, tlsCa, client }: PeerFiles, more = ''): string {
    const [cert, key] = [`auth_cert = "${client.cert}"`, `auth_key = "${client.key}"`]
    const files = `ca_cert = "${ca.cert}"\ntls_ca = "${tlsCa}"\n${cert}\n${key}\n`
    return `[[ca]]\nid = "${id}"\nbackend = "${kind}"\n[ca.${kind}]\nurl = "${url}"\n${files}${more}`
  }

  /** A CA below the site's root, its certificate with the root's below it in one file; the key is for its owner alone. */
  ca(name: string, root: Pair = this.root): Pair {
    const key = this.box.key()
    chmodSync(this.box.path(key), 0o600)
    writeFileSync(
      this.box.path('ca.ext'),
      'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n',
    )
    this.box.run('req', '-new', '-key', key, '-subj', `/O=Example/CN=${name}`, '-out', 'ca.csr')
    const signing = ['-CA', root.cert, '-CAkey', root.key, '-CAcreateserial', '-extfile', 'ca.ext']
    const own = this.box.run('x509', '-req', '-in', 'ca.csr', ...signing, '-days', '3000')
    writeFileSync(this.box.path(`${name}.pem`), Buffer.concat([own, this.box.run('x509', '-in', root.cert)]))
    return { cert: this.box.path(`${name}.pem`), key: this.box.path(key) }
  }

  /** A CA whose server has its TLS certificate from itself, as where a configuration names nothing but `ca_cert`. */
  peerFiles(name: string, ca: Pair = this.ca(name)): PeerFiles {
    const [server, client] = [tlsLeaf(this.box, ca, `${name}-server`), tlsLeaf(this.box, ca, `${name}-ra`, 'ra-agent')]
    return { ca, tlsCa: ca.cert, server, client }
  }

  /** Throws unless a client that knows nothing but the root, and what `est cacerts` gave it, takes all these certificates. */
  async verify(label: string, pems: readonly string[], root: Pair = this.root): Promise<void> {
    const chain = await this.brine('est', 'cacerts', label)
    writeFileSync(this.box.path('chain.pem'), chain.stdout)
    const files = pems.map((pem, n) => {
      writeFileSync(this.box.path(`issued-${n}.pem`), pem)
      return `issued-${n}.pem`
    })
    const at = this.isRealTime ? [] : ['-attime', String(this.now)]
    this.box.run('verify', ...at, '-CAfile', root.cert, '-untrusted', 'chain.pem', ...files)
  }

  remove(): void {
    this.box.remove()
    rmSync(this.data, { recursive: true, force: true })
  }
}

export function outcomeOf(run: RunResult): Outcome {
  const said = run.json<Partial<EnrolledDocument> & Partial<Failure>>()
  const details = said.error?.details ?? said
  const asked = (details.attempts ?? []).map((one) => `${one.ca} ${one.outcome}`)
  const { pem = '', ca } = said
  const { code: error = '', message = '' } = said.error ?? {}
  return { code: run.code, ca, asked, pem, id: details.id ?? '', error, message, run }
}

/** Who issued. Throws where nobody did. */
export function issuerOf({ ca, run }: Outcome): string {
  if (ca === undefined || run.code !== 0) throw new Error(`exit ${run.code}: ${run.stdout}${run.stderr}`)
  return ca
}

/** The sections of a group and of the label of its name, profile `deviceCert`. */
export function group(name: string, ids: readonly string[], more = ''): string {
  const label = `[[est.label]]\nname = "${name}"\nca_id = "${ids[0]}"\ngroup = "${name}"\nprofile = "deviceCert"\n`
  return `[[ha.group]]\nname = "${name}"\nca_ids = ${JSON.stringify(ids)}\n${more}${label}`
}

/** How often each comes: `{ a: 2, b: 1 }`. */
export function counted(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1
  return counts
}

/** Text of what OpenSSL reads in a certificate. */
export function shown(pem: string, ...args: readonly string[]): string {
  return execFileSync('openssl', ['x509', '-noout', ...args], { input: pem }).toString()
}
