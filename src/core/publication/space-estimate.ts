/** Estimates the disk space that a publication needs, for the error of a full disk. */
import { join } from 'node:path'
import { deltaLength, publishedObjects, snapshotLength } from '../pubd/content.js'
import { deltaPath, snapshotPath } from './rrdp.js'
import { statOf } from './served-files.js'
import type { OpenTarget } from './target.js'

const BLOCK = 4096
/** Bytes for lock, records, notification and the switch of the rsync tree. */
const SMALL_FILES = 6
/** Folders per RRDP file: its serial and its random part. */
const FOLDERS = 2

/** Returns the bytes that a complete run needs: missing RRDP files, and the rsync tree if it cannot use links. */
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

/** Returns the size of the objects if the tree is on another file system and contains copies. */
function copiedObjects({ state, repoDir, objectPath }: OpenTarget): readonly number[] {
  const objects = publishedObjects(state)
  const first = objects.map((object) => statOf(objectPath(object.sha256))).find((stat) => stat !== undefined)
  const here = statOf(repoDir)
  return first === undefined || here === undefined || first.dev === here.dev ? [] : objects.map((object) => object.size)
}
