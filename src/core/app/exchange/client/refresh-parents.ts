/** Refresh of a CA from each of its parents elsewhere: one that fails does not keep the others from being asked. */
import { AppError } from '../../../base/errors.js'
import type { Handle } from '../../../base/handle.js'
import { Work } from '../../../eventsourcing/work.js'
import { knownCa } from '../../session/context.js'
import type { Session } from '../../session/session.js'
import { afterChange } from '../../transaction/errors.js'
import type { RefreshOptions } from '../parent/parent-exchange.js'
import { type RefreshReport, refreshParent } from './refresh-parent.js'

export interface RefreshAllReport {
  readonly ca: Handle
  readonly changed: boolean
  readonly parents: readonly RefreshReport[]
  /** Parents whose list could not be had. */
  readonly failed: readonly { readonly parent: Handle; readonly code: string; readonly message: string }[]
}

/**
 * Refreshes a CA from one parent, or from each that is elsewhere in the order of their names. Throws `ca-unknown`, `parent-none`, and what one
 * refresh throws except `remote` errors, which are reported.
 */
export async function refreshParents(
  session: Session,
  ca: Handle,
  parent: Handle | undefined,
  options: RefreshOptions,
): Promise<RefreshAllReport> {
  const names = parent === undefined ? await remoteParents(session, ca) : [parent]
  const parents: RefreshReport[] = []
  const failed: { parent: Handle; code: string; message: string }[] = []
  let changed = false
  for (const name of names) {
    try {
      const report = await refreshParent(session, ca, name, options)
      parents.push(report)
      if (report.changed) changed = true
    } catch (error) {
      if (!(error instanceof AppError) || (error.kind !== 'remote' && error.code !== 'peer-host-busy'))
        throw changed ? afterChange(error) : error
      if (error.changed === 'yes') changed = true
      failed.push({ parent: name, code: error.code, message: error.message })
    }
  }
  return { ca, changed, parents, failed }
}

async function remoteParents(session: Session, ca: Handle): Promise<readonly Handle[]> {
  const { parents } = await session.store.read(async (reader) => knownCa(new Work(reader), ca))
  const names = (Object.keys(parents) as Handle[]).filter((name) => parents[name]?.transport === 'rfc6492').sort()
  if (names.length > 0) return names
  throw new AppError('rejected', 'parent-none', `${ca} has no parent elsewhere`, {
    hint: `brine parent add ${ca} PARENT --response FILE`,
  })
}
