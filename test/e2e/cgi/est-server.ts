/**
 * EST, or messages of children and publishers, as contrib/ serves them: nginx or Apache, and the worker, on loopback with only ports, paths
 * and accounts changed, and curl as the client.
 */
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { contribText, freePort, type Server, startServer } from '../../support/peers/servers.js'
import { runProgram, shimmedEnv, writeShim } from '../../support/processes/brine-shim.js'

export interface EstPrograms {
  /** The web server in front: nginx, unless it is called apache2 or httpd. */
  readonly front: string
  /** Runs brine.cgi for each request; undefined for the worker. */
  readonly fcgiwrap?: string | undefined
  readonly curl: string
  /** What is served: EST, unless it is messages. */
  readonly serves?: 'messages'
  /** Texts of the file for messages that an operator replaces, and what by. */
  readonly edits?: readonly (readonly [string, string])[]
  /** Directives of the server around the files of contrib/. */
  readonly around?: string
  /** Answers in the place of Brine, at the socket that is given. */
  readonly backend?: (socket: string) => Promise<Server>
}

export interface HttpAnswer {
  readonly status: number
  /** Of the last answer, names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
}

export class EstServer {
  readonly #programs: EstPrograms
  readonly #folder: string
  readonly #running: Server[]
  readonly #port: number
  #asked = 0

  private constructor(programs: EstPrograms, folder: string, port: number, running: Server[]) {
    this.#programs = programs
    this.#folder = folder
    this.#port = port
    this.#running = running
  }

  /** Serves `folder/data`. */
  static async start(programs: EstPrograms, folder: string): Promise<EstServer> {
    const port = await freePort()
    const wrapper = await startWrapper(programs, folder)
    try {
      const start = /\/(?:apache2|httpd)$/.test(programs.front) ? startApache : startNginx
      return new EstServer(programs, folder, port, [await start(programs, folder, port), wrapper])
    } catch (error) {
      await wrapper.stop()
      throw error
    }
  }

