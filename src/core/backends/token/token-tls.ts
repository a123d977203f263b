/**
 * TLS with a client key in a token. Node cannot sign a handshake with such a key, so openssl(1) with its engine pkcs11 holds the
 * connection, in a child process. Invariants: it trusts only the configured roots; the PIN is in no argument, URI or environment; we
 * log in first, so that a wrong PIN never reaches the engine.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex, type Writable } from 'node:stream'
import { type ConnectionOptions, connect } from 'node:tls'
import { pkcs11PathOf } from '../../config/enrolment/pkcs11-uri.js'
import type { Remote } from '../../config/enrolment/schema.js'
import type { PlainCertificate } from '../../pki/certificate.js'
import { configFault } from '../files.js'
import { connectionFault, type ExchangeProgress } from '../http-faults.js'
import type { BackendPorts } from '../ports.js'
import { type LentKey, withTokenKey } from './token-key.js'
import { failureOf } from './token-tls-failures.js'

export interface TunnelOptions {
  readonly url: URL
  /** Roots of the server's certificate, PEM. */
  readonly ca: readonly string[]
  /** The client certificate, and those above it. */
  readonly certificates: readonly [PlainCertificate, ...PlainCertificate[]]
  readonly remote: Remote
}

const PIN_FD = 3

/** Opens a TLS connection for HTTP. When it resolves the token is released. Throws a BackendFault. */
export async function openTunnel(
  tunnel: TunnelOptions,
  progress: ExchangeProgress,
  ports: BackendPorts,
  signal: AbortSignal,
): Promise<Duplex> {
  const { remote, certificates } = tunnel
  const { authKey: uri = '', authCert: certFile = '', authModule: module } = remote
  const key = { uri, module, certFile, pinFile: remote.authPinFile, pinEnv: remote.authPinEnv }
  await checkServer(tunnel, progress, signal)
  return withTokenKey(key, certificates[0], ports, signal, async (lent) => {
    await lent.leave()
    const folder = await mkdtemp(join(tmpdir(), 'brine-tls-'))
    try {
      return await connected(await start(tunnel, lent, folder), progress, signal)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
}

/** Checks that a server with the right name responds, so that a hanging server does not block the token. Throws a BackendFault. */
function checkServer({ url, ca }: TunnelOptions, progress: ExchangeProgress, signal: AbortSignal): Promise<void> {
  const { host, port } = placeOf(url)
  const name = isIP(host) === 0 ? { servername: host } : {}
  return new Promise((resolve, reject) => {
    const trust = { ca: [...ca], rejectUnauthorized: true, allowPartialTrustChain: true }
    const options: ConnectionOptions = { host, port, ...name, ...trust, minVersion: 'TLSv1.2' }
    const socket = connect(options)
    const stop = (): void => void socket.destroy(new Error('timed out'))
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
    socket.on('secureConnect', () => socket.destroy())
    socket.on('error', (error) => {
      const code = 'code' in error ? String(error.code) : ''
      // the server requires a client certificate, which comes next
      if (!signal.aborted && /ALERT|^ECONNRESET$/.test(code)) resolve()
      else reject(connectionFault(error, progress, signal.aborted))
    })
    socket.on('close', () => {
      signal.removeEventListener('abort', stop)
      resolve()
    })
  })
}

function placeOf({ hostname, port }: URL): { readonly host: string; readonly port: number } {
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 443 : Number(port) }
}

async function start(tunnel: TunnelOptions, lent: LentKey, folder: string): Promise<ChildProcessWithoutNullStreams> {
  const [own, ...above] = tunnel.certificates
  const file = async (name: string, certificates: readonly string[]): Promise<string> => {
    await writeFile(join(folder, name), certificates.join(''), { mode: 0o600 })
    return join(folder, name)
  }
  const args = [
    ...['s_client', '-brief', '-ign_eof', '-nocommands', '-min_protocol', 'TLSv1.2', ...peer(tunnel.url)],
    ...['-CAfile', await file('roots.pem', tunnel.ca), '-no-CApath', '-no-CAstore', '-partial_chain'],
    ...['-verify_return_error', '-cert', await file('own.pem', [pemOf(own)])],
    ...(above.length === 0 ? [] : ['-cert_chain', await file('above.pem', above.map(pemOf))]),
    ...['-engine', 'pkcs11', '-keyform', 'engine', '-key', pkcs11PathOf(lent.uri)],
    ...(lent.pin === undefined ? [] : ['-pass', `fd:${PIN_FD}`]),
  ]
  // a configuration of OpenSSL could add roots, engines and providers
  const env = { ...process.env, PKCS11_MODULE_PATH: lent.module, OPENSSL_CONF: '/dev/null' }
  const { authPinEnv } = tunnel.remote
  if (authPinEnv !== undefined) Reflect.deleteProperty(env, authPinEnv)
  const child = spawn('openssl', args, { stdio: ['pipe', 'pipe', 'pipe', 'pipe'], env })
  const pin = child.stdio[PIN_FD] as Writable
  for (const stream of [pin, child.stdin]) stream.on('error', () => undefined)
  pin.end(lent.pin)
  return child as unknown as ChildProcessWithoutNullStreams
}

function pemOf({ der }: PlainCertificate): string {
  return new X509Certificate(der).toString()
}

/** Returns the arguments for the address and for the name that the certificate of the server must have (RFC 9110 section 4.3.4). */
function peer(url: URL): readonly string[] {
  const { host, port } = placeOf(url)
  const name =
    isIP(host) === 0 ? ['-servername', host, '-verify_hostname', host] : ['-noservername', '-verify_ip', host]
  return ['-connect', `${url.hostname}:${port}`, ...name]
}

/** Resolves when TLS is established. */
function connected(
  child: ChildProcessWithoutNullStreams,
  progress: ExchangeProgress,
  signal: AbortSignal,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    let output = ''
    const stop = (): void => void child.kill('SIGKILL')
    signal.addEventListener('abort', stop)
    if (signal.aborted) stop()
    const stream = streamOver(child, () => failureOf(output))
    child.stderr.on('data', (bytes) => {
      output = `${output}${bytes}`.slice(-20_000)
      if (progress.isSecured || !output.includes('CONNECTION ESTABLISHED')) return
      progress.isSecured = true
      resolve(stream)
    })
    child.on('error', (cause) => {
      signal.removeEventListener('abort', stop)
      reject(configFault('ca-token-engine', `openssl cannot be run: install openssl: ${cause.message}`, cause))
    })
    child.on('close', () => {
      signal.removeEventListener('abort', stop)
      const failure = failureOf(output)
      if (failure?.kind === 'engine' && !signal.aborted) reject(engineFault(failure.text))
      else reject(connectionFault(failure?.error ?? new Error('the connection ended'), progress, signal.aborted))
    })
  })
}

