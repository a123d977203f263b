/** Dumps of announcements that the user names. */
import { AppError } from '../base/errors.js'
import { type Dump, type DumpOptions, DumpReader } from '../routing/dump-reader.js'
import { type DataFile, readBytes } from './file-bytes.js'

export interface AnnouncementFiles extends Dump {
  readonly files: readonly DataFile[]
}

/**
 * Reads files as one table. Throws as `readBytes` does, and `bgp-unreadable` (usage) for a file without a line that is an announcement: its
 * emptiness would be read as "nothing is announced".
 */
export async function readAnnouncements(paths: readonly string[], options: DumpOptions): Promise<AnnouncementFiles> {
  const reader = new DumpReader(options)
  const files: DataFile[] = []
  for (const path of paths) {
    const before = reader.routes
    files.push(await readBytes(path, (piece) => reader.push(piece)))
    reader.endFile()
    if (reader.routes === before) throw unreadable(path)
  }
  return { ...reader.dump(), files }
}

function unreadable(path: string): AppError {
  return new AppError('usage', 'bgp-unreadable', `${path} has no line that is an announcement`, {
    hint: 'lines are ORIGIN<TAB>PREFIX<TAB>PEERS (RIS whois), ADDRESS<TAB>LENGTH<TAB>ORIGIN (pfx2as) or ORIGIN,PREFIX',
    details: { path },
  })
}
