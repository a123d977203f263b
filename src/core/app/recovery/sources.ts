/**
 * Where a recovery may take files from: copies as they lie, backups unpacked for as long as it lasts.
 * Invariant: what was unpacked holds private keys and goes away with the command, whatever becomes of it.
 */
import { tmpdir } from 'node:os'
import type { DecryptionKeys } from '../../backup/encryption.js'
import { makeScratchFolder, removeTree, removeTreeOnExit } from '../../backup/scratch.js'
import type { CommandContext } from '../../base/context.js'
import { isCopy, unpackSource } from '../backup/restore-source.js'

/** Runs `work` with a folder for each source. Throws what `unpackTo` throws. */
export async function withSources<T>(
  options: CommandContext,
  sources: readonly string[],
  keys: () => Promise<DecryptionKeys>,
  work: (dirs: readonly string[]) => Promise<T>,
): Promise<T> {
  const scratch: string[] = []
  const settled: (() => void)[] = []
  try {
    const dirs: string[] = []
    for (const source of sources) {
      if (isCopy(source)) {
        dirs.push(source)
        continue
      }
      const dir = makeScratchFolder(tmpdir())
      scratch.push(dir)
      settled.push(removeTreeOnExit(dir))
      await unpackSource({ source, keys: await keys(), options, dir })
      dirs.push(dir)
    }
    return await work(dirs)
  } finally {
    for (const settle of settled) settle()
    for (const dir of scratch) removeTree(dir)
  }
}
