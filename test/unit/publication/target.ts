/** A repository on disk: a publication server in memory, its objects in files, and what a reader sees of the served tree. */
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import { dirname, join } from 'node:path'
import { addSeconds } from '../../../src/core/base/time.js'
import { sha256Hex } from '../../../src/core/crypto/digest.js'
import type { Sha256 } from '../../../src/core/crypto/ports.js'
import { type ObjectPut, publicationDelta, publishedObjects } from '../../../src/core/pubd/content.js'
import { type Disk, nodeDisk } from '../../../src/core/publication/served-files.js'
import { type WriteOptions, type WriteReport, writeTree } from '../../../src/core/publication/writer.js'
import { given, h, type Server } from '../pubd/given.js'

export class Site {
  readonly dir: string
  readonly repoDir: string
  readonly server: Server

  constructor(server: Server) {
    this.dir = fs.mkdtempSync(join(os.tmpdir(), 'brine-repo-'))
    fs.chmodSync(this.dir, 0o711)
    this.repoDir = join(this.dir, 'repo')
    this.server = server
  }

  objectPath = (sha256: Sha256): string => join(this.dir, 'objects', sha256.slice(0, 2), sha256)

  /** Keeps an object as the store would: 0644 in a 0700 folder, with a time of its own. */
  object(name: string, text: string): ObjectPut {
    const sha256 = sha256Hex(text)
    const path = this.objectPath(sha256)
    if (!fs.existsSync(path)) {
      fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
      fs.writeFileSync(path, text, { mode: 0o644 })
      fs.chmodSync(path, 0o644)
      fs.utimesSync(path, 1_700_000_000, 1_700_000_000)
    }
    return { name, sha256, size: Buffer.byteLength(text) }
  }

  /** Publishes texts by name for one publisher: exactly these. */
  async desire(publisher: string, texts: Readonly<Record<string, string>>): Promise<void> {
    const wanted = Object.entries(texts).map(([name, text]) => this.object(name, text))
    await this.server.run({ type: 'publish', changes: [publicationDelta(this.server.state, h(publisher), wanted)] })
  }

  options(more: Partial<WriteOptions> = {}): WriteOptions {
    const { repoDir, objectPath } = this
    return { repoDir, objectPath, state: this.server.state, now: this.server.now, ...more }
  }

  write(more: Partial<WriteOptions> = {}): WriteReport {
    return writeTree(this.options(more))
  }

  /** Every file below `repo/` with mode, time and content: what a no-op must not change. */
  everything(): string {
    const lines: string[] = []
    const walk = (path: string): void => {
      const stat = fs.lstatSync(path)
      const inner = stat.isSymbolicLink() ? fs.readlinkSync(path) : stat.isFile() ? digest(path) : ''
      lines.push(`${path} ${stat.ino} ${stat.mode} ${stat.mtimeMs} ${inner}`)
      if (stat.isDirectory()) for (const name of fs.readdirSync(path).sort()) walk(join(path, name))
    }
    walk(this.repoDir)
    return lines.join('\n')
  }

  /** What rsync serves: path and hash, sorted by path. */
  rsync(): readonly (readonly [string, string])[] {
    return listing(join(this.repoDir, 'rsync', fs.readlinkSync(join(this.repoDir, 'rsync', 'current'))))
  }

  /** What it ought to serve. */
  wanted(): readonly (readonly [string, string])[] {
    return publishedObjects(this.server.state)
      .map((o) => [o.path, o.sha256] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1))
  }

  read(path: string): string {
    return fs.readFileSync(join(this.repoDir, path), 'utf8')
  }

  later(seconds: number): void {
    this.server.now = addSeconds(this.server.now, seconds)
  }

  remove(): void {
    fs.rmSync(this.dir, { recursive: true, force: true })
  }
}

export async function siteWith(...publishers: readonly string[]): Promise<Site> {
  return new Site(await given(...publishers))
}

export function digest(path: string): string {
  return createHash('sha256').update(fs.readFileSync(path)).digest('hex')
}

function listing(folder: string, prefix = ''): readonly (readonly [string, string])[] {
  const found = fs.readdirSync(folder, { withFileTypes: true }).flatMap((e): (readonly [string, string])[] => {
    const path = join(folder, e.name)
    return e.isDirectory() ? [...listing(path, `${prefix}${e.name}/`)] : [[prefix + e.name, digest(path)]]
  })
  return found.sort(([a], [b]) => (a < b ? -1 : 1))
}

/** The disk without waiting for it: what a test sees of a folder does not depend on fsync, and fsync takes most of the time. */
export const quickDisk: Disk = {
  ...nodeDisk,
  sync: () => undefined,
  syncAll: () => undefined,
  finish: (fd, like) => {
    fs.fchmodSync(fd, 0o644)
    if (like !== undefined) fs.futimesSync(fd, like.atime, like.mtime)
    fs.closeSync(fd)
  },
}

/** A disk whose n-th operation fails, and every one after it when `forEver`. Counts from 1. */
export function failingDisk(
  n: number,
  forEver: boolean,
  code = 'EIO',
): { readonly disk: Disk; readonly operations: () => number } {
  let count = 0
  const disk = new Proxy(quickDisk, {
    get(target, operation: keyof Disk) {
      return (...args: never[]) => {
        count += 1
        if (count === n || (forEver && count > n)) {
          if (operation === 'finish') fs.closeSync(args[0] as unknown as number)
          throw Object.assign(new Error(`${code}: planned`), { code, path: String(args[0]) })
        }
        return (target[operation] as (...a: never[]) => unknown)(...args)
      }
    },
  })
  return { disk, operations: () => count }
}
