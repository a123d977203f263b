/** Documents that commands write for the user, and files that the user names. */
import {
  assertFileNotExists,
  assertReplaceable,
  isUserFile,
  readUserBytes,
  readUserFile,
  replacePublicFile,
  writePublicUserFile,
  writeUserFile,
} from '../../store/disk/user-files.js'

/** Writes a document to a new file of mode 0600. Throws `file-exists` (usage). */
export function writeDocument(path: string, content: string | Uint8Array): void {
  writeUserFile(path, content)
}

/** Writes a document that goes to others, and has no secrets, to a new file that every user of the machine may read. Throws `file-exists` (usage). */
export function writePublicDocument(path: string, content: string | Uint8Array): void {
  writePublicUserFile(path, content)
}

/** Checks that a document can be written, before a step that cannot be undone. Throws `file-exists`, `file-unwritable` (usage). */
export function assertNotExists(path: string | undefined): void {
  if (path !== undefined) assertFileNotExists(path)
}

/** Writes a public document in place of a file, atomically. Throws `file-unwritable` (usage), `io`. */
export function replaceDocument(path: string, content: string | Uint8Array): void {
  replacePublicFile(path, content)
}

/** Checks as `assertNotExists` does, for a command that can also replace the file. */
export function assertNotReplaced(path: string | undefined): void {
  if (path !== undefined) assertFileNotExists(path, 'name a new file, or add --replace')
}

/** Checks that `replaceDocument` can write, before a step that cannot be undone. Throws `file-unwritable` (usage). */
export function assertCanReplace(path: string): void {
  assertReplaceable(path)
}

/** Returns the text of a file. Throws `file-unreadable`, `file-not-utf8`, beyond `maxBytes` `file-too-large` (usage). */
export function readDocument(path: string, maxBytes?: number): string {
  return readUserFile(path, maxBytes)
}

/** The most that is read of a message or a setup file, as of standard input: peers send less than 10 MB. */
const LARGEST_MESSAGE = 64 * 2 ** 20

/** Returns the octets of a file with a message or a setup file. Throws `file-unreadable`, `file-too-large` (usage). */
export function readOctets(path: string): Uint8Array {
  return readUserBytes(path, LARGEST_MESSAGE)
}

/** Returns true if there is a file of this name. */
export function isReadableFile(path: string): boolean {
  return isUserFile(path)
}