  async stop(): Promise<void> {
    for (const server of this.#running.splice(0)) await server.stop()
  }

  /**
   * Begins a request with `text`, and sends the rest once that comes; returns the status line that comes before the connection ends, '' for none.
   * A server that leaves it open for 20 seconds is 'open'.
   */
  begin(text: string, rest?: Promise<string>): Promise<string> {
    return new Promise((resolve) => {
      const ca = readFileSync(join(this.#folder, 'data/ssl/cert.pem'))
      const socket = connect({ port: this.#port, host: '127.0.0.1', servername: 'localhost', ca }, () =>
        socket.write(text),
      )
      let said = ''
      void rest?.then((more) => socket.write(more))
      socket.setTimeout(20_000, () => {
        said = 'open'
        socket.destroy()
      })
      socket.on('data', (part) => {
        said += part.toString('latin1')
      })
      socket.on('error', () => undefined)
      socket.on('close', () => resolve(said.split('\r\n', 1)[0] ?? ''))
    })
  }

  /** What the server's operator reads. */
  log(): string {
    return readFileSync(join(this.#folder, 'web', 'error.log'), 'utf8')
  }

  /** `curl ARGS https://localhost:PORT/PATH`, trusting the certificate in ssl/ alone. */
  async ask(path: string, args: readonly string[] = []): Promise<HttpAnswer> {
    this.#asked += 1
    const [head, body] = ['head', 'body'].map((name) => join(this.#folder, `${name}-${this.#asked}`)) as [
      string,
      string,
    ]
    const own = ['-sS', '-D', head, '-o', body, '--cacert', join(this.#folder, 'data/ssl/cert.pem'), '--max-time', '60']
    const url = `https://localhost:${this.#port}${path}`
    const { status, stderr } = await runProgram(this.#programs.curl, [...own, ...args, url])
    if (status !== 0) throw new Error(`curl ${path}: ${stderr}`)
    const [first = '', ...lines] =
      readFileSync(head, 'latin1')
        .trim()
        .split(/\r\n\r\n/)
        .at(-1)
        ?.split('\r\n') ?? []
    const headers = lines.map((line) => [line.split(':', 1)[0]?.toLowerCase() ?? '', line.replace(/^[^:]*: */, '')])
    return {
      status: Number(/^HTTP\/[\d.]+ (\d+)/.exec(first)?.[1]),
      headers: Object.fromEntries(headers),
      body: existsSync(body) ? readFileSync(body) : Buffer.alloc(0),
    }
  }
}

/** The worker as the service runs it but for the socket, which systemd would make; or fcgiwrap with brine.cgi, a process for each request. */
async function startWrapper({ fcgiwrap, backend }: EstPrograms, folder: string): Promise<Server> {
  const [socket, script] = [join(folder, 'est.sock'), join(folder, 'brine.cgi')]
  if (backend !== undefined) return backend(socket)
  const places: [string, string][] = [
    ['/usr/local/bin/brine', writeShim(folder)],
    ['/var/lib/brine', join(folder, 'data')],
  ]
  writeFileSync(script, contribText('brine.cgi', places), { mode: 0o755 })
  const unit = contribText('brine-est.service', places)
  const [, line = ''] = /^ExecStart=(.*)$/m.exec(unit) ?? []
  const [program = '', ...args] =
    fcgiwrap === undefined
      ? line.replace('--fastcgi systemd', `--fastcgi ${socket}`).split(' ')
      : [fcgiwrap, '-c', '4', '-f', '-p', script, '-s', `unix:${socket}`]
  // of the one before, which leaves it behind
  rmSync(socket, { force: true })
  const env = shimmedEnv(folder, { HOME: folder })
  const child = spawn(program, args, { stdio: 'ignore', env, detached: true })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  while (!existsSync(socket)) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  // nginx's workers are another user; in production the unit of the socket says so
  chmodSync(socket, 0o666)
  const stop = (): Promise<void> => {
    // with the processes that it made ahead, which outlive it otherwise
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
    return ended
  }
  return { pid: child.pid ?? 0, stop }
}

/** Writes the files of contrib/ that a server includes, and returns the first. */
function nginxFiles({ serves, edits = [] }: EstPrograms, folder: string, port: number): string {
  const listen: readonly [string, string][] = [
    ['listen 443 ssl;', `listen 127.0.0.1:${port} ssl;`],
    ['listen [::]:443 ssl;', ''],
    ['/var/lib/brine', join(folder, 'data')],
  ]
  if (serves !== 'messages')
    return contribText('nginx-est.conf', [
      ...listen,
      ['server_name est.example.net;', 'server_name localhost;'],
      ...passedOn(folder),
    ])
  const included = join(folder, 'messages.conf')
  writeFileSync(included, contribText('nginx-messages.conf', [...passedOn(folder), ...edits]))
  return contribText('nginx.conf', [
    ...listen,
    ['server_name rpki.example.net;', 'server_name localhost;'],
    ['# include snippets/brine-messages.conf;', `include ${included};`],
  ])
}

function passedOn(folder: string): readonly [string, string][] {
  return [
    ['/run/brine-est.sock', join(folder, 'est.sock')],
    ['/usr/local/lib/brine/brine.cgi', join(folder, 'brine.cgi')],
  ]
}

async function startNginx(programs: EstPrograms, folder: string, port: number): Promise<Server> {
  const nginx = programs.front
  const block = nginxFiles(programs, folder, port)
  const scratch = join(folder, 'web')
  mkdirSync(scratch, { recursive: true })
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const temporary = kinds.map((name) => `${name}_temp_path ${join(scratch, name)};`).join(' ')
  const [config, log] = [join(scratch, 'nginx.conf'), join(scratch, 'error.log')]
  const user = process.getuid?.() === 0 ? 'user nobody nogroup;' : ''
  writeFileSync(join(scratch, 'brine.conf'), block)
  writeFileSync(
    config,
    `${user} daemon off; worker_processes 1; pid ${scratch}/pid; error_log ${log}; events { }
     http { access_log off; ${programs.around ?? ''} ${temporary} include ${scratch}/brine.conf; }\n`,
  )
  const { status, stderr } = await runProgram(nginx, ['-t', '-c', config, '-e', log], { env: shimmedEnv(folder) })
  if (status !== 0 || /warn|emerg/.test(stderr)) throw new Error(`nginx -t: ${stderr}`)
  return startServer(nginx, ['-c', config, '-e', log], port)
}

function apacheFiles({ serves, edits = [] }: EstPrograms, folder: string, port: number): string {
  const listen: readonly [string, string][] = [
    ['*:443', `127.0.0.1:${port}`],
    ['/var/lib/brine', join(folder, 'data')],
  ]
  if (serves !== 'messages')
    return contribText('apache-est.conf', [
      ...listen,
      ['ServerName est.example.net', 'ServerName localhost'],
      ...passedOn(folder),
    ])
  const included = join(folder, 'messages.conf')
  writeFileSync(included, contribText('apache-messages.conf', [...passedOn(folder), ...edits]))
  return contribText('apache.conf', [
    ...listen,
    ['ServerName rpki.example.net', 'ServerName localhost'],
    ['# Include brine-messages.conf', `Include ${included}`],
  ])
}

async function startApache(programs: EstPrograms, folder: string, port: number): Promise<Server> {
  const apache = programs.front
  const host = apacheFiles(programs, folder, port)
  const scratch = join(folder, 'web')
  mkdirSync(scratch, { recursive: true })
  const places = ['../../lib/apache2/modules', '../../lib64/httpd/modules', '../../libexec/apache2']
  const modules = places.map((place) => join(apache, place)).find((place) => existsSync(place)) ?? ''
  const names = [
    'mpm_event',
    'unixd',
    'authz_core',
    'authz_host',
    'socache_shmcb',
    'ssl',
    'proxy',
    'proxy_fcgi',
    'alias',
    'headers',
    'env',
  ]
  const load = [...names, 'reqtimeout']
    .filter((name) => existsSync(join(modules, `mod_${name}.so`)))
    .map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so\n`)
    .join('')
  const user = process.getuid?.() === 0 ? 'User nobody\nGroup nogroup\n' : ''
  const [config, log] = [join(scratch, 'apache.conf'), join(scratch, 'error.log')]
  writeFileSync(
    config,
    `${load}${user}ServerName localhost\nListen 127.0.0.1:${port}\nPidFile ${scratch}/pid\nDefaultRuntimeDir ${scratch}\nErrorLog ${log}\n${programs.around ?? ''}\n${host}`,
  )
  const { status, stderr } = await runProgram(apache, ['-t', '-f', config])
  if (status !== 0) throw new Error(`apache2 -t: ${stderr}`)
  return startServer(apache, ['-DFOREGROUND', '-f', config], port)
}
