/** `contrib`: a file of contrib/ for the data directory that is given, or a list of the files. A pure read. */
import type { CommandContext } from '../../base/context.js'
import { Work } from '../../eventsourcing/work.js'
import { isTa, pubdState, TA_HANDLE, taState } from '../session/context.js'
import { openSession } from '../session/session.js'
import { contribFile, contribNames, contribText, type Program, type Site } from './contrib.js'

export interface ContribReport {
  /** All files. */
  readonly files: readonly string[]
  /** The file that was asked for; null for a list. */
  readonly name: string | null
  readonly text: string | null
  /** True if it has the paths of the data directory. */
  readonly filledIn: boolean
  /** The file that it was written to. */
  readonly out: string | null
}

/** Returns the file, filled in if a data directory is given. Throws `contrib-unknown` (usage), `no-data-dir`. */
export async function contrib(
  program: Program,
  name: string | undefined,
  context: CommandContext | undefined,
): Promise<ContribReport> {
  const files = contribNames(program)
  if (name === undefined) return { files, name: null, text: null, filledIn: false, out: null }
  const file = contribFile(program, name)
  const site = context === undefined ? undefined : await readSite(context)
  if (site?.user === 'root' && SERVICES.test(file)) context?.onNotice?.(rootNotice(site.dataDir))
  return { files, name: file, text: contribText(program, file, site), filledIn: site !== undefined, out: null }
}

/** Files that run the program as the owner of the data directory. */
const SERVICES = /\.(?:service|cron)$/

function rootNotice(dataDir: string): string {
  return `${dataDir} belongs to root, so this file runs brine as root: give it to a user of its own first (chown -R USER: ${dataDir})`
}

async function readSite(context: CommandContext): Promise<Site> {
  const session = await openSession(context)
  const { store, repoDir, config } = session
  const site = { dataDir: store.dir, repoDir, user: context.osUser, tickPeriod: config.tickPeriod }
  return store.read(async (reader) => {
    const work = new Work(reader)
    const { serial, rsyncBase, rrdpBase } = pubdState(work)
    if (serial === 0) return site
    const anchors = isTa(work, TA_HANDLE) ? (taState(work, TA_HANDLE).place?.uris ?? []) : []
    const anchorHttps = anchors.find((uri) => uri.startsWith('https:'))
    const anchorRsync = anchors.find((uri) => uri.startsWith('rsync:'))
    const found = {
      ...(anchorHttps === undefined ? {} : { anchorHttps }),
      ...(anchorRsync === undefined ? {} : { anchorRsync }),
    }
    return { ...site, uris: { rsyncBase, rrdpBase, ...found } }
  })
}
