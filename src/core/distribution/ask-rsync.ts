/** Lists a repository server by rsync and fetches the newest manifest, and files whose time differs, to compare them by hash. */
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../base/errors.js'
import type { RepositoryServer } from '../config/repository/schema.js'
import { sha256Hex } from '../crypto/digest.js'
import type { Sha256 } from '../crypto/ports.js'
import { publishedObjects } from '../pubd/content.js'
import type { PubdState } from '../pubd/state.js'
import { unlessAbsent } from '../publication/served-files.js'
import { judgeRsync, newestManifest } from './judge-rsync.js'
import { type ListedEntry, parseListing } from './listing.js'
import { rsync } from './rsync-program.js'
import { type ServedPart, unread } from './served-part.js'

export interface AskRsync {
  readonly server: RepositoryServer
  readonly seconds: number
  /** Reads what is published now: after the listing of the server, which is never newer then. */
  readonly published: () => Promise<PubdState>
  /** Path of an object by its hash. */
  readonly objectPath: (sha256: Sha256) => string
}

/** Number of files with another time than published that are fetched. */
const MOST_FETCHED = 20

/** Returns what the server serves by rsync. Never throws an AppError. */
export async function askRsync(ask: AskRsync): Promise<ServedPart> {
  const until = performance.now() + ask.seconds * 1000
  try {
    const first = await askOnce(ask, until)
    // a server that switches its tree between two connections looks as if it mixed two versions
    return first.state === 'differs' ? await askOnce(ask, until) : first
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.code === 'rsync-missing') return unread('unchecked', error.message)
    return unread('unreachable', error.message)
  }
}

async function askOnce({ server, published, objectPath }: AskRsync, until: number): Promise<ServedPart> {
  const uri = server.rsync ?? ''
  const run = (args: readonly string[], input = ''): Promise<string> => {
    const seconds = Math.max(0.1, (until - performance.now()) / 1000)
    const stall = Math.max(1, Math.ceil(Math.min(60, seconds)))
    const limits = [`--contimeout=${Math.min(15, stall)}`, `--timeout=${stall}`]
    return rsync({ args: [...limits, ...args], input, seconds, where: uri })
  }
  const listed = parseListing(await run(['--list-only', '-r', uri])).filter(({ kind }) => kind === 'file')
  const files = new Map(listed.map((entry) => [entry.path, entry]))
  const state = await published()
  const hashes = await fetchHashes(toFetch(files, state, objectPath), uri, run)
  return judgeRsync({ files, hashes }, state)
}

/** Returns the paths to fetch: the newest manifest, and files with the length of the published object and another time. */
function toFetch(
  files: ReadonlyMap<string, ListedEntry>,
  state: PubdState,
  objectPath: AskRsync['objectPath'],
): readonly string[] {
  const manifest = newestManifest(state)
  const odd = publishedObjects(state).filter(({ path, size, sha256 }) => {
    const found = files.get(path)
    if (found === undefined || found.size !== size || found.time === null) return false
    const own = unlessAbsent(() => statSync(objectPath(sha256)))
    return own !== undefined && Math.floor(own.mtimeMs / 1000) !== Date.parse(found.time) / 1000
  })
  const paths = [...(manifest === undefined ? [] : [manifest]), ...odd.slice(0, MOST_FETCHED).map(({ path }) => path)]
  return [...new Set(paths)].filter((path) => files.has(path))
}

async function fetchHashes(
  paths: readonly string[],
  uri: string,
  run: (args: readonly string[], input?: string) => Promise<string>,
): Promise<ReadonlyMap<string, Sha256>> {
  if (paths.length === 0) return new Map()
  const folder = mkdtempSync(join(tmpdir(), 'brine-probe-'))
  try {
    await run(['--files-from=-', '--ignore-missing-args', uri, `${folder}/`], paths.join('\n'))
    return new Map(
      paths.flatMap((path) => {
        const bytes = unlessAbsent(() => readFileSync(join(folder, path)))
        return bytes === undefined ? [] : [[path, sha256Hex(bytes)] as const]
      }),
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
