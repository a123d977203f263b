/** Reads the manifests of the published tree, whichever installation wrote it. Invariant: a tree that cannot be read is ignored. */
import fs from 'node:fs'
import { basename, join } from 'node:path'
import { currentTree } from './rsync.js'
import { errnoOf, filesBelow } from './served-files.js'

/** A manifest of the published tree and the key that issued it. */
export interface ServedManifest {
  readonly path: string
  readonly ski: string
  readonly bytes: Uint8Array
}

/** Returns the manifests in `rsync/current` whose issuing key is one of `keys` (SKI); undefined if no tree can be read. */
export function servedManifests(repoDir: string, keys: ReadonlySet<string>): readonly Uint8Array[] | undefined {
  return servedManifestFiles(repoDir, keys)?.map(({ bytes }) => bytes)
}

/** Returns the manifests with their paths and keys. */
export function servedManifestFiles(
  repoDir: string,
  keys: { has(ski: string): boolean },
): readonly ServedManifest[] | undefined {
  try {
    const tree = currentTree(repoDir)
    if (tree === undefined) return undefined
    const top = join(repoDir, 'rsync', tree)
    const own = filesBelow(top).filter((path) => path.endsWith('.mft') && keys.has(basename(path, '.mft')))
    return own.map((path) => ({
      path: join(top, path),
      ski: basename(path, '.mft'),
      bytes: fs.readFileSync(join(top, path)),
    }))
  } catch (error) {
    if (errnoOf(error) === undefined) throw error
    return undefined
  }
}
