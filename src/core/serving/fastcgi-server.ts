/**
 * A FastCGI server on a Unix socket, for one web server on the same host: it answers several requests at once and ends when nothing has been
 * asked for some time, so that systemd starts it again with the next connection.
 * Invariant: it ends only without connections, so that no request is lost; the next one waits in the socket that systemd holds.
 */
import { unlinkSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { type FastCgiRequest, fastCgiReader, fastCgiResponse, type LargestBody } from '../protocols/fastcgi.js'
import { ioError } from '../store/disk/io-error.js'

export interface FastCgiOptions {
  /** A path to create, or the descriptor of a socket that listens already. */
  readonly socket: string | number
  /** Number of requests that are answered at the same time; others wait. */
  readonly atOnce: number
  /** Seconds without a connection after which the server ends. */
  readonly idle: number
  readonly largestBody: LargestBody
  /** Answers one request: standard output and the lines for the error log. Never throws. */
  readonly answer: (request: FastCgiRequest) => Promise<{ readonly output: Uint8Array; readonly errors: string }>
  readonly log: (line: string) => void
}

/** Serves until it is idle, and returns the number of requests. Throws `io` if the socket cannot be used. */
export function serveFastCgi(options: FastCgiOptions): Promise<number> {
  const { socket, idle } = options
  const state = { served: 0, running: 0, waiting: [] as (() => void)[], connections: new Set<Socket>() }
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const server: Server = createServer((connection) => {
      clearTimeout(timer)
      state.connections.add(connection)
      connection.once('close', () => {
        state.connections.delete(connection)
        if (state.connections.size === 0) rest()
      })
      connection.on('error', () => connection.destroy())
      handle(connection, options, state)
    })
    const end = (): void => void server.close(() => resolve(state.served))
    const rest = (): void => {
      clearTimeout(timer)
      timer = setTimeout(end, idle * 1000)
    }
    server.once('error', (error) => reject(ioError('create', String(socket), error)))
    server.listen(typeof socket === 'number' ? { fd: socket } : socketAt(socket), rest)
  })
}

/** Returns the path after removing a socket that an earlier process left. */
function socketAt(path: string): { readonly path: string } {
  try {
    unlinkSync(path)
  } catch {
    // not there; a folder or a file that cannot be removed fails in listen
  }
  return { path }
}

interface State {
  served: number
  running: number
  readonly waiting: (() => void)[]
  readonly connections: Set<Socket>
}

/** Longest pause of a web server between two parts of a request, in milliseconds; one that waits for the next request may be silent. */
const PAUSE = 30_000

function handle(connection: Socket, options: FastCgiOptions, state: State): void {
  const read = fastCgiReader(options.largestBody)
  let isWithin = false
  connection.setTimeout(PAUSE, () => {
    if (!isWithin) return
    options.log('a connection was closed: the rest of a request did not come for half a minute')
    connection.destroy()
  })
  connection.on('data', (chunk: Buffer) => {
    isWithin = true
    for (const event of read(chunk)) {
      isWithin = false
      if (event.type === 'reply') connection.write(event.bytes)
      else if (event.type === 'request') void respond(connection, event.request, options, state)
      else {
        options.log(`a connection was closed: ${event.message}`)
        connection.destroy()
      }
    }
  })
}

async function respond(
  connection: Socket,
  request: FastCgiRequest,
  options: FastCgiOptions,
  state: State,
): Promise<void> {
  connection.pause()
  if (state.running >= options.atOnce) await new Promise<void>((go) => state.waiting.push(go))
  state.running += 1
  try {
    const { output, errors } = await options.answer(request)
    state.served += 1
    const bytes = fastCgiResponse(request.id, output, Buffer.from(errors, 'utf8'))
    if (request.keepsConnection) connection.write(bytes)
    else connection.end(bytes)
  } finally {
    state.running -= 1
    state.waiting.shift()?.()
    connection.resume()
  }
}
