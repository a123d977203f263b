/**
 * A network and mount namespace of its own, with one host that has a public address, a name and a CA: programs in it reach that host by https
 * as they reach a registry on the Internet, and nothing else.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export class OwnNetwork {
  readonly host: string
  readonly address = '203.0.113.1'
  /** The certificate of its CA. */
  readonly caFile: string
  readonly #dir: string
  readonly #holder: ChildProcess

  private constructor(dir: string, host: string, holder: ChildProcess) {
    this.#dir = dir
    this.host = host
    this.caFile = join(dir, 'ca.pem')
    this.#holder = holder
  }

  /** Makes it, with its CA in `dir`. Needs root, ip(8) and unshare(1). Throws if it cannot be made. */
  static async start(dir: string, host: string): Promise<OwnNetwork> {
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'hosts'), `127.0.0.1 localhost\n203.0.113.1 ${host}\n`)
    const script = `ip link set lo up && ip addr add 203.0.113.1/32 dev lo && mount --bind "$0" /etc/hosts && echo ready && exec sleep 600`
    const args = ['-m', '-n', '--propagation', 'private', 'sh', '-c', script, join(dir, 'hosts')]
    const holder = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    await new Promise<void>((resolve, reject) => {
      holder.stdout?.once('data', () => resolve())
      holder.once('close', (code) => reject(new Error(`unshare ended with ${code}`)))
    })
    const network = new OwnNetwork(dir, host, holder)
    network.#openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
      ...['-subj', '/CN=test CA', '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=keyCertSign'],
      ...['-keyout', 'ca.key', '-out', 'ca.pem'],
    )
    return network
  }

  /** The command line that runs a command inside, in a folder. */
  inside(command: readonly string[], cwd = this.#dir): readonly string[] {
    return ['nsenter', '-t', String(this.#holder.pid), '-m', '-n', `--wd=${cwd}`, '--', ...command]
  }

  /** Writes `key.pem` and `cert.pem` for the host into a folder. */
  certify(folder: string): void {
    mkdirSync(folder, { recursive: true })
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    this.#openssl(
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
      ...[
        '-subj',
        `/CN=${this.host}`,
        '-addext',
        `subjectAltName=DNS:${this.host}`,
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
      ],
      ...['-addext', 'basicConstraints=CA:FALSE', '-keyout', key, '-out', cert],
    )
    chmodSync(key, 0o600)
  }

  stop(): void {
    this.#holder.kill('SIGTERM')
  }

  #openssl(...args: readonly string[]): void {
    execFileSync('openssl', args, { cwd: this.#dir, stdio: 'pipe' })
  }
}
