/**
 * Copies the published tree to one target: first every file beside those that are served, then, when the caller says so, the notification and
 * the symbolic link of the rsync tree, each replaced by one rename.
 * Invariant: at every instant the target serves one complete version, of RRDP and of rsync each; a file that a reader may still ask for stays.
 */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../base/errors.js'
import type { Instant } from '../base/time.js'
import { secondsBetween } from '../base/time.js'
import { readNotification } from '../protocols/read-notification.js'
import { chooseTree, DEFAULT_TREES, surplusTrees } from '../publication/tree-choice.js'
import type { Tree } from '../publication/writer-records.js'
import { type ListedEntry, parseListing } from './listing.js'
import type { TargetRecord } from './push-record.js'
import { isServed, type PushSource } from './push-source.js'
import { below, type PushTarget } from './push-target.js'
import { rsync } from './rsync-program.js'

export interface PushRun {
  readonly target: PushTarget
  readonly source: PushSource
  /** Of the last push that succeeded. */
  readonly record: TargetRecord | undefined
  readonly now: Instant
  /** Seconds for one phase. */
  readonly seconds: number
  /** Seconds for which an RRDP file stays after the notification no longer lists it. */
  readonly oldFilesSeconds: number
  /** Folder of `withScratch`. */
  readonly scratch: string
  /** True if the installed rsync can sync what it writes. */
  readonly canSync: boolean
  /** Descriptor of the lock, which each rsync holds: one that outlives this process must end before another push starts. */
  readonly lock: number
}

/** A target with all files of the new version, which still serves the old one. */
export interface Prepared {
  readonly run: PushRun
  /** Serial that the target serves; null if it serves none, or another session. */
  readonly served: number | null
  /** The tree that `current` points to; undefined without one. */
  readonly before: string | undefined
  /** The tree with the new version; the same as `before` if that has it already. */
  readonly tree: string
  readonly trees: readonly Tree[]
  /** Files below `rrdp/` that the new notification does not list. */
  readonly unlisted: readonly string[]
  readonly isNotified: boolean
  /** Number of files that were sent. */
  readonly files: number
}

/** Changes follow each other faster than here: in two hours there are fewer than this. */
const TREES = { ...DEFAULT_TREES, max: 200 }
const COPY = ['-rtpc', '--chmod=D755,F644', '--out-format=%i']
const TEMPORARY = /(?:^|\/)\.(?:snapshot|delta|notification)\.xml\.[A-Za-z0-9]{6}$/

