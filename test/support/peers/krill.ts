/**
 * A real Krill on loopback as a peer: started, driven with krillc over its socket, stopped. The programs come from BRINE_KRILL (a folder) or
 * PATH; without them a test skips with a visible line, and fails under BRINE_REQUIRE_KRILL=1.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'vitest'
import { type Ran, runProgram } from '../processes/brine-shim.js'
import type { OwnNetwork } from './own-network.js'
import { findProgram } from './validators.js'

/** Where `.ci/run` installs it. */
const INSTALLED = '/opt/brine-krill/bin'

/** Returns the folder of `krill` and `krillc`, with a slash at its end, or '' for PATH; undefined where they are not. */
export function krillPrograms(): string | undefined {
  for (const folder of [process.env['BRINE_KRILL'], INSTALLED])
    if (folder !== undefined && folder !== '' && existsSync(join(folder, 'krillc'))) return `${folder}/`
  return findProgram('krill') === undefined || findProgram('krillc') === undefined ? undefined : ''
}

/** Skips the test where there is no Krill; fails it under BRINE_REQUIRE_KRILL=1. */
export function needKrill(context: TestContext): string {
  const programs = krillPrograms()
  if (programs !== undefined) return programs
  if (process.env['BRINE_REQUIRE_KRILL'] === '1') throw new Error('BRINE_REQUIRE_KRILL=1, missing: krill and krillc')
  process.stdout.write(`skipped: ${context.task.name}: no krill on PATH or in BRINE_KRILL\n`)
  return context.skip('no krill')
}

export interface KrillOptions {
  /** True: with its own trust anchor, a CA `testbed` with all resources, and a publication server. */
  readonly testbed: boolean
  /** Host of its URIs, which validators are given another way to; Krill refuses localhost. */
  readonly host?: string
  /** Runs as the server of `host` in this network, with a certificate of the network's CA. */
  readonly network?: OwnNetwork
}

export interface ChildResources {
  readonly asn?: string
  readonly ipv4?: string
  readonly ipv6?: string
}

export class Krill {
  readonly dir: string
  readonly port: number
  readonly #programs: string
  readonly #network: OwnNetwork | undefined
  #process: ChildProcess | undefined

  private constructor(dir: string, port: number, programs: string, network: OwnNetwork | undefined) {
    this.dir = dir
    this.port = port
    this.#programs = programs
    this.#network = network
  }

