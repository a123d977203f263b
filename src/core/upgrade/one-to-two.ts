/**
 * Format 1 to 2: each commit holds the hash of `brine.json`, so that an edited id, creation date or `test` is detected.
 * Invariant: no record is rewritten, so checkpoints that were signed before still verify; one commit is appended, and the same source gives the
 * same bytes.
 */
import * as fs from 'node:fs'
import { join } from 'node:path'
import { CommitLog, findHead } from '../store/commit/commit-log.js'
import { refuseLostEnd } from '../store/commit/writer.js'
import { readAnyMarker } from '../store/directory/data-dir.js'
import { bindingCommit, markerDigest } from '../store/directory/marker-binding.js'
import { ioError } from '../store/disk/io-error.js'
import { layoutOf } from '../store/disk/paths.js'
import { encodeRecord } from '../store/disk/records.js'
import { type Carried, FOLDERS, type Step, type StepTools } from './step.js'
import { addFile, addFolder, addLink, addSymlink, blocksOf } from './work-tree.js'

export const oneToTwo: Step = { from: 1, to: 2, title: 'history holds the hash of brine.json', requiredSpace, migrate }

/** Estimated bytes of a directory entry. */
const NAME = 64

/** Returns the bytes of the folders, one commit and the marker: files are linked and take no space. */
function requiredSpace(source: string): number {
  let bytes = 2 * blocksOf(1)
  for (const name of FOLDERS) walk(join(source, name), (entries) => (bytes += blocksOf(entries.length * NAME)))
  return bytes
}

function migrate(source: string, target: string, tools: StepTools): Carried {
  const counts = { aggregates: 0, commands: new Set<string>(), events: new Set<string>(), objects: 0 }
  let done = 0
  for (const folder of FOLDERS) {
    walk(join(source, folder), (entries, from, below) => {
      const to = join(target, folder, below)
      addFolder(to, modeOf(from))
      for (const entry of entries) {
        const path = join(from, entry.name)
        if (entry.isFile()) addLink(path, join(to, entry.name))
        else if (entry.isSymbolicLink()) addSymlink(path, join(to, entry.name))
        else if (!entry.isDirectory()) tools.warn(`${path}: neither a file nor a folder, not migrated`)
        count(counts, join(folder, below, entry.name))
      }
      done += entries.length
      tools.progress(done, done, 'files linked')
    })
  }
  const commits = bindMarker(source, target)
  const { aggregates, commands, events, objects } = counts
  return { commits, aggregates, commands: commands.size, events: events.size, objects }
}

interface Counts {
  aggregates: number
  readonly commands: Set<string>
  readonly events: Set<string>
  objects: number
}

function count(counts: Counts, path: string): void {
  if (/^objects\/(archived\/)?[0-9a-f]{2}\/[0-9a-f]{64}$/.test(path)) counts.objects += 1
  const file = /^([a-z]+\/[^/]+)\/(?:archived\/)?(info|command|event)(?:-\d+)?\.json$/.exec(path)
  if (file === null) return
  const name = path.replace('/archived/', '/')
  if (file[2] === 'info') counts.aggregates += 1
  else (file[2] === 'command' ? counts.commands : counts.events).add(name)
}

/**
 * Writes the new marker, and the commit that holds its hash unless there is no commit yet. Returns the number of commits. Throws
 * `commit-missing`.
 */
function bindMarker(source: string, target: string): number {
  const layout = layoutOf(source)
  const old = readAnyMarker(source)
  const marker = { ...old, format: 2 }
  addFile(layoutOf(target).marker, encodeRecord(marker))
  const head = findHead(layout)
  if (head.n === 0) return 0
  refuseLostEnd(layout, head.n)
  const last = new CommitLog(layout, head.cache).at(head.n)
  const record = bindingCommit(last, markerDigest(marker), Math.max(last.record.generation, old.generation))
  const bytes = encodeRecord(record)
  addFile(layoutOf(target).commit(record.commit), bytes)
  return record.commit
}

/** Calls `visit` with each folder from `dir` down, its entries and its path below `dir`; does nothing if `dir` does not exist. */
function walk(
  dir: string,
  visit: (entries: readonly fs.Dirent[], path: string, below: string) => void,
  below = '',
): void {
  const path = join(dir, below)
  const entries = entriesOf(path)
  if (entries === undefined) return
  visit(entries, path, below)
  for (const entry of entries) if (entry.isDirectory()) walk(dir, visit, join(below, entry.name))
}

function entriesOf(path: string): readonly fs.Dirent[] | undefined {
  try {
    return fs.readdirSync(path, { withFileTypes: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw ioError('list', path, error)
  }
}

function modeOf(path: string): number {
  try {
    return fs.statSync(path).mode & 0o777
  } catch (error) {
    throw ioError('stat', path, error)
  }
}
