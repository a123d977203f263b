/** Files of a CA, from its state alone: what it publishes in each repository, and what it was given. */
import { entry } from '../../base/record.js'
import type { Sha256 } from '../../crypto/ports.js'
import { pointFiles } from '../../issuing/point.js'
import { fileName } from '../../rpki/object-kinds.js'
import type { CaState, ClassKey } from './state.js'

/** A file that a CA publishes, by its name below the base of its repository. */
export interface PublishedFile {
  readonly name: string
  readonly sha256: Sha256
  readonly size: number
}

/** Returns the files that this CA publishes, in every repository of it. */
export function publishedFiles(state: CaState): readonly PublishedFile[] {
  return filesOfKeys(state, () => true)
}

/** Returns the files of those keys that `isWanted` accepts. */
export function filesOfKeys(state: CaState, isWanted: (key: ClassKey) => boolean): readonly PublishedFile[] {
  if (state.status !== 'active') return []
  return Object.values(state.classes).flatMap((c) =>
    c.keys
      .filter(isWanted)
      .flatMap((k) => pointFiles(k.ski, k.point).map((f) => ({ ...f, name: `${c.name}/${f.name}` }))),
  )
}

/** Returns the certificates received from remote parents; those of local ones are files of the parent. */
export function receivedFiles({ classes, parents }: CaState): readonly { name: string; sha256: Sha256 }[] {
  return Object.values(classes).flatMap((c) =>
    entry(parents, c.parent)?.transport !== 'rfc6492'
      ? []
      : c.keys.flatMap(({ ski, certificate }) =>
          certificate === null ? [] : [{ name: `${c.name}/${fileName('cer', ski)}`, sha256: certificate.sha256 }],
        ),
  )
}
