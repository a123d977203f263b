/** Writes a bundle of `brine why`, which goes to others, as a new folder, or as a tar file where the name ends in `.tar`. */
import { padded, tarEnd, tarHeader } from '../../backup/tar-blocks.js'
import { writePublicUserFile, writeUserFolder } from '../../store/disk/user-files.js'
import type { Bundle } from './bundle.js'

/** Writes the files. Throws `file-exists` (usage), `io`. */
export function writeBundle(bundle: Bundle, path: string, modified: number): void {
  if (!path.endsWith('.tar')) {
    writeUserFolder(path, bundle)
    return
  }
  const blocks = bundle.flatMap(({ name, bytes }) => {
    const block = new Uint8Array(padded(bytes.length))
    block.set(bytes)
    return [tarHeader({ name, size: bytes.length, mode: 0o644, modified }), block]
  })
  writePublicUserFile(path, Buffer.concat([...blocks, tarEnd()]))
}
