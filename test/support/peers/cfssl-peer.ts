/** CFSSL: a stand-in that speaks its API and really signs, and the real program of Debian's golang-cfssl. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { requestBytes } from '../../../src/core/pki/csr.js'
import { pem } from '../../../src/core/pki/pem.js'
import type { CertificateProfile } from '../../../src/core/pki/profile.js'
import { type Asked, CaPeer, freePort, issued, issuerOf, type PeerFiles, type Told } from './ca-peer.js'
import type { OpensslBox } from './requests.js'

/** A stand-in that signs by `profile` whatever profile is named; `revoked` takes what was revoked. */
export function cfsslPeer(files: PeerFiles, profile: CertificateProfile, revoked: unknown[] = []): CaPeer {
  const issuer = issuerOf(files.ca)
  const told = (result: unknown): Told => ({
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ success: true, result, errors: [], messages: [] }),
  })
  return new CaPeer(files, async ({ path, body }: Asked) => {
    const asked = JSON.parse(body) as Record<string, string>
    if (path === '/api/v1/cfssl/info')
      return told({ certificate: pem('CERTIFICATE', issuer.certificate.der), usages: [], expiry: '24h' })
    if (path === '/api/v1/cfssl/revoke') {
      revoked.push(asked)
      return told({})
    }
    const csr = requestBytes(Buffer.from(asked['certificate_request'] ?? ''))
    const der = csr === undefined ? undefined : await issued(issuer, csr, profile)
    return der === undefined ? cfsslError(9002, 'CSR Decode failed') : told({ certificate: pem('CERTIFICATE', der) })
  })
}

/** As CFSSL tells every error of its own. */
export function cfsslError(
  code: number,
  message: string,
  status = 400,
): Told & { readonly status: number; readonly body: string } {
  return { status, body: JSON.stringify({ success: false, result: null, errors: [{ code, message }], messages: [] }) }
}

/** `cfssl serve` with client certificates; with `database` it keeps what it made and can revoke. */
export class RealCfssl {
  readonly port: number
  readonly #box: OpensslBox
  readonly #args: readonly string[]
  #child: ChildProcess | undefined

  private constructor(port: number, box: OpensslBox, args: readonly string[]) {
    this.port = port
    this.#box = box
    this.#args = args
  }

  static async start(program: string, box: OpensslBox, files: PeerFiles, database = false): Promise<RealCfssl> {
    const port = await freePort()
    const usages = ['signing', 'key encipherment', 'client auth']
    const profile = { expiry: '24h', usages }
    writeFileSync(
      box.path('cfssl.json'),
      JSON.stringify({ signing: { default: profile, profiles: { devices: profile } } }),
    )
    const tls = ['-tls-cert', files.server.cert, '-tls-key', files.server.key]
    const clients = ['-mutual-tls-ca', files.tlsCa, '-mutual-tls-cn', '^ra-agent$']
    const own = ['-ca', files.ca.cert, '-ca-key', files.ca.key, '-config', box.path('cfssl.json')]
    const at = ['-address', '127.0.0.1', '-port', String(port)]
    const server = new RealCfssl(port, box, [
      program,
      'serve',
      ...at,
      ...own,
      ...tls,
      ...clients,
      ...(database ? makeDatabase(box) : []),
    ])
    await server.resume()
    return server
  }

  get url(): string {
    return `https://127.0.0.1:${this.port}`
  }

  /** Starts it, and waits until it listens. */
  async resume(): Promise<void> {
    const [program = '', ...args] = this.#args
    this.#child = spawn(program, args, { cwd: this.#box.dir, stdio: 'ignore' })
    for (let tries = 0; !(await listens(this.port)); tries++) {
      if (tries > 400 || this.#child.exitCode !== null) throw new Error('cfssl does not listen')
      await new Promise((resolve) => setTimeout(resolve, 25))
    }
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(name)
  }

  async kill(): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }
}

/** The tables that CFSSL makes with goose, which Debian has not. */
function makeDatabase(box: OpensslBox): readonly string[] {
  const sql = `CREATE TABLE certificates (serial_number blob NOT NULL, authority_key_identifier blob NOT NULL, ca_label blob,
    status blob NOT NULL, reason int, expiry timestamp, revoked_at timestamp, pem blob NOT NULL,
    PRIMARY KEY(serial_number, authority_key_identifier));
    CREATE TABLE ocsp_responses (serial_number blob NOT NULL, authority_key_identifier blob NOT NULL, body blob NOT NULL,
    expiry timestamp, PRIMARY KEY(serial_number, authority_key_identifier));`
  const file = box.path('cfssl.db')
  execFileSync('python3', [
    '-c',
    'import sqlite3,sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])',
    file,
    sql,
  ])
  writeFileSync(box.path('db.json'), JSON.stringify({ driver: 'sqlite3', data_source: file }))
  return ['-db-config', box.path('db.json')]
}

/** What the database of a real one knows of certificates: serial, status and reason of each. */
export function recorded(box: OpensslBox): readonly (readonly [string, string, number])[] {
  const code =
    'import sqlite3,sys,json; print(json.dumps(sqlite3.connect(sys.argv[1]).execute("select serial_number,status,reason from certificates").fetchall()))'
  return JSON.parse(execFileSync('python3', ['-c', code, box.path('cfssl.db')]).toString())
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const end = (is: boolean) => (): void => {
      socket.destroy()
      resolve(is)
    }
    socket.once('connect', end(true)).once('error', end(false))
  })
}