/** Runs `work` with a folder of the small files that every target gets, and removes it. */
export async function withScratch<T>({ notification }: PushSource, work: (scratch: string) => Promise<T>): Promise<T> {
  const folder = fs.mkdtempSync(join(tmpdir(), 'brine-push-'))
  try {
    const places = ['skeleton/rrdp', 'skeleton/rsync', 'skeleton/ta', 'empty', 'switch/rrdp', 'switch/rsync']
    for (const place of places) fs.mkdirSync(join(folder, place), { recursive: true, mode: 0o755 })
    fs.writeFileSync(join(folder, 'switch/rrdp/notification.xml'), notification, { mode: 0o644 })
    return await work(folder)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Copies every file of the version beside those that are served. Throws `rsync-…`, `push-target-ahead`, `push-target-foreign` (remote). */
export async function prepare(run: PushRun): Promise<Prepared> {
  const { target, source, scratch } = run
  const call = caller(run)
  await call(['-dp', '--chmod=D755', '-O', `${scratch}/skeleton/`, below(target, '')])
  const [folders, rrdp] = await Promise.all([list(run, call, 'rsync', '-l'), list(run, call, 'rrdp', '-r')])
  const before = currentOf(target, folders)
  const served = await servedBy(run, call, rrdp)
  const sent: string[] = []
  const root = source.repoDir
  const files = [...source.files].join('\n')
  const listed = ['--files-from=-', '--ignore-missing-args', `${root}/rrdp/`, below(target, 'rrdp/')]
  sent.push(await call([...COPY, ...listed], files))
  if (fs.existsSync(join(root, 'ta'))) sent.push(await call([...COPY, '-O', `${root}/ta/`, below(target, 'ta/')]))
  const trees = treesOf(run, folders, before)
  const tree = await fill(run, call, before, trees, sent)
  return {
    run,
    served: served?.serial ?? null,
    before,
    tree,
    trees,
    unlisted: rrdp
      .filter(({ kind, path }) => kind === 'file' && isRemovable(path) && !isListed(source, path))
      .map((e) => e.path),
    isNotified: served?.bytes.equals(source.notification) === true,
    files: sent
      .join('\n')
      .split('\n')
      .filter((line) => /^[<>ch]f/.test(line)).length,
  }
}

/** Makes the target serve the new version. Throws `rsync-…`, `push-link-refused` (remote). */
export async function switchOver({ run, before, tree, isNotified }: Prepared): Promise<boolean> {
  const { target, scratch } = run
  if (before === tree && isNotified) return false
  const folder = fs.mkdtempSync(join(scratch, 'switch-'))
  fs.chmodSync(folder, 0o755)
  fs.cpSync(join(scratch, 'switch'), folder, { recursive: true })
  fs.symlinkSync(tree, join(folder, 'rsync', 'current'))
  const call = caller(run)
  await call(['-rlptcO', '--chmod=D755,F644', `${folder}/`, below(target, '')])
  const seen = await call(['--list-only', below(target, 'rsync/current/')]).catch(linkRefused(target))
  if (!parseListing(seen).some(({ path }) => path !== '.')) throw linkRefused(target)(undefined)
  return true
}

/** Removes what has had no reader for long enough. Returns the record of the target. Throws `rsync-…` (remote). */
export async function clean(prepared: Prepared): Promise<{ readonly record: TargetRecord; readonly removed: number }> {
  const { run, tree, before } = prepared
  const { now, source, record } = run
  const retired = prepared.trees.map((one) =>
    one.name === before && before !== tree ? { ...one, retiredAt: now } : one,
  )
  const known = retired.some(({ name }) => name === tree) ? retired : [...retired, newTree(tree)]
  const surplus = surplusTrees(known, tree, now, TREES)
  const call = caller(run)
  if (surplus.length > 0)
    await removeTrees(
      run,
      call,
      surplus.map(({ name }) => name),
    )
  const since = (path: string): Instant => record?.files[path] ?? now
  const isDue = (path: string): boolean => secondsBetween(since(path), now) >= run.oldFilesSeconds
  const due = prepared.unlisted.filter((path) => isDue(path) && !source.files.includes(path))
  if (due.length > 0) await removeFiles(run, call, due)
  const kept = prepared.unlisted.filter((path) => !due.includes(path))
  const left = known.filter((one) => one.name !== tree && !surplus.includes(one))
  return {
    removed: surplus.length + due.length,
    record: {
      at: now,
      session: source.session,
      serial: source.serial,
      trees: Object.fromEntries(left.map(({ name, retiredAt }) => [name, retiredAt ?? now])),
      files: Object.fromEntries(kept.map((path) => [path, since(path)])),
    },
  }
}

/** Runs rsync for one target. */
type Call = (args: readonly string[], input?: string) => Promise<string>

/** Returns a function that has the time of one phase for all its runs. */
function caller({ target, seconds, canSync, lock }: PushRun): Call {
  const until = performance.now() + seconds * 1000
  const stall = Math.max(1, Math.min(60, Math.ceil(seconds)))
  const connecting = target.kind === 'daemon' ? [`--contimeout=${Math.min(15, stall)}`] : []
  const syncing = target.kind === 'folder' && canSync ? ['--fsync'] : []
  return (args, input = '') => {
    const left = Math.max(0.1, (until - performance.now()) / 1000)
    const options = args.includes('--list-only') ? connecting : [...connecting, ...syncing]
    return rsync({ args: [`--timeout=${stall}`, ...options, ...args], seconds: left, input, where: target.text, lock })
  }
}

async function list({ target }: PushRun, call: Call, folder: string, option: string): Promise<readonly ListedEntry[]> {
  return parseListing(await call(['--list-only', option, below(target, `${folder}/`)]))
}

function currentOf({ text }: PushTarget, folders: readonly ListedEntry[]): string | undefined {
  const link = folders.find(({ path }) => path === 'current')
  if (link === undefined) return undefined
  if (link.kind === 'link' && link.target !== null && /^[a-z]{1,2}$/.test(link.target)) return link.target
  const what = link.kind === 'link' ? `points to ${link.target}` : 'is no symbolic link'
  throw new AppError('remote', 'push-target-foreign', `${text}/rsync/current ${what}: another program writes there`, {
    hint: 'name a folder that only brine pubserver push writes to',
  })
}

/** Returns what the target serves. Throws `push-target-ahead` (remote) if that is newer. */
async function servedBy(
  { target, source, scratch }: PushRun,
  call: Call,
  rrdp: readonly ListedEntry[],
): Promise<{ readonly serial: number; readonly bytes: Buffer } | undefined> {
  if (!rrdp.some(({ path }) => path === 'notification.xml')) return undefined
  const folder = fs.mkdtempSync(join(scratch, 'served-'))
  await call([below(target, 'rrdp/notification.xml'), `${folder}/`])
  const bytes = fs.readFileSync(join(folder, 'notification.xml'))
  const said = readNotification(bytes)
  if (said?.session !== source.session) return undefined
  if (said.serial > source.serial)
    throw new AppError(
      'remote',
      'push-target-ahead',
      `${target.text} serves serial ${said.serial} of this session, later than ${source.serial}: another directory publishes there, or this one was rolled back`,
      { hint: 'find the newer data directory; brine status on each shows its generation' },
    )
  return { serial: said.serial, bytes }
}

function treesOf(
  { record, now }: PushRun,
  folders: readonly ListedEntry[],
  current: string | undefined,
): readonly Tree[] {
  const names = folders
    .filter(({ kind, path }) => kind === 'folder' && /^[a-z]{1,2}$/.test(path))
    .map(({ path }) => path)
  return names.map((name) => ({
    ...newTree(name),
    // a tree that is not known to be unused may have readers until now
    retiredAt: name === current ? null : (record?.trees[name] ?? now),
  }))
}

function newTree(name: string): Tree {
  return { name, session: '', serial: 0, retiredAt: null }
}

/** Fills an unused tree, unless the current one has the version already. Returns its name. */
async function fill(
  { target, source, now }: PushRun,
  call: Call,
  before: string | undefined,
  trees: readonly Tree[],
  sent: string[],
): Promise<string> {
  const from = `${source.repoDir}/rsync/${source.tree}/`
  if (before !== undefined && trees.some(({ name }) => name === before)) {
    const differences = await call([...COPY, '-n', '--delete', from, below(target, `rsync/${before}/`)])
    if (differences.trim() === '') return before
  }
  const { name } = chooseTree(trees, before, source.session, now, TREES)
  const linked = before === undefined ? [] : [`--link-dest=../${before}`]
  sent.push(await call([...COPY, '--delete', ...linked, from, below(target, `rsync/${name}/`)]))
  return name
}

function isListed({ listed }: PushSource, path: string): boolean {
  return listed.includes(path)
}

/** Returns true for files that a push made: others in the folder are left alone. */
function isRemovable(path: string): boolean {
  return isServed(path) || TEMPORARY.test(path)
}

async function removeTrees(run: PushRun, call: Call, names: readonly string[]): Promise<void> {
  await remove(
    run,
    call,
    'rsync',
    names.flatMap((name) => [`/${name}/`, `/${name}/**`]),
  )
}

async function removeFiles(run: PushRun, call: Call, paths: readonly string[]): Promise<void> {
  const folders = new Set(
    paths.flatMap((path) =>
      path
        .split('/')
        .slice(0, -1)
        .map((_, n, all) => `/${all.slice(0, n + 1).join('/')}/`),
    ),
  )
  await remove(run, call, 'rrdp', [...folders, ...paths.map((path) => `/${path}`)])
}

/** Removes what the patterns name: it is missing in an empty folder, and everything else is excluded. */
async function remove(
  { target, scratch }: PushRun,
  call: Call,
  folder: string,
  patterns: readonly string[],
): Promise<void> {
  const args = ['-r', '--delete', '--include-from=-', '--exclude=*', `${scratch}/empty/`, below(target, `${folder}/`)]
  await call(args, `${patterns.join('\n')}\n`)
}

function linkRefused({ text }: PushTarget): (cause: unknown) => never {
  return (cause) => {
    throw new AppError('remote', 'push-link-refused', `${text}/rsync/current leads nowhere after the switch`, {
      hint: 'set "munge symlinks = no" for the module in rsyncd.conf',
      cause,
    })
  }
}
