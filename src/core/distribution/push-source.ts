/**
 * The published tree as a source of copies: one version of RRDP and rsync, read without a lock.
 * Invariant: what is copied from it is one version, or `refuseChanged` throws; files of a version stay for two hours after the next one.
 */
import fs from 'node:fs'
import { join } from 'node:path'
import { AppError } from '../base/errors.js'
import { readNotification } from '../protocols/read-notification.js'
import { currentTree } from '../publication/rsync.js'
import { filesBelow, namesIn, statOf, unlessAbsent } from '../publication/served-files.js'
import { readTrees } from '../publication/writer-records.js'

export interface PushSource {
  readonly repoDir: string
  readonly notification: Buffer
  readonly session: string
  readonly serial: number
  /** Name of the rsync tree. */
  readonly tree: string
  /** Files below `rrdp/` that the notification lists. */
  readonly listed: readonly string[]
  /** Files below `rrdp/` without the notification: the listed ones, and those that validators with an older notification may ask for. */
  readonly files: readonly string[]
}

const ATTEMPTS = 5
const NOTIFICATION = 'notification.xml'

/** Reads the version that is published. Throws `push-nothing-published` (usage), `push-source-changed` (locked). */
export function readSource(repoDir: string, rrdpBase: string): PushSource {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const tree = currentTree(repoDir)
    const notification = unlessAbsent(() => fs.readFileSync(join(repoDir, 'rrdp', NOTIFICATION)))
    const said = notification === undefined ? undefined : readNotification(notification)
    if (tree === undefined || notification === undefined || said === undefined) throw nothingPublished(repoDir)
    const listed = [said.snapshot, ...said.deltas].map(({ uri }) => uri.slice(rrdpBase.length))
    const files = filesBelow(join(repoDir, 'rrdp')).filter((path) => path !== NOTIFICATION && isServed(path))
    const source = { repoDir, notification, session: said.session, serial: said.serial, tree, listed, files }
    if (currentTree(repoDir) === tree && !hasChanged(source)) return source
  }
  throw changed(repoDir)
}

/** Throws `push-source-changed` (locked) if files of the version were changed or removed since it was read. */
export function refuseChanged(source: PushSource, since: TreeVersion): void {
  const now = versionOf(source)
  if (hasChanged(source) || now.session !== since.session || now.serial !== since.serial) throw changed(source.repoDir)
}

export interface TreeVersion {
  readonly session: string
  readonly serial: number
}

/** Returns what the writer says of the rsync tree; a tree that it updates while it is unused gets another serial. */
export function versionOf({ repoDir, tree }: PushSource): TreeVersion {
  const { session = '', serial = 0 } = readTrees(join(repoDir, '.state'))?.find(({ name }) => name === tree) ?? {}
  return { session, serial }
}

/** Returns true for the names that the writer gives to files: others are not copied. */
export function isServed(path: string): boolean {
  return /^[0-9a-f-]{36}\/\d+\/[0-9a-f]{32}\/(?:snapshot|delta)\.xml$/.test(path)
}

function hasChanged({ repoDir, listed, tree }: PushSource): boolean {
  const isGone = listed.some((path) => statOf(join(repoDir, 'rrdp', path))?.isFile() !== true)
  return isGone || !namesIn(join(repoDir, 'rsync')).includes(tree)
}

function nothingPublished(repoDir: string): AppError {
  return new AppError('usage', 'push-nothing-published', `nothing is published in ${repoDir}`, {
    hint: 'set up the publication server with brine pubserver init, or write the tree with brine tick',
  })
}

function changed(repoDir: string): AppError {
  return new AppError('locked', 'push-source-changed', `${repoDir} changed while it was copied`, {
    hint: 'run the same command again',
    retry: true,
    retryAfter: 1,
  })
}
