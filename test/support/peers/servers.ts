/** Servers that run a configuration of contrib/ on loopback, with only ports, paths and accounts changed. Each is ended by its own handle. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { get } from 'node:https'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { projectDir } from '../processes/brine-shim.js'

export interface Server {
  readonly pid: number
  readonly stop: () => Promise<void>
}

/** What `contrib/<name>` says after the replacements. Throws when one of them is not in the file, so that no test runs on something else. */
export function contribText(name: string, replacements: readonly (readonly [from: string, to: string])[]): string {
  let text = readFileSync(join(projectDir, 'contrib', name), 'utf8')
  for (const [from, to] of replacements) {
    if (!text.includes(from)) throw new Error(`contrib/${name} does not say ${JSON.stringify(from)}`)
    text = text.replaceAll(from, to)
  }
  return text
}

/** A TCP port of 127.0.0.1 that nobody uses now. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

/** Starts a server that stays in the foreground and waits until `port` answers. Throws with what it said when it ends before. */
export async function startServer(program: string, args: readonly string[], port: number): Promise<Server> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (part: Buffer) => (said += part.toString()))
  child.stderr.on('data', (part: Buffer) => (said += part.toString()))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  while (!(await answers(port))) {
    if (hasEnded(child)) throw new Error(`${program} ended with ${child.exitCode}: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const stop = (): Promise<void> => {
    child.kill('SIGTERM')
    return ended
  }
  return { pid: child.pid ?? 0, stop }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('error', () => resolve(false))
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
  })
}

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** Fetches a path as it is written (`..` included) by https from localhost; the certificate must be the one in `ca`, for that name. */
export function fetchHttps(
  port: number,
  path: string,
  ca: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get(
      { host: '127.0.0.1', servername: 'localhost', port, path, ca, headers, agent: false },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.once('error', reject)
        response.once('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
        )
      },
    )
    request.once('error', reject)
  })
}
