/** CAs and requests that OpenSSL makes: what our own reader and writer are held against. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fixedPkcs8 } from '../rpki/fixed-keys.js'

export interface RequestOptions {
  readonly subject?: string
  /** As OpenSSL writes it: `DNS:a.example,IP:10.0.0.1`. */
  readonly san?: string
  readonly usage?: string
  /** `P-256` and so on, `rsa` for a fixed key of 2048 bits, `rsa:1024`. */
  readonly key?: string
  readonly digest?: string
}

/** A folder in which OpenSSL works; `remove` when done. */
export class OpensslBox {
  readonly dir = mkdtempSync(join(tmpdir(), 'brine-openssl-'))
  #next = 0

  run(...args: readonly string[]): Buffer {
    return execFileSync('openssl', args, { cwd: this.dir, stdio: ['ignore', 'pipe', 'pipe'] })
  }

  path(name: string): string {
    return join(this.dir, name)
  }

  key(kind = 'P-256'): string {
    this.#next += 1
    const name = `key${this.#next}.pem`
    if (kind === 'rsa') {
      writeFileSync(this.path('fixed.der'), fixedPkcs8(this.#next % 4))
      this.run('pkcs8', '-inform', 'DER', '-nocrypt', '-in', 'fixed.der', '-out', name)
    } else if (kind.startsWith('rsa:')) this.run('genrsa', '-out', name, kind.slice(4))
    else this.run('genpkey', '-algorithm', 'EC', '-pkeyopt', `ec_paramgen_curve:${kind}`, '-out', name)
    return name
  }

  /** DER of a request. */
  request({ subject = '/CN=device-1', san, usage, key = 'P-256', digest = 'sha256' }: RequestOptions = {}): Uint8Array {
    const extensions = [
      ...(san === undefined ? [] : ['-addext', `subjectAltName=${san}`]),
      ...(usage === undefined ? [] : ['-addext', `extendedKeyUsage=${usage}`]),
    ]
    this.run(
      'req',
      '-new',
      '-utf8',
      '-key',
      this.key(key),
      '-subj',
      subject,
      `-${digest}`,
      '-outform',
      'DER',
      '-out',
      'out.csr',
      ...extensions,
    )
    return new Uint8Array(readFileSync(this.path('out.csr')))
  }

  /** A self-signed CA: paths of its certificate and key, PEM. */
  ca(
    name: string,
    { key = 'P-256', days = 3650 }: { readonly key?: string; readonly days?: number } = {},
  ): { readonly cert: string; readonly key: string } {
    const file = this.key(key)
    this.run(
      'req',
      '-x509',
      '-new',
      '-key',
      file,
      '-subj',
      `/O=Example/CN=${name}`,
      '-days',
      String(days),
      '-sha256',
      '-out',
      `${name}.pem`,
      '-addext',
      'basicConstraints=critical,CA:TRUE',
      '-addext',
      'keyUsage=critical,keyCertSign,cRLSign',
    )
    return { cert: this.path(`${name}.pem`), key: this.path(file) }
  }

  /** A certificate of a CA for the names in `san`, valid between two times (YYMMDD000000Z), and its key. */
  leaf(
    root: { readonly cert: string; readonly key: string },
    name: string,
    san: string,
    [from, to]: readonly [string, string],
  ): { readonly cert: Buffer; readonly key: Buffer } {
    const key = this.key()
    writeFileSync(this.path(`${name}.txt`), '')
    writeFileSync(
      this.path(`${name}.conf`),
      `[ca]\ndefault_ca=it\n[it]\ndatabase=${name}.txt\nnew_certs_dir=.\nrand_serial=yes\ndefault_md=sha256\npolicy=any\nx509_extensions=ext\n` +
        `[any]\ncommonName=supplied\n[ext]\nbasicConstraints=CA:FALSE\nsubjectAltName=${san}\n`,
    )
    this.run('req', '-new', '-key', key, '-subj', `/CN=${name}`, '-out', `${name}.csr`)
    const signing = ['-batch', '-notext', '-config', `${name}.conf`, '-cert', root.cert, '-keyfile', root.key]
    this.run('ca', ...signing, '-startdate', from, '-enddate', to, '-in', `${name}.csr`, '-out', `${name}.pem`)
    return { cert: readFileSync(this.path(`${name}.pem`)), key: readFileSync(this.path(key)) }
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true })
  }
}
