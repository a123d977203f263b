/** `brine cgi` behind a web server on loopback: a process per request, as a CGI program has it. */
import { spawn } from 'node:child_process'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { projectDir } from '../processes/brine-shim.js'

export interface ServedCgi {
  /** `http://localhost:PORT/`. */
  readonly uri: string
  /** Paths of the requests that have come. */
  readonly requests: string[]
  readonly stop: () => void
}

/** Serves a data directory over HTTP; `now` is BRINE_NOW. */
export function serveCgi(dataDir: string, now?: () => string): Promise<ServedCgi> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url ?? '')
    void answer({ BRINE_DATA_DIR: dataDir, ...(now === undefined ? {} : { BRINE_NOW: now() }) }, request, response)
  })
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      resolve({ uri: `http://localhost:${port}/`, requests, stop: () => void server.close() })
    })
  })
}

async function answer(
  settings: Readonly<Record<string, string>>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await all(request)
  const env = {
    ...{ PATH: process.env['PATH'] ?? '', ...settings, REQUEST_METHOD: request.method ?? '' },
    ...{ SCRIPT_NAME: '', PATH_INFO: request.url ?? '', CONTENT_TYPE: request.headers['content-type'] ?? '' },
    CONTENT_LENGTH: String(body.length),
  }
  const child = spawn(process.execPath, [join(projectDir, 'bin/run.js'), 'cgi'], {
    ...{ env, stdio: ['pipe', 'pipe', 'ignore'] },
  })
  child.stdin?.end(body)
  const stdout = await all(child.stdout as NodeJS.ReadableStream)
  const split = stdout.indexOf('\r\n\r\n')
  const head = stdout.subarray(0, Math.max(split, 0)).toString().split('\r\n')
  const fields = head.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const)
  const status = Number(fields.find(([name]) => name === 'Status')?.[1]?.slice(0, 3) ?? 500)
  response.writeHead(status, Object.fromEntries(fields.filter(([name]) => name !== 'Status' && name !== '')))
  response.end(stdout.subarray(split + 4))
}

async function all(stream: NodeJS.ReadableStream): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of stream) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
