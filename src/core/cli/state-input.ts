/** Desired-state files that the user names. */
import { readDocument } from '../app/operations/user-files.js'
import { AppError } from '../base/errors.js'
import { MAX_STATE_BYTES, readState, type StateFile } from '../desired-state/read.js'
import { readStdinText } from './stdin.js'

/** Reads a file, or standard input for `-`. Throws as `readState` does, and for a file that cannot be read (usage). */
export async function stateOf(file: string): Promise<StateFile> {
  if (file === '-') return readState(await readStdinText(), 'standard input')
  return readState(readDocument(file, MAX_STATE_BYTES), file)
}

/** Throws `stdin-twice` (usage) if both files are standard input. */
export function refuseTwiceStdin(file: string, against: string | undefined): void {
  if (file !== '-' || against !== '-') return
  throw new AppError('usage', 'stdin-twice', 'FILE and --against cannot both be standard input', {
    hint: 'write one of them to a file',
  })
}
