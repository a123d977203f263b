/**
 * Sources from which a recovery takes files: copies in place, and backups unpacked to a scratch folder.
 * Invariant: an unpacked backup contains private keys and is removed when the command ends, even by a signal.
 */
import { tmpdir } from 'node:os'
import type { DecryptionKeys } from '../../backup/encryption.js'
import { makeScratchFolder, removeTree, removeTreeOnExit } from '../../backup/scratch.js'
import type { CommandContext } from '../../base/context.js'
import { isCopy, refuseFolderOfBackups, unpackSource } from '../backup/restore-source.js'

/** Runs `work` with a folder for each source. Throws what `unpackSource` throws. */
export async function withSources<T>(
  options: CommandContext,
  sources: readonly string[],
  keys: () => Promise<DecryptionKeys>,
  work: (dirs: readonly string[]) => Promise<T>,
): Promise<T> {
  const scratch: string[] = []
  const unregister: (() => void)[] = []
  try {
    const dirs: string[] = []
    for (const source of sources) {
      if (isCopy(source)) {
        refuseFolderOfBackups(source)
        dirs.push(source)
        continue
      }
      const dir = makeScratchFolder(tmpdir())
      scratch.push(dir)
      unregister.push(removeTreeOnExit(dir))
      await unpackSource({ source, keys: await keys(), options, dir })
      dirs.push(dir)
    }
    return await work(dirs)
  } finally {
    for (const run of unregister) run()
    for (const dir of scratch) removeTree(dir)
  }
}
