/**
 * A real nginx on loopback in front of the FastCGI workers of several data directories, by https: what parents and publication servers have
 * in front of them (RFC 6492, RFC 8181). The worker of a directory can be killed and started again while nginx stays.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { projectDir, shimmedEnv } from '../processes/brine-shim.js'
import { freePort, type Server, startServer } from './servers.js'

const PATHS = ['rfc6492', 'rfc8181']
const PARAMETERS = [
  ['SERVER_PROTOCOL', '$server_protocol'],
  ['SCRIPT_NAME', '""'],
  ['PATH_INFO', '$uri'],
  ['REQUEST_METHOD', '$request_method'],
  ['CONTENT_TYPE', '$content_type'],
  ['CONTENT_LENGTH', '$content_length'],
  ['REMOTE_ADDR', '$remote_addr'],
  ['HTTPS', '$https'],
] as const

export class ProtocolServer {
  /** The certificate that verifies nginx. */
  readonly caFile: string
  readonly #folder: string
  readonly #ports: ReadonlyMap<string, number>
  readonly #nginx: Server
  readonly #workers = new Map<string, ChildProcess>()

  private constructor(folder: string, ports: ReadonlyMap<string, number>, nginx: Server) {
    this.#folder = folder
    this.#ports = ports
    this.#nginx = nginx
    this.caFile = join(folder, 'cert.pem')
  }

  /** Starts nginx in a new folder, with a port for each data directory. Throws if it does not start. */
  static async start(nginx: string, folder: string, dataDirs: readonly string[]): Promise<ProtocolServer> {
    mkdirSync(folder, { recursive: true })
    certify(folder)
    const ports = new Map<string, number>()
    for (const dataDir of dataDirs) ports.set(dataDir, await freePort())
    const config = join(folder, 'nginx.conf')
    writeFileSync(config, configuration(folder, ports))
    const [port = 0] = ports.values()
    const server = await startServer(nginx, ['-c', config, '-e', join(folder, 'error.log')], port)
    return new ProtocolServer(folder, ports, server)
  }

  /** Returns the URI for `--service-uri`. */
  uri(dataDir: string): string {
    return `https://localhost:${this.#ports.get(dataDir)}/`
  }

  /** Starts the worker of a directory, in the place of one that runs; `now` is BRINE_NOW. */
  async serve(dataDir: string, now?: string): Promise<void> {
    await this.kill(dataDir, 'SIGTERM')
    const socket = socketOf(this.#folder, dataDir, this.#ports)
    rmSync(socket, { force: true })
    const args = [join(projectDir, 'bin/run.js'), 'cgi', '--fastcgi', socket, '--idle', '10m', '--data-dir', dataDir]
    const env = shimmedEnv(this.#folder, { HOME: this.#folder, ...(now === undefined ? {} : { BRINE_NOW: now }) })
    const worker = spawn(process.execPath, args, { stdio: 'ignore', env })
    this.#workers.set(dataDir, worker)
    while (!existsSync(socket)) {
      if (hasEnded(worker)) throw new Error(`brine cgi --fastcgi ended with ${worker.exitCode}`)
      await setTimeout(10)
    }
    // the workers of nginx are another user
    chmodSync(socket, 0o666)
  }

  /** Ends the worker of a directory, if one runs. */
  async kill(dataDir: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const worker = this.#workers.get(dataDir)
    this.#workers.delete(dataDir)
    if (worker === undefined || hasEnded(worker)) return
    const ended = new Promise<void>((resolve) => worker.once('close', () => resolve()))
    worker.kill(signal)
    await ended
  }

  /** Returns what nginx passed on so far: `POST /rfc6492/acme 200`. */
  requests(): readonly string[] {
    return readFileSync(join(this.#folder, 'access.log'), 'utf8').trim().split('\n')
  }

  async stop(): Promise<void> {
    for (const dataDir of this.#ports.keys()) await this.kill(dataDir, 'SIGTERM')
    await this.#nginx.stop()
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function socketOf(folder: string, dataDir: string, ports: ReadonlyMap<string, number>): string {
  return join(folder, `${ports.get(dataDir)}.sock`)
}

function certify(folder: string): void {
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30']
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
  execFileSync('openssl', [...args, ...name, '-keyout', 'key.pem', '-out', 'cert.pem'], { cwd: folder, stdio: 'pipe' })
}

function configuration(folder: string, ports: ReadonlyMap<string, number>): string {
  const parameters = PARAMETERS.map(([name, value]) => `fastcgi_param ${name} ${value};`).join(' ')
  const servers = [...ports].map(([dataDir, port]) => {
    const pass = `fastcgi_pass unix:${socketOf(folder, dataDir, ports)};`
    const locations = PATHS.map((path) => `location /${path}/ { ${pass} }`).join(' ')
    return `server { listen 127.0.0.1:${port} ssl; server_name localhost; ${parameters} ${locations} }`
  })
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const temporary = kinds.map((name) => `${name}_temp_path ${join(folder, name)};`).join(' ')
  const user = process.getuid?.() === 0 ? 'user nobody nogroup;' : ''
  return `${user} daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log; events { }
http { log_format short "$request_method $uri $status"; access_log ${folder}/access.log short; ${temporary}
ssl_certificate ${folder}/cert.pem; ssl_certificate_key ${folder}/key.pem;
client_max_body_size 64m; fastcgi_read_timeout 120s;
${servers.join('\n')} }
`
}
