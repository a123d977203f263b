/** What the served tree still needs of the disk, for the error of a full one. */
import { join } from 'node:path'
import { deltaLength, publishedObjects, snapshotLength } from '../pubd/content.js'
import { deltaPath, snapshotPath } from './rrdp.js'
import { statOf } from './served-files.js'
import type { OpenTarget } from './target.js'

const BLOCK = 4096
/** The lock, records, notification, the switch of the rsync tree. */
const SMALL_FILES = 6
/** Of each file of RRDP: its serial and its unguessable part. */
const FOLDERS = 2

/** Bytes that must be free for a whole run: RRDP files that are not there, and the rsync tree where it cannot be links. */
export function requiredSpace(site: OpenTarget): number {
  const { state, repoDir } = site
  const files = [
    { path: snapshotPath(state), bytes: snapshotLength(state) },
    ...state.deltas.map((delta) => ({ path: deltaPath(state, delta), bytes: deltaLength(state.sessionId, delta) })),
  ]
  const missing = files.filter(({ path, bytes }) => statOf(join(repoDir, 'rrdp', path))?.size !== bytes)
  const copies = copiedObjects(site).map((size) => ({ bytes: size }))
  const blocks = [...missing, ...copies].reduce((sum, { bytes }) => sum + Math.ceil(bytes / BLOCK), 0)
  return BLOCK * (blocks + missing.length * FOLDERS + SMALL_FILES)
}

/** Sizes of the objects, where the tree lies on another file system and holds copies. */
function copiedObjects({ state, repoDir, objectPath }: OpenTarget): readonly number[] {
  const objects = publishedObjects(state)
  const first = objects.map((object) => statOf(objectPath(object.sha256))).find((stat) => stat !== undefined)
  const here = statOf(repoDir)
  return first === undefined || here === undefined || first.dev === here.dev ? [] : objects.map((object) => object.size)
}
