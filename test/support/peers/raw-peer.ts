/** A server of tests that answers HTTP requests with raw octets: wrong lengths, half answers and silence included. With or without TLS, on loopback. */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'

export interface RawRequest {
  readonly line: string
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

/** Answers one request; writes what it likes. */
export type Behave = (socket: Socket, request: RawRequest) => void

/** Writes a complete response. */
export function respond(status: string, body = '', headers: readonly string[] = []): Behave {
  return (socket) => {
    const length = `Content-Length: ${Buffer.byteLength(body)}`
    socket.end(`HTTP/1.1 ${status}\r\n${[length, ...headers].join('\r\n')}\r\n\r\n${body}`)
  }
}

/** Writes these octets and keeps the connection open. */
export function say(text: string): Behave {
  return (socket) => void socket.write(text)
}

/** Writes these octets and closes the connection. */
export function sayAndClose(text: string): Behave {
  return (socket) => void socket.end(text)
}

export class RawPeer {
  behave: Behave = respond('200 OK', 'answer')
  readonly requests: RawRequest[] = []
  connections = 0
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #scheme: 'http' | 'https'

  constructor(tls?: { readonly cert: Buffer; readonly key: Buffer }) {
    this.#scheme = tls === undefined ? 'http' : 'https'
    const serve = (socket: Socket): void => this.#serve(socket)
    this.#server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve)
    this.#server.on('connection', (socket: Socket) => {
      this.connections += 1
      this.#sockets.add(socket.on('error', () => undefined))
    })
  }

  /** Listens on a free port; the URL. */
  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `${this.#scheme}://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(socket: Socket): void {
    let received = Buffer.alloc(0)
    socket.on('error', () => undefined)
    socket.on('data', (part) => {
      received = Buffer.concat([received, part])
      const request = parse(received)
      if (request === undefined) return
      received = Buffer.alloc(0)
      this.requests.push(request)
      this.behave(socket, request)
    })
  }
}

/** A request that has arrived completely. */
function parse(received: Buffer): RawRequest | undefined {
  const end = received.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const [line = '', ...lines] = received.subarray(0, end).toString('latin1').split('\r\n')
  const headers = Object.fromEntries(
    lines.map((text) => [text.slice(0, text.indexOf(':')).toLowerCase(), text.slice(text.indexOf(':') + 1).trim()]),
  )
  const body = received.subarray(end + 4)
  return body.length < Number(headers['content-length'] ?? 0) ? undefined : { line, headers, body }
}