function engineFault(text: string) {
  return configFault(
    'ca-token-engine',
    `openssl cannot use the token's key for TLS: ${text}: install its engine pkcs11 (libengine-pkcs11-openssl)`,
  )
}

/**
 * Returns the input and output of the child as one stream. It ends after the child has exited, since only then the reason is known, and
 * not before it has a reader: an error without a listener would end the program.
 */
function streamOver(child: ChildProcessWithoutNullStreams, failure: () => ReturnType<typeof failureOf>): Duplex {
  let isGone = false
  let isRead = false
  const end = (): void => {
    if (!isGone || !isRead || stream.destroyed) return
    const error = failure()?.error
    if (error === undefined) stream.push(null)
    else stream.destroy(error)
  }
  const stream = new Duplex({
    read: () => {
      isRead = true
      child.stdout.resume()
      end()
    },
    write: (chunk, _encoding, done) => void child.stdin.write(chunk, () => done()),
    // HTTP ends a connection when the answer is complete
    final: (done) => {
      child.kill('SIGKILL')
      done()
    },
    destroy: (error, done) => {
      child.kill('SIGKILL')
      done(error)
    },
  })
  child.stdout.on('data', (bytes) => {
    if (!stream.push(bytes)) child.stdout.pause()
  })
  child.on('close', () => {
    isGone = true
    end()
  })
  return stream
}
