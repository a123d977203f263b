/** `inspect`: decodes RPKI objects, and what peers exchange, from files and reports every finding. Needs no data directory. */
import { AppError } from '../../base/errors.js'
import { type Moment, resolveMoment } from '../../base/moment.js'
import { type Instant, instantOf } from '../../base/time.js'
import { describeFault, ProtocolFault } from '../../protocols/fault.js'
import type { ExchangeInspection, KnownPeer } from '../../protocols/inspect/inspect-exchange.js'
import { type Inspection, inspectTogether, type NamedBytes } from '../../rpki/inspect/inspect.js'
import { readUserBytes } from '../../store/disk/user-files.js'

export interface InspectReport {
  readonly at: Instant
  readonly files: readonly (Inspection | ExchangeInspection)[]
  /** False if a file is invalid; with `strict`, if any file has a finding. */
  readonly ok: boolean
}

export interface InspectOptions {
  /** Default: now, and for a message the time of its exchange. */
  readonly moment?: Moment | undefined
  readonly strict?: boolean
  /** Files with ID certificates of peers: RFC 8183, DER or PEM. */
  readonly peers?: readonly string[]
}

/** Reads the files and checks each, and them against each other. Throws `file-unreadable`, `peer-file-invalid` (usage) before any file is checked. */
export async function inspectFiles(paths: readonly string[], options: InspectOptions = {}): Promise<InspectReport> {
  const { moment, strict = false } = options
  const present = instantOf(Date.now() / 1000)
  const now = moment === undefined ? present : resolveMoment(moment, present)
  const named = paths.map((path) => ({ name: path, bytes: readUserBytes(path) }))
  const peers = await readPeers(options.peers ?? [])
  const exchanged = await inspectExchanged(named, { now, peers, ...(moment !== undefined && { at: now }) })
  const objects = await inspectTogether(
    named.filter((_, i) => exchanged[i] === undefined),
    now,
  )
  const rest = [...objects]
  const files = exchanged.flatMap((one): InspectReport['files'] => (one === undefined ? rest.splice(0, 1) : [one]))
  const isOk = ({ faults, verdict }: InspectReport['files'][number]): boolean =>
    strict ? faults.length === 0 : verdict !== 'invalid'
  return { at: now, files, ok: files.every(isOk) }
}

async function inspectExchanged(
  files: readonly NamedBytes[],
  options: { readonly now: Instant; readonly at?: Instant; readonly peers: readonly KnownPeer[] },
): Promise<readonly (ExchangeInspection | undefined)[]> {
  const { inspectExchange } = await import('../../protocols/inspect/inspect-exchange.js')
  return files.map(({ name, bytes }) => inspectExchange(name, bytes, options))
}

async function readPeers(files: readonly string[]): Promise<readonly KnownPeer[]> {
  if (files.length === 0) return []
  const { readPeerFile } = await import('../../protocols/inspect/peer-file.js')
  return files.map((file) => {
    const bytes = readUserBytes(file)
    try {
      return { file, id: readPeerFile(bytes) }
    } catch (error) {
      if (!(error instanceof ProtocolFault)) throw error
      throw new AppError('usage', 'peer-file-invalid', `--peer ${file}: ${describeFault(error)}`, {
        hint: 'an RFC 8183 file of the peer, or its ID certificate in DER or PEM',
      })
    }
  })
}