  /** Writes a configuration into `dir` and starts Krill. Throws what it printed if it ends or does not answer. */
  static async start(dir: string, programs: string, options: KrillOptions): Promise<Krill> {
    mkdirSync(dir, { recursive: true })
    const { network } = options
    const krill = new Krill(dir, network === undefined ? await freePort() : 3000, programs, network)
    writeFileSync(join(dir, 'krill.conf'), krill.#configuration(options))
    if (network !== undefined) network.certify(join(dir, 'data', 'ssl'))
    const command = [`${programs}krill`, '-c', join(dir, 'krill.conf')]
    const [program = '', ...args] = network === undefined ? command : network.inside(command)
    krill.#process = spawn(program, args, { cwd: dir, stdio: 'ignore' })
    await krill.#answers(network === undefined ? () => isHealthy(krill.port) : () => krill.#isHealthy())
    return krill
  }

  /** Ends the process that was started. */
  async stop(): Promise<void> {
    const running = this.#process
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return
    const ended = new Promise((resolve) => running.once('exit', resolve))
    running.kill('SIGTERM')
    const timer = setTimeout(() => running.kill('SIGKILL'), 10_000)
    await ended
    clearTimeout(timer)
  }

  /** Runs krillc; returns what it prints. Throws where it fails. */
  async run(...args: readonly string[]): Promise<string> {
    const ran = await this.tryRun(...args)
    if (ran.status !== 0) throw new Error(`krillc ${args.join(' ')}: ${ran.stdout}${ran.stderr}`)
    return ran.stdout
  }

  /** Runs krillc; never rejects. */
  tryRun(...args: readonly string[]): Promise<Ran> {
    const env = { ...process.env, KRILL_CLI_SERVER: `unix://${this.dir}/k.sock` }
    return runProgram(`${this.#programs}krillc`, args, { env, timeout: 60_000 })
  }

  /** Its RFC 8183 file for a parent. */
  childRequest(ca: string): Promise<string> {
    return this.run('parents', 'request', '--ca', ca)
  }

  addParent(ca: string, parent: string, responseXml: string): Promise<string> {
    const file = this.#file(`${ca}-${parent}.xml`, responseXml)
    return this.run('parents', 'add', '--ca', ca, '--parent', parent, '--response', file)
  }

  /** Its RFC 8183 file for a publication server. */
  publisherRequest(ca: string): Promise<string> {
    return this.run('repo', 'request', '--ca', ca)
  }

  configureRepo(ca: string, responseXml: string): Promise<string> {
    return this.run('repo', 'configure', '--ca', ca, '--response', this.#file(`${ca}-repo.xml`, responseXml))
  }

  /** Adds a child; returns the parent_response. */
  addChild(ca: string, child: string, requestXml: string, { asn, ipv4, ipv6 }: ChildResources): Promise<string> {
    const resources = Object.entries({ '--asn': asn, '--ipv4': ipv4, '--ipv6': ipv6 }).flatMap(([flag, value]) =>
      value === undefined ? [] : [flag, value],
    )
    const file = this.#file(`${child}-request.xml`, requestXml)
    return this.run('children', 'add', '--ca', ca, '--child', child, '--request', file, ...resources)
  }

  /** Adds a publisher; returns the repository_response. */
  addPublisher(publisher: string, requestXml: string): Promise<string> {
    const file = this.#file(`${publisher}-publisher.xml`, requestXml)
    return this.run('pubserver', 'publishers', 'add', '--request', file, '--publisher', publisher)
  }

  /** The resources of a CA as Krill prints them. */
  async resources(ca: string): Promise<{ readonly asn: string; readonly ipv4: string; readonly ipv6: string }> {
    return JSON.parse(await this.run('--format', 'json', 'show', '--ca', ca)).resources
  }

  /** The rsync tree that it serves. */
  get rsyncDir(): string {
    return join(this.dir, 'data', 'repo', 'rsync', 'current')
  }

  /** The RRDP files that it serves. */
  get rrdpDir(): string {
    return join(this.dir, 'data', 'repo', 'rrdp')
  }

  /** Lays its testbed out for `runOnline`, as the URIs of its testbed have it, below a new folder. Returns the file of its TAL. */
  async serveTo(roots: string): Promise<string> {
    for (const folder of ['rsync/ta', 'https/ta']) mkdirSync(join(roots, folder), { recursive: true })
    symlinkSync(this.rsyncDir, join(roots, 'rsync', 'repo'))
    symlinkSync(this.rrdpDir, join(roots, 'https', 'rrdp'))
    const anchor = await this.#fetch('/ta/ta.cer')
    for (const folder of ['rsync/ta', 'https/ta']) writeFileSync(join(roots, folder, 'ta.cer'), anchor)
    writeFileSync(join(roots, 'ta.tal'), await this.#fetch('/ta/ta.tal'))
    return join(roots, 'ta.tal')
  }

  /** Gets a document of its web server, by a program where it is in another network. */
  async #fetch(path: string): Promise<Buffer> {
    const uri = `https://${this.#network?.host ?? 'localhost'}:${this.port}${path}`
    const script = `fetch('${uri}').then(async (r) => process.stdout.write(Buffer.from(await r.arrayBuffer()).toString('base64')))`
    const command = [process.execPath, '-e', script]
    const [program = '', ...args] = this.#network?.inside(command) ?? command
    const ran = await runProgram(program, args, { env: { ...process.env, NODE_TLS_REJECT_UNAUTHORIZED: '0' } })
    if (ran.status !== 0 || ran.stdout === '') throw new Error(`${uri}: ${ran.stderr}`)
    return Buffer.from(ran.stdout, 'base64')
  }

  /** Files published below `under`, as paths relative to it, sorted. */
  published(under = ''): readonly string[] {
    const root = join(this.rsyncDir, under)
    if (!existsSync(root)) return []
    return readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((e) => e.isFile())
      .map((e) => join(e.parentPath, e.name).slice(root.length).replace(/^\//, ''))
      .sort()
  }

  /** Waits until `done` is true; returns false after `seconds`. */
  async wait(done: () => boolean | Promise<boolean>, seconds = 60): Promise<boolean> {
    for (const end = Date.now() + seconds * 1000; Date.now() < end; await pause(200)) if (await done()) return true
    return false
  }

  #file(name: string, text: string): string {
    const path = join(this.dir, name.replaceAll('/', '_'))
    writeFileSync(path, text)
    return path
  }

  #configuration({ testbed, network, host = 'krill.example.net' }: KrillOptions): string {
    const own = `storage_uri = "${this.dir}/data"
admin_token = "secret"
log_type = "file"
log_file = "${this.dir}/krill.log"
log_level = "warn"
ip = "${network?.address ?? '127.0.0.1'}"
port = ${this.port}
https_mode = "${network === undefined ? 'generate' : 'existing'}"
service_uri = "https://${network?.host ?? 'localhost'}:${this.port}/"
unix_socket = "${this.dir}/k.sock"
pid_file = "${this.dir}/krill.pid"
bgp_riswhois_enabled = false
`
    if (!testbed) return own
    return `${own}
[testbed]
rrdp_base_uri = "https://${host}/rrdp/"
rsync_jail = "rsync://${host}/repo/"
ta_aia = "rsync://${host}/ta/ta.cer"
ta_uri = "https://${host}/ta/ta.cer"
`
  }

  async #isHealthy(): Promise<boolean> {
    return (await this.tryRun('health')).status === 0
  }

  async #answers(isHealthy: () => Promise<boolean>): Promise<void> {
    for (const end = Date.now() + 60_000; Date.now() < end; await pause(100)) {
      if (await isHealthy()) return
      if (this.#process?.exitCode !== null) break
    }
    await this.stop()
    const log = join(this.dir, 'krill.log')
    throw new Error(`krill does not answer on port ${this.port}: ${existsSync(log) ? readFileSync(log, 'utf8') : ''}`)
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function isHealthy(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: '/health', rejectUnauthorized: false, timeout: 2000 })
    asked.on('response', (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asked.on('error', () => resolve(false))
    asked.on('timeout', () => asked.destroy())
    asked.end()
  })
}

/** Returns a port of loopback that was free a moment ago. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (address === null || typeof address === 'string' ? reject() : resolve(address.port)))
    })
  })
}
