/**
 * Three data directories in test mode, a chain of four CAs below a trust anchor, with a real nginx between them. `top` has the trust anchor and
 * `one` in its CA `testbed`; `middle` has `two` below it, which publishes in the repository of `top`, and `three` below that, which publishes in
 * its own; `bottom` has `four` below `three`, which publishes in the repository of `middle`. Every message passes through nginx.
 */
import { mkdirSync, readdirSync, readFileSync, realpathSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { addSeconds, type Instant } from '../../../src/core/base/time.js'
import { decodeCertificate } from '../../../src/core/rpki/x509/decode-certificate.js'
import { ProtocolServer } from '../peers/protocol-server.js'
import { brineOk, newTestbed } from './testbed.js'

export const DIRECTORIES = ['top', 'middle', 'bottom'] as const
export type Directory = (typeof DIRECTORIES)[number]

/** CAs of the chain from above, each with its directory. */
export const CHAIN = [
  ['testbed', 'top'],
  ['two', 'middle'],
  ['three', 'middle'],
  ['four', 'bottom'],
] as const
export type ChainCa = (typeof CHAIN)[number][0]

interface Ticked {
  readonly done: readonly { readonly what: string; readonly on: string }[]
  readonly failed: readonly { readonly message: string }[]
}

export class ThreeDirectories {
  readonly dirs: Readonly<Record<Directory, string>>
  readonly server: ProtocolServer
  /** For validators, in the layout of `runOnline`. */
  readonly roots: string
  readonly tal: string
  now: Instant
  readonly #scratch: string

  private constructor(scratch: string, dirs: Record<Directory, string>, server: ProtocolServer, now: Instant) {
    this.#scratch = scratch
    this.dirs = dirs
    this.server = server
    this.now = now
    this.roots = join(scratch, 'roots')
    this.tal = join(dirs.top, 'repo', 'ta', 'ta.tal')
  }

  /** Makes them in `scratch` at the present, with the entitlements of `RESOURCES`. */
  static async make(scratch: string, nginx: string): Promise<ThreeDirectories> {
    const dirs = { top: join(scratch, 'top'), middle: join(scratch, 'middle'), bottom: join(scratch, 'bottom') }
    const now = new Date().toISOString().replace(/\.\d+/, '') as Instant
    await newTestbed(dirs.top, now)
    const server = await ProtocolServer.start(nginx, join(scratch, 'web'), [dirs.top, dirs.middle])
    const site = new ThreeDirectories(scratch, dirs, server, now)
    try {
      await site.serve()
      await site.#connect()
      site.#layOut()
    } catch (error) {
      await server.stop()
      throw error
    }
    return site
  }

  /** Runs a command that must succeed in the directory of a CA, or in a directory. */
  run<T = Readonly<Record<string, unknown>>>(where: Directory, ...args: readonly string[]): Promise<T> {
    return brineOk<T>(this.dirs[where], args, this.now)
  }

  /** Starts the workers of `top` and `middle` again, at the time that it is now. */
  async serve(): Promise<void> {
    await Promise.all((['top', 'middle'] as const).map((where) => this.server.serve(this.dirs[where], this.now)))
  }

  /** Lets time pass in every directory: the next messages are answered at the new time. */
  async pass(seconds: number): Promise<void> {
    this.now = addSeconds(this.now, seconds)
    await this.serve()
  }

  /** Verifies the history of each directory, and that no key has two certificates in a published tree. */
  async audit(): Promise<void> {
    for (const where of DIRECTORIES) await this.run(where, 'audit', 'verify', '--full')
    const keys = ['top', 'middle'].flatMap((where) => certifiedKeys(join(this.dirs[where as Directory], 'repo')))
    const twice = keys.filter((key, n) => keys.indexOf(key) !== n)
    if (twice.length > 0) throw new Error(`keys with two certificates: ${twice.join()}`)
  }

  /** Runs `tick` once in each of these directories, by default in all from above to below; returns what they did. */
  async tick(...directories: readonly Directory[]): Promise<readonly string[]> {
    const done: string[] = []
    for (const where of directories.length === 0 ? DIRECTORIES : directories) {
      const ticked = await this.run<Ticked>(where, 'tick')
      done.push(...ticked.done.map((one) => `${where}: ${one.what} ${one.on}`))
    }
    return done
  }

  async #connect(): Promise<void> {
    const { run } = { run: this.run.bind(this) }
    const file = (name: string): string => join(this.#scratch, name)
    const [top, middle] = [this.server.uri(this.dirs.top), this.server.uri(this.dirs.middle)]
    const peer = ['--allow-private', '--tls-ca', this.server.caFile]
    await run('middle', 'init', '--test')
    await run('bottom', 'init', '--test')
    const repo = ['--rsync', 'rsync://below.example/below/', '--rrdp', 'https://below.example/below/rrdp/']
    await run('middle', 'pubserver', 'init', ...repo)

    const publishAt = async (ca: string, of: Directory, at: Directory, uri: string): Promise<void> => {
      await run(of, 'repo', 'request', ca, '--out', file(`${ca}-publisher.xml`))
      const publisher = ['pubserver', 'publisher', 'add', ca, '--request', file(`${ca}-publisher.xml`)]
      await run(at, ...publisher, '--service-uri', uri, '--out', file(`${ca}-repository.xml`))
      await run(of, 'repo', 'configure', ca, '--response', file(`${ca}-repository.xml`), ...peer)
    }
    const putUnder = async (
      ca: string,
      of: Directory,
      above: string,
      at: Directory,
      uri: string,
      resources: string,
    ) => {
      await run(of, 'parent', 'request', ca, '--out', file(`${ca}-child.xml`))
      const child = ['child', 'add', above, ca, '--request', file(`${ca}-child.xml`), '--resources', resources]
      await run(at, ...child, '--service-uri', uri, '--out', file(`${ca}-parent.xml`))
      await run(of, 'parent', 'add', ca, above, '--response', file(`${ca}-parent.xml`), ...peer)
    }
    await run('middle', 'ca', 'add', 'two')
    await publishAt('two', 'middle', 'top', top)
    await putUnder('two', 'middle', 'testbed', 'top', top, '10.0.0.0/8, AS64496-AS64511')
    await run('middle', 'tick')
    await run('middle', 'ca', 'add', 'three')
    await run('middle', 'repo', 'configure', 'three', '--local')
    await run('middle', 'child', 'add', 'two', 'three', '--local', '--resources', '10.64.0.0/10, AS64496-AS64511')
    await run('middle', 'parent', 'add', 'three', 'two', '--local')
    await run('bottom', 'ca', 'add', 'four')
    await publishAt('four', 'bottom', 'middle', middle)
    await putUnder('four', 'bottom', 'three', 'middle', middle, '10.64.0.0/16')
  }

  /** Both repositories under one rsyncd and one nginx: module and folder `below` are those of `middle`. */
  #layOut(): void {
    const [top, middle] = [join(this.dirs.top, 'repo'), join(this.dirs.middle, 'repo')]
    mkdirSync(join(this.roots, 'rsync'), { recursive: true })
    mkdirSync(join(this.roots, 'https'))
    symlinkSync(join(top, 'rsync', 'current'), join(this.roots, 'rsync', 'repo'))
    symlinkSync(join(top, 'ta'), join(this.roots, 'rsync', 'ta'))
    symlinkSync(join(middle, 'rsync', 'current'), join(this.roots, 'rsync', 'below'))
    for (const name of ['rrdp', 'ta']) symlinkSync(join(top, name), join(this.roots, 'https', name))
    symlinkSync(middle, join(this.roots, 'https', 'below'))
  }
}

/** Returns the subject key identifier of each certificate in a published tree. */
function certifiedKeys(repoDir: string): readonly string[] {
  const root = realpathSync(join(repoDir, 'rsync', 'current'))
  const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.cer'))
  return files.map((name) => decodeCertificate(readFileSync(join(root, name))).content?.ski ?? name)
}
