/** Documents that a command prints, and files that the user names. */
import { readUserFile, writeUserFile } from '../store/user-files.js'

/** Writes a document to a new file of mode 0600. Throws `file-exists` (usage). */
export function writeDocument(path: string, text: string): void {
  writeUserFile(path, text)
}

/** The text of a file. Throws `file-unreadable`, `file-not-utf8` (usage). */
export function readDocument(path: string): string {
  return readUserFile(path)
}
