/**
 * Copies the published tree to one target: first every file beside those that are served, then, when the caller says so, the notification and
 * the symbolic link of the rsync tree, each replaced by one rename.
 * Invariant: at every instant the target serves one complete version, of RRDP and of rsync each; a file that a reader may still ask for stays.
 */
import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AppError } from '../base/errors.js'
import { isObject } from '../base/shape.js'
import { readNotification } from '../protocols/read-notification.js'
import { chooseTree } from '../publication/tree-choice.js'
import type { Tree } from '../publication/writer-records.js'
import { type ListedEntry, parseListing } from './listing.js'
import { type Call, caller, newTree, type Prepared, type PushRun, TREES } from './push-run.js'
import { isServed, type PushSource } from './push-source.js'
import { below, type PushTarget } from './push-target.js'

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
  if (!run.dryRun) await call(['-dp', '--chmod=D755', '-O', `${scratch}/skeleton/`, below(target, '')])
  const [folders, rrdp] = await Promise.all([list(run, call, 'rsync', '-l'), list(run, call, 'rrdp', '-r')])
  const before = currentOf(target, folders)
  const served = await servedBy(run, rrdp)
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

/** Makes the target serve the new version. Returns false if it does so already. Throws `rsync-…`, `push-link-refused` (remote). */
export async function switchOver({ run, before, tree, isNotified }: Prepared): Promise<boolean> {
  const { target, scratch } = run
  if (before === tree && isNotified) return false
  if (run.dryRun) return true
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

async function list(run: PushRun, call: Call, folder: string, option: string): Promise<readonly ListedEntry[]> {
  const { target, dryRun } = run
  try {
    return parseListing(await call(['--list-only', option, below(target, `${folder}/`)]))
  } catch (error) {
    // a dry run has not made the folders of a new target
    if (dryRun && error instanceof AppError && isObject(error.details) && error.details['exit'] === 23) return []
    throw error
  }
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
  run: PushRun,
  rrdp: readonly ListedEntry[],
): Promise<{ readonly serial: number; readonly bytes: Buffer } | undefined> {
  if (!rrdp.some(({ path }) => path === 'notification.xml')) return undefined
  const { target, source, scratch } = run
  const folder = fs.mkdtempSync(join(scratch, 'served-'))
  await caller({ ...run, dryRun: false })([below(target, 'rrdp/notification.xml'), `${folder}/`])
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

function linkRefused({ text }: PushTarget): (cause: unknown) => never {
  return (cause) => {
    throw new AppError('remote', 'push-link-refused', `${text}/rsync/current leads nowhere after the switch`, {
      hint: 'set "munge symlinks = no" for the module in rsyncd.conf',
      cause,
    })
  }
}
