/** A remote CA of tests: HTTPS with client certificates on 127.0.0.1, a count of what reached it, and faults on demand. */
import { createPrivateKey, sign } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Instant } from '../../../src/core/base/time.js'
import { systemRandom } from '../../../src/core/crypto/random.js'
import { schemeOf } from '../../../src/core/pki/algorithms.js'
import { certificatesOf, readPlainCertificate } from '../../../src/core/pki/certificate.js'
import { readRequest } from '../../../src/core/pki/csr.js'
import { type Issuer, issueCertificate } from '../../../src/core/pki/issue.js'
import type { CertificateProfile } from '../../../src/core/pki/profile.js'
import type { OpensslBox } from './requests.js'

export interface PeerFiles {
  /** The CA that issues. */
  readonly ca: { readonly cert: string; readonly key: string }
  /** The root of everybody's TLS certificates. */
  readonly tlsCa: string
  readonly server: { readonly cert: string; readonly key: string }
  readonly client: { readonly cert: string; readonly key: string }
}

/** A certificate of `ca` for TLS. */
export function tlsLeaf(
  box: OpensslBox,
  ca: { readonly cert: string; readonly key: string },
  name: string,
  subject = name,
): { readonly cert: string; readonly key: string } {
  const key = box.key()
  chmodSync(box.path(key), 0o600)
  writeFileSync(box.path(`${name}.ext`), 'subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n')
  box.run('req', '-new', '-key', key, '-subj', `/CN=${subject}`, '-out', `${name}.csr`)
  const signing = ['-CA', ca.cert, '-CAkey', ca.key, '-CAcreateserial', '-extfile', `${name}.ext`]
  box.run('x509', '-req', '-in', `${name}.csr`, ...signing, '-days', '100', '-out', `${name}.pem`)
  return { cert: box.path(`${name}.pem`), key: box.path(key) }
}

/** An issuing CA called `name`, and TLS certificates of a root of their own for a server and for the client `ra-agent`. */
export function peerFiles(box: OpensslBox, name: string): PeerFiles {
  const root = box.ca(`${name}-tls`)
  const ca = box.ca(name)
  chmodSync(ca.key, 0o600)
  return {
    ca,
    tlsCa: root.cert,
    server: tlsLeaf(box, root, `${name}-server`),
    client: tlsLeaf(box, root, 'ra-agent'),
  }
}

/** What signs for a CA of a box. */
export function issuerOf(ca: { readonly cert: string; readonly key: string }): Issuer {
  const key = createPrivateKey(readFileSync(ca.key))
  const scheme = schemeOf(key.asymmetricKeyType, key.asymmetricKeyDetails?.namedCurve)
  const certificate = readPlainCertificate(certificatesOf(readFileSync(ca.cert))[0] ?? new Uint8Array())
  if (scheme === undefined || certificate === undefined) throw new Error('no issuer')
  return { certificate, scheme, sign: async (tbs) => sign(scheme.hash, tbs, key) }
}

/** A real certificate for a real request; undefined for a request that is none. */
export async function issued(
  issuer: Issuer,
  csr: Uint8Array,
  profile: CertificateProfile,
): Promise<Uint8Array | undefined> {
  const { request } = readRequest(csr)
  const now = new Date().toISOString().replace(/\.\d+/, '') as Instant
  return request === undefined ? undefined : issueCertificate(issuer, request, profile, now, systemRandom)
}

export interface Asked {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
  /** commonName of the client certificate; undefined without one that the root signed. */
  readonly client: string | undefined
}

export interface Told {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** What the server does instead of answering; `undefined`: it answers. */
export type Knob =
  | 'hang'
  | 'hang-in-body'
  | 'reset'
  | 'half-body'
  | 'html-500'
  | 'html-200'
  | 'nothing'
  | 'redirect'
  | 'too-long'
  | { readonly status: number; readonly body?: string; readonly headers?: Readonly<Record<string, string>> }

export class CaPeer {
  knob: Knob | undefined
  /** The knob turns the answers of these paths only. */
  knobPath = /./
  /** Milliseconds before each answer. */
  delay = 0
  /** Each answer waits for it. */
  gate: Promise<unknown> | undefined
  requests = 0
  readonly asked: Asked[] = []
  readonly #server: Server
  readonly #sockets = new Set<Duplex>()

  constructor(
    files: Pick<PeerFiles, 'server' | 'tlsCa'>,
    answer: (asked: Asked) => Told | Promise<Told>,
    strict = true,
  ) {
    const { cert, key } = files.server
    this.#server = createServer(
      {
        cert: readFileSync(cert),
        key: readFileSync(key),
        ca: readFileSync(files.tlsCa),
        requestCert: true,
        rejectUnauthorized: strict,
      },
      (incoming, outgoing) => void this.#serve(incoming, outgoing, answer),
    )
    this.#server.on('connection', (socket) => this.#sockets.add(socket))
  }

  /** Listens on a free port; the URL. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse, answer: (asked: Asked) => Told | Promise<Told>) {
    const parts: Buffer[] = []
    for await (const part of incoming) parts.push(part)
    const socket = incoming.socket as TLSSocket
    this.requests += 1
    const asked: Asked = {
      method: incoming.method ?? '',
      path: incoming.url ?? '',
      headers: incoming.headers,
      body: Buffer.concat(parts).toString('utf8'),
      client: socket.authorized ? String(socket.getPeerCertificate().subject?.CN ?? '') : undefined,
    }
    this.asked.push(asked)
    await this.gate
    if (this.delay > 0) await new Promise((resolve) => setTimeout(resolve, this.delay))
    if (this.knob !== undefined && this.knobPath.test(asked.path)) {
      turned(this.knob, outgoing)
      return
    }
    const { status = 200, headers = {}, body = '' } = await answer(asked)
    outgoing.writeHead(status, { ...headers })
    outgoing.end(body)
  }
}

function turned(knob: Knob, outgoing: ServerResponse): void {
  if (typeof knob === 'object') {
    outgoing.writeHead(knob.status, { ...knob.headers }).end(knob.body ?? '')
    return
  }
  const html = { 'Content-Type': 'text/html' }
  switch (knob) {
    case 'hang':
      return
    case 'hang-in-body':
      outgoing.writeHead(200, { 'Content-Length': '100' }).write('{"success"')
      return
    case 'reset':
      outgoing.socket?.destroy()
      return
    case 'half-body':
      outgoing.writeHead(200, { 'Content-Length': '100' }).write('{"success"', () => outgoing.socket?.destroy())
      return
    case 'html-500':
      outgoing.writeHead(500, html).end('<html><body>Apache Tomcat</body></html>')
      return
    case 'html-200':
      outgoing.writeHead(200, html).end('<html><body>Sign in to the hotel network</body></html>')
      return
    case 'nothing':
      outgoing.writeHead(200).end()
      return
    case 'redirect':
      outgoing.writeHead(302, { Location: 'https://elsewhere.example/' }).end()
      return
    case 'too-long':
      outgoing.writeHead(200).end(' '.repeat(1024 * 1024 + 1))
  }
}

/** A URL at which TCP connects and nothing is ever said, and what ends it. */
export async function silentPort(): Promise<{ readonly url: string; readonly close: () => void }> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => sockets.add(socket.on('error', () => undefined)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = (): void => {
    for (const socket of sockets) socket.destroy()
    server.close()
  }
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

/** A port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createTcpServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
