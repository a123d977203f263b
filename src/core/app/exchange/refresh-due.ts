/**
 * Refresh of the parents elsewhere that are due, for `tick`. Invariants: hosts are asked in parallel and the parents at one host one after the
 * other; a host that is down is asked once; a failure stops no other parent; nothing is sent under the lock.
 */
import { AppError } from '../../base/errors.js'
import type { Handle } from '../../base/handle.js'
import type { Instant } from '../../base/time.js'
import { hostKeyOf } from '../../peers/host.js'
import { readExchange } from '../../peers/last-exchange.js'
import { soonest } from '../changes/outcome.js'
import type { Session } from '../transaction/session.js'
import type { Deliver } from './deliver.js'
import { type RemoteParentRow, remoteParentRows } from './due-parents.js'
import { refreshParent } from './refresh-parent.js'

export interface DueReport {
  /** Parents whose answers changed the CA. */
  readonly changed: readonly { readonly ca: Handle; readonly parent: Handle }[]
  readonly failed: readonly {
    readonly ca: Handle
    readonly parent: Handle
    readonly code: string
    readonly message: string
  }[]
  /** When the next parent is due; null without parents elsewhere. */
  readonly nextDue: Instant | null
}

/** Codes of a host that would let the next message wait for the same time-out. */
const DOWN: ReadonlySet<string> = new Set(['peer-timeout', 'peer-unreachable', 'peer-host-busy'])

/** Refreshes every parent that is due. Throws only what keeps the directory from being read. */
export async function refreshDue(session: Session, deliver: Deliver): Promise<DueReport> {
  const now = session.now()
  const due = (await remoteParentRows(session)).filter(
    ({ nextDue }) => nextDue === null || (nextDue !== undefined && nextDue <= now),
  )
  const changed: DueReport['changed'][number][] = []
  const failed: DueReport['failed'][number][] = []
  await Promise.all(
    [...byHost(due).values()].map(async (rows) => {
      let down: string | undefined
      for (const { ca, parent } of rows) {
        if (down !== undefined) {
          failed.push({ ca, parent, code: 'peer-host-down', message: `not asked, as its host is down: ${down}` })
          continue
        }
        const fault = await refreshOne(session, ca, parent, deliver, () => changed.push({ ca, parent }))
        if (fault === undefined) continue
        failed.push({ ca, parent, ...fault })
        if (DOWN.has(fault.code)) down = fault.message
      }
    }),
  )
  // those that were asked are due at another time now
  const left = await remoteParentRows(session)
  const nextDue = left.reduce<Instant | null>((soon, row) => {
    return row.nextDue === undefined ? soon : soonest(soon, row.nextDue ?? now)
  }, null)
  const byName = (a: Named, b: Named): number => (`${a.ca}\0${a.parent}` < `${b.ca}\0${b.parent}` ? -1 : 1)
  return { changed: changed.sort(byName), failed: failed.sort(byName), nextDue }
}

type Named = Pick<RemoteParentRow, 'ca' | 'parent'>

/** Returns the rows by host, those that were asked longest ago first: behind a host that is down each has its turn. */
function byHost(rows: readonly RemoteParentRow[]): ReadonlyMap<string, readonly RemoteParentRow[]> {
  const hosts = new Map<string, RemoteParentRow[]>()
  const sorted = [...rows].sort((a, b) => ((a.exchange?.at ?? '') < (b.exchange?.at ?? '') ? -1 : 1))
  for (const row of sorted) {
    const host = hostKeyOf(row.contact.contact.serviceUri)
    hosts.set(host, [...(hosts.get(host) ?? []), row])
  }
  return hosts
}

/** Refreshes a CA from one parent and returns what failed; undefined if nothing did. */
async function refreshOne(
  session: Session,
  ca: Handle,
  parent: Handle,
  deliver: Deliver,
  onChange: () => void,
): Promise<{ readonly code: string; readonly message: string } | undefined> {
  try {
    const { changed, requests } = await refreshParent(session, ca, parent, { deliver })
    if (changed) onChange()
    const bad = requests.find(({ outcome }) => outcome === 'failed' || outcome === 'refused')
    if (bad === undefined) return undefined
    const { outcome, kind, ski, message } = bad
    const last = readExchange(session.options.dataDir, { kind: 'parent', ca, peer: parent })
    const code = outcome === 'refused' ? 'parent-refused' : (last?.code ?? 'answer-invalid')
    return { code, message: `${kind} of key ${ski} ${outcome}${message === null ? '' : `: ${message}`}` }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return { code: error.code, message: error.message }
  }
}
